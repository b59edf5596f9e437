from __future__ import annotations

import hashlib
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
    assert metadata_of(jpeg()) == {
        "exif": None, "xmp": None, "iptc": None, "dpi": None, "comments": (),
    }  # fmt: skip


def test_every_block_is_found(camera_exif):
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(RECORDS)) + RECORDS
    block = b"Exif\0\0" + camera_exif()
    found = metadata_of(
        jpeg(
            (0xED, b"Photoshop 3.0\0" + resource), (0xFE, b"one"), (0xFE, b""), (0xFE, b"tw\xf6"),
            exif=block, xmp=b"<x/>", dpi=(300, 240),
        )
    )  # fmt: skip
    assert found == {
        "exif": block, "xmp": b"<x/>", "iptc": RECORDS, "dpi": (300.0, 240.0),
        "comments": (b"one", b"tw\xf6"),
    }  # fmt: skip


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


def test_a_comment_is_not_taken_for_a_cameras_own_data():
    notes = []
    records = b"Photoshop 3.0\0" + resource(0x0404, RECORDS)
    assert metadata_of(jpeg((0xFE, b"FLIR"), (0xFE, records)), notes)["iptc"] is None
    assert notes == []


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("number", "content", "name"),
    [(1034, b"\1", b"Marked"), (1035, b"http://example.org", b"WebStatement")],
)
def test_photoshops_copyright_flag_and_url_are_told_unless_xmp_repeats_them(
    number, content, name, extended
):
    def notes_of(content, packet, *further):
        notes = []
        block = b"Photoshop 3.0\0" + resource(number, content)
        metadata_of(jpeg((0xED, block), *further, xmp=packet), notes)
        return notes

    told = "its copyright flag and URL, as Photoshop keeps them, are not kept"
    assert notes_of(content, None) == notes_of(content, b"<x/>") == [told]
    assert notes_of(bytes(1), None) == notes_of(b"", None) == []
    head = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    head += b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    rights = b'xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmpRights:%s="1"/>' % name
    rights = head + rights + b"</rdf:RDF></x:xmpmeta>"
    if not extended:
        assert notes_of(content, rights) == []
        return
    digest = hashlib.md5(rights, usedforsecurity=False).hexdigest().upper().encode()
    packet = head + b'xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="%s"/>' % digest
    part = b"http://ns.adobe.com/xmp/extension/\0" + digest
    part += struct.pack(">II", len(rights), 0) + rights
    assert notes_of(content, packet + b"</rdf:RDF></x:xmpmeta>", (0xE1, part)) == []


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
