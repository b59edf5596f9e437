from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from photostyle.image.jpeg import jpeg_metadata
from photostyle.image.resolution import NO_RESOLUTION

RECORDS = b"\x1c\x02\x78\x00\x07Caption"


def jpeg(*segments: tuple[int, bytes], **options) -> bytes:
    """A JPEG file with further segments in front."""
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file, "JPEG", **options)
    data = file.getvalue()
    parts = (struct.pack(">BBH", 255, kind, len(c) + 2) + c for kind, c in segments)
    return data[:2] + b"".join(parts) + data[2:]


def metadata_of(data: bytes, notes=None):
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        return jpeg_metadata(image, [] if notes is None else notes)


def test_a_plain_file_has_none():
    assert metadata_of(jpeg()) == {"exif": None, "xmp": None, "iptc": None, "dpi": None}


def test_every_block_is_found(camera_exif):
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(RECORDS)) + RECORDS
    block = b"Exif\0\0" + camera_exif()
    found = metadata_of(
        jpeg((0xED, b"Photoshop 3.0\0" + resource), exif=block, xmp=b"<x/>", dpi=(300, 240))
    )
    assert found == {"exif": block, "xmp": b"<x/>", "iptc": RECORDS, "dpi": (300.0, 240.0)}


def resource(number, content):
    return (
        b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + bytes(len(content) % 2)
    )


def test_iptc_that_goes_on_in_the_next_segment_is_found():
    block = resource(0x0BB7, b"odd") + resource(0x0404, RECORDS * 20) + resource(0x0404, RECORDS)
    cut = len(block) // 2
    parts = [(0xED, b"Photoshop 3.0\0" + part) for part in (block[:cut], block[cut:])]
    notes = []
    assert metadata_of(jpeg(*parts), notes)["iptc"] == RECORDS * 21
    assert notes == []


def test_what_only_a_camera_or_photoshop_understands_is_told():
    notes = []
    path = b"Photoshop 3.0\0" + resource(2000, b"Path")
    metadata_of(
        jpeg((0xE5, b"FLIR\0\1"), (0xEA, b"\1\2"), (0xE5, b"FLIR\0\2"), (0xED, path)), notes
    )
    told_of_paths, told_of_others = notes
    assert told_of_paths == "its clipping paths are not kept"
    assert told_of_others.endswith("understands, which are not kept (FLIR, unnamed)")


@pytest.mark.parametrize(("unit", "expected"), [(0, None), (1, (40, 30)), (2, (101.6, 76.2))])
def test_the_unit_of_the_resolution_counts(unit, expected):
    data = jpeg()
    start = data.index(b"JFIF\0") + 7
    data = data[:start] + struct.pack(">BHH", unit, 40, 30) + data[start + 5 :]
    assert metadata_of(data)["dpi"] == (expected and pytest.approx(expected))


def test_a_resolution_is_not_made_up_from_exif(camera_exif):
    assert metadata_of(jpeg(exif=b"Exif\0\0" + camera_exif()))["dpi"] is None


def test_a_resolution_out_of_range_is_told():
    notes = []
    data = jpeg()
    start = data.index(b"JFIF\0") + 7
    data = data[:start] + struct.pack(">BHH", 2, 30_000, 30_000) + data[start + 5 :]
    assert metadata_of(data, notes)["dpi"] is None
    assert notes == [NO_RESOLUTION]


def test_a_packet_whose_extension_is_missing_stays_as_it_is():
    packet = b"<x xmpNote:HasExtendedXMP='0123456789ABCDEF0123456789ABCDEF'/>"
    assert metadata_of(jpeg(xmp=packet))["xmp"] == packet
