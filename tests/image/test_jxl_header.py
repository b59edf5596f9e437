from __future__ import annotations

import struct

import numpy as np
import pytest

from photostyle.image.jxl_header import JxlHeader, read_jxl_header


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
    assert read_jxl_header(codestream(*SMALL, *plain, (1, 1), (0, 2))).bits == 32
    extra = ((0, 1), (1, 1), (5, 3), (0, 1), (0, 1), (1, 1))
    assert read_jxl_header(codestream(*SMALL, *extra)).animated


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation):
    extra = ((0, 1), (1, 1), (orientation - 1, 3), (0, 1), (0, 1))
    still = read_jxl_header(codestream(*SMALL, *extra, (0, 1), (0, 1), (1, 2)))
    assert (still.orientation, still.bits) == (orientation, 10)
    assert read_jxl_header(codestream(*SMALL, *extra, (1, 1))).orientation == orientation
    with_preview = ((0, 1), (1, 1), (orientation - 1, 3), (0, 1), (1, 1))
    assert read_jxl_header(codestream(*SMALL, *with_preview)).orientation == orientation


def test_the_codestream_may_be_in_a_box():
    stream = codestream(*LARGE, *USUAL)
    signature = b"\0\0\0\x0cJXL \r\n\x87\n"
    other = struct.pack(">I4s", 12, b"jxll") + bytes(4)
    whole = struct.pack(">I4s", 0, b"jxlc") + stream
    part = struct.pack(">I4sI", 12 + len(stream), b"jxlp", 0) + stream
    for box in (whole, part):
        assert read_jxl_header(signature + other + box).width == 4000


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
