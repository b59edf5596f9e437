from __future__ import annotations

import struct

import numpy as np
import pytest

from photostyle.image.jxl_header import JxlHeader, read_jxl_header, with_srgb_curve


def codestream(*fields):
    """A codestream's header of numbers and their lengths in bits."""
    value = position = 0
    for number, length in fields:
        value |= number << position
        position += length
    return b"\xff\x0a" + value.to_bytes(-(-position // 8) + 8, "little")


SMALL = ((1, 1), (2, 5), (0, 3), (4, 5))  # 24 high, 40 wide
LARGE = ((0, 1), (1, 2), (2999, 13), (3, 3))  # 3000 high, 4:3
USUAL = ((1, 1),)


def test_sizes():
    assert read_jxl_header(codestream(*SMALL, *USUAL)) == JxlHeader(40, 24)
    assert read_jxl_header(codestream(*LARGE, *USUAL)) == JxlHeader(4000, 3000)


def test_depth_and_animation():
    plain = ((0, 1), (0, 1))  # not all as usual, no extra fields
    assert read_jxl_header(codestream(*SMALL, *plain, (0, 1), (1, 2))).bits == 10
    assert read_jxl_header(codestream(*SMALL, *plain, (0, 1), (3, 2), (15, 6))).bits == 16
    real = read_jxl_header(codestream(*SMALL, *plain, (1, 1), (0, 2)))
    assert (real.bits, real.floating) == (32, True)
    extra = ((0, 1), (1, 1), (5, 3), (0, 1), (0, 1), (1, 1))
    moving = (*extra, (3, 2), (77, 30), (1, 2), (2, 2), (5, 16), (0, 1))
    found = read_jxl_header(codestream(*SMALL, *moving, (0, 1), (2, 2)))
    assert (found.animated, found.bits, found.orientation) == (True, 12, 6)


@pytest.mark.parametrize(
    "preview",
    [
        ((1, 1), (0, 2), (1, 3)),
        ((1, 1), (3, 2), (100, 9), (0, 3), (2, 2), (7, 5)),
        ((0, 1), (3, 2), (1000, 12), (0, 3), (1, 2), (9, 8)),
    ],
)
def test_what_follows_a_preview_counts(preview):
    extra = ((0, 1), (1, 1), (2, 3), (0, 1), (1, 1), *preview, (0, 1))
    found = read_jxl_header(codestream(*SMALL, *extra, (0, 1), (3, 2), (15, 6), (0, 1), (1, 2)))
    assert found == JxlHeader(40, 24, 16, further=1, orientation=3)


def test_further_channels():
    deep = ((0, 1), (0, 1), (0, 1), (2, 2), (0, 1))
    for fields, number in ((((0, 2),), 0), (((1, 2),), 1), (((2, 2), (9, 4)), 11)):
        assert read_jxl_header(codestream(*SMALL, *deep, *fields)).further == number
    assert read_jxl_header(codestream(*SMALL, *USUAL)).further == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation):
    extra = ((0, 1), (1, 1), (orientation - 1, 3), (0, 1), (0, 1))
    still = read_jxl_header(codestream(*SMALL, *extra, (0, 1), (0, 1), (1, 2)))
    assert (still.orientation, still.bits) == (orientation, 10)
    assert read_jxl_header(codestream(*SMALL, *extra, (1, 1))).orientation == orientation


def test_the_codestream_may_be_in_a_box():
    stream = codestream(*LARGE, *USUAL)
    signature = b"\0\0\0\x0cJXL \r\n\x87\n"
    other = struct.pack(">I4s", 12, b"jxll") + bytes(4)
    whole = struct.pack(">I4s", 0, b"jxlc") + stream
    part = struct.pack(">I4sI", 12 + len(stream), b"jxlp", 0) + stream
    for box in (whole, part):
        assert read_jxl_header(signature + other + box).width == 4000


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_the_codestream_may_be_in_many_boxes(length):
    # Of which what is between is not to be taken for a part of it.
    stream = codestream(*LARGE, (0, 1), (0, 1), (0, 1), (3, 2), (15, 6))
    data = b"\0\0\0\x0cJXL \r\n\x87\n"
    for number, start in enumerate(range(0, len(stream), length)):
        part = stream[start : start + length]
        data += struct.pack(">I4sI", 12 + len(part), b"jxlp", number) + part
        data += struct.pack(">I4sQ", 1, b"Exif", 20) + bytes(4)
    assert read_jxl_header(data) == JxlHeader(4000, 3000, 16)


@pytest.mark.parametrize("data", [b"", b"\xff\x0a", b"text", b"\0\0\0\x0cJXL \r\n\x87\n"])
def test_no_header_is_a_value_error(data):
    with pytest.raises(ValueError, match="damaged"):
        read_jxl_header(data)


@pytest.mark.parametrize("size", [(8, 8), (20, 30), (301, 203), (600, 900), (1200, 1600)])
def test_files_of_libjxl(size):
    imagecodecs = pytest.importorskip("imagecodecs")
    for dtype in (np.uint8, np.uint16):
        data = imagecodecs.jpegxl_encode(np.zeros((*size, 3), dtype), lossless=True, effort=1)
        expected = JxlHeader(size[1], size[0], 8 * np.dtype(dtype).itemsize)
        assert read_jxl_header(data) == expected


DEEP = ((0, 1), (0, 1), (0, 1), (3, 2), (15, 6), (0, 1))  # not all as usual, 16 bits
ALPHA = ((0, 1), (0, 2), *DEEP[2:5], (0, 2), (1, 2), (3, 4), (0x626160, 24), (0, 1))


def coloured(space=0, white=1, primaries=1, curve=8, *, alpha=False):
    """A header that states colours by numbers."""
    stated = [number for number in (space, white, primaries) if number is not None]
    colours = [((number, 2),) if number < 2 else ((2, 2), (number - 2, 4)) for number in stated]
    further = ((1, 2), *ALPHA) if alpha else ((0, 2),)
    fields = (*SMALL, *DEEP, *further, (1, 1), (0, 1), (0, 1), *sum(colours, ()))
    return codestream(*fields, (0, 1), (2, 2), (curve - 2, 4), (1, 2), (0xABCDEF, 24))


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize(("space", "primaries"), [(0, 1), (1, None)])
def test_the_curve_of_srgb_takes_the_place_of_none(space, primaries, alpha):
    before, after = (coloured(space, 1, primaries, curve, alpha=alpha) for curve in (8, 13))
    tail = bytes(range(256)) * 2
    assert before != after
    assert with_srgb_curve(before + tail) == after + tail


@pytest.mark.parametrize(
    "stated", [{"curve": 13}, {"curve": 16}, {"primaries": 11}, {"white": 10}, {"space": 2}]
)
def test_other_colours_are_not_taken_for_linear_srgb(stated):
    with pytest.raises(ValueError, match="not linear"):
        with_srgb_curve(coloured(**stated))


def test_a_profile_or_other_channels_are_not_taken_for_linear_srgb():
    profile = (*SMALL, *DEEP, (0, 2), (1, 1), (0, 1), (1, 1))
    with pytest.raises(ValueError, match="not stated by numbers"):
        with_srgb_curve(codestream(*profile))
    depth = (*SMALL, *DEEP, (1, 2), (0, 1), (1, 2))
    with pytest.raises(ValueError, match="further channels"):
        with_srgb_curve(codestream(*depth))
