from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from photostyle.image import isobmff


def box(kind, *parts):
    payload = b"".join(parts)
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def meta(*properties):
    return box(b"ftyp", b"avif" + bytes(4)) + box(
        b"meta", bytes(4), box(b"hdlr", bytes(20)), box(b"iprp", box(b"ipco", *properties))
    )


def ispe(width, height):
    return box(b"ispe", bytes(4), struct.pack(">II", width, height))


def test_the_largest_picture_counts():
    found = isobmff.properties(meta(ispe(512, 512), ispe(4032, 3024), ispe(320, 240)))
    assert (found.width, found.height) == (4032, 3024)


def test_depth():
    assert isobmff.properties(meta(box(b"pixi", bytes(4), bytes([3, 8, 8, 8])))).bits == 8
    assert isobmff.properties(meta(box(b"pixi", bytes(4), bytes([3, 10, 10, 10])))).bits == 10
    assert isobmff.properties(meta(box(b"av1C", bytes([0x81, 0, 0x40])))).bits == 10
    assert isobmff.properties(meta(box(b"av1C", bytes([0x81, 0, 0x60])))).bits == 12
    assert isobmff.properties(meta(box(b"av1C", bytes([0x81, 0, 0x0C])))).bits == 8


@pytest.mark.parametrize("long_item", [False, True])
@pytest.mark.parametrize("long_number", [False, True])
def test_the_depth_of_the_main_picture_counts(long_item, long_number):
    deep, plain = box(b"pixi", bytes(4), b"\1\x0c"), box(b"pixi", bytes(4), b"\3\x0a\x0a\x0a")
    item, number = ">I" if long_item else ">H", ">H" if long_number else ">B"
    essential = 0x8000 if long_number else 0x80
    belongs = b"".join(
        struct.pack(item, name) + bytes([2]) + struct.pack(number, 1 | essential)
        + struct.pack(number, place)
        for name, place in ((5, 2), (6, 3), (7, 2))
    )  # fmt: skip
    versions = bytes([long_item, 0, 0, long_number])
    table = box(b"ipma", versions, struct.pack(">I", 3), belongs)
    main = box(b"pitm", bytes([long_item, 0, 0, 0]), struct.pack(item, 6))
    parts = box(b"iprp", box(b"ipco", ispe(9, 8), deep, plain), table)
    data = box(b"meta", bytes(4), main, parts)
    assert isobmff.properties(data).bits == 10
    for end in range(len(data)):  # cut anywhere
        isobmff.properties(data[:end])
        isobmff.properties(box(b"meta", bytes(4), main, parts[:end]))


def test_colours():
    nclx = box(b"colr", b"nclx", struct.pack(">HHHB", 12, 13, 1, 128))
    found = isobmff.properties(meta(nclx, box(b"colr", b"prof", b"a profile")))
    assert (found.nclx, found.icc_profile) == ((12, 13), b"a profile")
    assert found.full_range
    assert isobmff.properties(meta(box(b"colr", b"prof", b"a profile"))).full_range is None


@pytest.mark.parametrize(
    ("codec", "grey", "subsampled"),
    [
        (box(b"av1C", bytes([0x81, 0, 0x40])), False, False),
        (box(b"av1C", bytes([0x81, 0, 0x4C])), False, True),
        (box(b"av1C", bytes([0x81, 0, 0x5C])), True, True),
        (box(b"hvcC", bytes(16) + b"\xff" + bytes(6)), False, False),
        (box(b"hvcC", bytes(16) + b"\xfd" + bytes(6)), False, True),
        (box(b"hvcC", bytes(16) + b"\xfc" + bytes(6)), True, True),
        (b"", False, False),
    ],
)
def test_resolution_of_colours(codec, grey, subsampled):
    found = isobmff.properties(meta(ispe(8, 8), codec))
    assert (found.grey, found.subsampled) == (grey, subsampled)


def test_a_film_behind_the_picture():
    assert not isobmff.has_film(meta(ispe(8, 8)))
    assert isobmff.has_film(meta(ispe(8, 8)) + box(b"mpvd", b"ftyp"))


@pytest.mark.parametrize("quarters", range(4))
def test_turns(quarters):
    assert not isobmff.properties(meta(ispe(9, 8))).turned
    found = isobmff.properties(meta(ispe(9, 8), box(b"irot", bytes([quarters]))))
    assert found.turned == (quarters in (1, 3))
    thumbnail = box(b"irot", bytes(1))
    assert isobmff.properties(meta(box(b"irot", b"\1"), thumbnail)).turned


def test_a_file_that_pillow_made():
    file = io.BytesIO()
    Image.fromarray(np.zeros((24, 33, 4), np.uint8)).save(file, "AVIF", icc_profile=b"profile")
    found = isobmff.properties(file.getvalue())
    assert (found.width, found.height, found.bits) == (33, 24, 8)
    assert found.icc_profile == b"profile"


def test_damage_is_no_error():
    data = meta(ispe(9, 8), box(b"colr", b"nclx"), box(b"pixi", bytes(4)), box(b"av1C"))
    assert isobmff.properties(data).width == 9
    for length in range(len(data)):
        isobmff.properties(data[:length])
    rng = np.random.default_rng(0)
    for _ in range(200):
        broken = bytearray(data)
        broken[rng.integers(len(data))] = rng.integers(256)
        isobmff.properties(bytes(broken))
