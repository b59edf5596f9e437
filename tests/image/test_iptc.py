from __future__ import annotations

import pytest

from photostyle.image import iptc

CAPTION = b"\x1c\x02\x78\x00\x07Caption"
CITY = b"\x1c\x02\x5a\x00\x06Munich"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (b"", (None, True)),
        (CAPTION + CITY, (CAPTION + CITY, True)),
        (CAPTION + bytes(3), (CAPTION, True)),
        (CAPTION + CITY[:4], (CAPTION, False)),
        (CAPTION + CITY[:-1], (CAPTION, False)),
        (CAPTION + b"8BIM and more", (CAPTION, False)),
        (b"Photoshop 3.0\x008", (None, False)),
    ],
)
def test_records_up_to_the_first_damaged_one(records, expected):
    assert iptc.complete_records(records) == expected


@pytest.mark.parametrize("header", [b"", iptc.SEGMENT_HEADER])
@pytest.mark.parametrize("name", [b"\0\0", b"\1a", b"\2ab\0", b"\3abc"])
@pytest.mark.parametrize("records", [CAPTION, CITY])
def test_records_among_other_resources(header, name, records):
    other = b"8BIM\x03\xed" + name + b"\0\0\0\3abc\0"
    block = header + other + iptc.resource_of(records) + other.replace(b"8BIM", b"MeSa")
    assert iptc.records_in_resources(block) == records
    assert iptc.records_in_resources(block + iptc.resource_of(CITY)) == records + CITY
    assert not iptc.has_paths(block)
    assert iptc.has_paths(block + b"8BIM\x07\xd0\0\0\0\0\0\0")


def test_a_block_that_is_cut_anywhere_has_no_records():
    block = iptc.SEGMENT_HEADER + iptc.resource_of(CAPTION)
    for end in range(len(block)):
        assert iptc.records_in_resources(block[:end]) is None
    assert iptc.records_in_resources(b"8BIM\x03\xed\0\0\0\0\0\0") is None


def test_places_are_taken_out():
    assert iptc.without_position(CITY + CAPTION + CITY) == CAPTION
    assert iptc.without_position(CITY) is None
    with pytest.raises(ValueError, match="ends early"):
        iptc.without_position(CAPTION[:-1])
