"""The header of a JPEG XL file.

Reference: ISO/IEC 18181-1 (codestream), annex D, and 18181-2 (boxes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_SIZE_BITS = (9, 13, 18, 30)
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height
_BIT_DEPTHS = (8, 10, 12)
_FLOATING_BIT_DEPTHS = (32, 16, 24)


@dataclass(frozen=True, slots=True)
class JxlHeader:
    """What the header says."""

    width: int
    """Width in pixels, as stored."""

    height: int
    """Height in pixels, as stored."""

    bits: int = 8
    """Bits a channel."""

    animated: bool = False
    """Whether it holds several pictures."""

    orientation: int = 1
    """How the stored picture has to be turned, 1 to 8 as EXIF defines it."""


class _Bits:
    """Reads numbers from bits, the lowest bit of a byte first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, number: int) -> int:
        result = self._value & ((1 << number) - 1)
        self._value >>= number
        return result


def read_jxl_header(data: bytes) -> JxlHeader:
    """Read the header.

    Args:
        data: The file, or its beginning.

    Raises:
        ValueError: There is none.
    """
    start = _codestream(data)
    if data[start : start + 2] != b"\xff\x0a" or len(data) < start + 4:
        raise ValueError("the file is damaged")
    bits = _Bits(data[start + 2 : start + 66])
    width, height = _size(bits)
    if bits.take(1):  # all as usual
        return JxlHeader(width, height)
    animated, orientation = False, 1
    if bits.take(1):  # extra fields
        orientation = 1 + bits.take(3)
        if bits.take(1):  # another size to show it in
            _size(bits)
        if bits.take(1):  # a preview, whose header is not read
            return JxlHeader(width, height, orientation=orientation)
        animated = bool(bits.take(1))
        if animated:
            return JxlHeader(width, height, animated=True, orientation=orientation)
    depths = _FLOATING_BIT_DEPTHS if bits.take(1) else _BIT_DEPTHS
    which = bits.take(2)
    depth = depths[which] if which < 3 else 1 + bits.take(6)
    return JxlHeader(width, height, depth, orientation=orientation)


def _codestream(data: bytes) -> int:
    """Where the codestream begins."""
    if not data.startswith(_CONTAINER):
        return 0
    position = 0
    while position + 16 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        if kind == b"jxlc":
            return position + head
        if kind == b"jxlp":  # a part of it, with a number
            return position + head + 4
        if size < head:
            break
        position += size
    raise ValueError("the file is damaged")


def _size(bits: _Bits) -> tuple[int, int]:
    """Width and height."""
    small = bits.take(1)

    def side() -> int:
        if small:
            return (bits.take(5) + 1) * 8
        return bits.take(_SIZE_BITS[bits.take(2)]) + 1

    height = side()
    ratio = bits.take(3)
    if ratio == 0:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height
