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
