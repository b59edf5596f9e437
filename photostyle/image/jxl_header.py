"""The header of a JPEG XL file.

Reference: ISO/IEC 18181-1 (codestream), annex D, and 18181-2 (boxes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
"""How a file begins whose codestream is in a box."""

_DAMAGED = "the file is damaged"
_HEADER_BYTES = 256  # more than the fields up to the curve take, unless channels have long names
_SIZE_BITS = ((1, 9), (1, 13), (1, 18), (1, 30))
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height

# Kinds of numbers: by the two bits before them, what is to be added, and how many bits follow.
_BIT_DEPTHS = ((8, 0), (10, 0), (12, 0), (1, 6))
_FLOATING_BIT_DEPTHS = ((32, 0), (16, 0), (24, 0), (1, 6))
_PREVIEW_SIZES = ((1, 6), (65, 8), (321, 10), (1345, 12))
_PREVIEW_EIGHTHS = ((16, 0), (32, 0), (1, 5), (33, 9))
_TICKS = ((100, 0), (1000, 0), (1, 10), (1, 30)), ((1, 0), (1001, 0), (1, 8), (1, 10))
_LOOPS = ((0, 0), (0, 3), (0, 16), (0, 32))
_CHANNELS = ((0, 0), (1, 0), (2, 4), (1, 12))
_ENUMERATED = ((0, 0), (1, 0), (2, 4), (18, 6))
_SHIFTS = ((0, 0), (3, 0), (4, 0), (1, 3))
_NAMES = ((0, 0), (0, 4), (16, 5), (48, 10))

_ALPHA = 0  # among the kinds of further channels
_RGB, _GREY = 0, 1  # among spaces of colours
_D65, _SRGB_PRIMARIES, _LINEAR, _SRGB_CURVE = 1, 1, 8, 13


@dataclass(frozen=True, slots=True)
class JxlHeader:
    """What the header says."""

    width: int
    """Width in pixels, as stored."""

    height: int
    """Height in pixels, as stored."""

    bits: int = 8
    """Bits a channel."""

    floating: bool = False
    """Whether these are of floating point values."""

    further: int = 0
    """How many channels there are besides those of colour."""

    animated: bool = False
    """Whether it holds several pictures."""

    orientation: int = 1
    """How the stored picture has to be turned, 1 to 8 as EXIF defines it."""


class _Bits:
    """Reads numbers from bits, the lowest bit of a byte first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self.position = 0

    def take(self, number: int) -> int:
        result = self._value >> self.position & ((1 << number) - 1)
        self.position += number
        return result

    def number(self, kinds: tuple[tuple[int, int], ...]) -> int:
        """A number of one of four kinds: which, is told before it."""
        start, bits = kinds[self.take(2)]
        return start + self.take(bits)


def read_jxl_header(data: bytes) -> JxlHeader:
    """Read the header.

    Args:
        data: The file, or its beginning.

    Raises:
        ValueError: There is none.
    """
    return _header(_Bits(_codestream(data)))


def with_srgb_curve(codestream: bytes) -> bytes:
    """Have the header say that samples are in the encoding of sRGB, instead of linear.

    Both are stated by as many bits, so that nothing else changes.

    Args:
        codestream: A codestream, not in a box, of samples of more than 8 bits that are stated to be
            linear, of the primaries of sRGB or grey, maybe with alpha.

    Raises:
        ValueError: It states something else.
    """
    bits = _Bits(codestream[2:_HEADER_BYTES])
    header = _header(bits)
    for _ in range(header.further):
        _skip_alpha(bits)
    bits.take(1)  # whether samples are not in the stated encoding, but one for compression
    if bits.take(2):  # the usual colours, or a profile
        raise ValueError("its colours are not stated by numbers")
    space = bits.number(_ENUMERATED)
    stated = [space, bits.number(_ENUMERATED)]
    if space == _RGB:
        stated.append(bits.number(_ENUMERATED))
    gamma = bits.take(1)
    curve = bits.number(_ENUMERATED)
    if gamma or stated not in ([_RGB, _D65, _SRGB_PRIMARIES], [_GREY, _D65]) or curve != _LINEAR:
        raise ValueError("its colours are not linear")
    head = int.from_bytes(codestream[:_HEADER_BYTES], "little")
    # Of both numbers, 2 is taken off, and the rest is in the last four bits.
    head ^= (_LINEAR - 2 ^ _SRGB_CURVE - 2) << (8 * 2 + bits.position - 4)
    return head.to_bytes(len(codestream[:_HEADER_BYTES]), "little") + codestream[_HEADER_BYTES:]


def _header(bits: _Bits) -> JxlHeader:
    """The header up to the number of further channels."""
    width, height = _size(bits)
    if bits.take(1):  # all as usual
        return JxlHeader(width, height)
    animated, orientation = False, 1
    if bits.take(1):  # extra fields
        orientation = 1 + bits.take(3)
        if bits.take(1):  # another size to show it in
            _size(bits)
        if bits.take(1):
            _skip_preview(bits)
        animated = bool(bits.take(1))
        if animated:
            for kinds in (*_TICKS, _LOOPS):
                bits.number(kinds)
            bits.take(1)
    depth, floating = _depth(bits)
    bits.take(1)  # whether 16 bits are enough for its decoder
    return JxlHeader(width, height, depth, floating, bits.number(_CHANNELS), animated, orientation)


def _depth(bits: _Bits) -> tuple[int, bool]:
    """Bits a channel, and whether they are of floating point values."""
    if not bits.take(1):
        return bits.number(_BIT_DEPTHS), False
    depth = bits.number(_FLOATING_BIT_DEPTHS)
    bits.take(4)  # how many of them are the exponent
    return depth, True


def _skip_preview(bits: _Bits) -> None:
    sizes = _PREVIEW_EIGHTHS if bits.take(1) else _PREVIEW_SIZES
    bits.number(sizes)
    if bits.take(3) == 0:  # no ratio of width and height
        bits.number(sizes)


def _skip_alpha(bits: _Bits) -> None:
    """Skip what is said of an alpha channel.

    Raises:
        ValueError: It is another channel.
    """
    if bits.take(1):  # all as usual: alpha of 8 bits
        return
    if bits.number(_ENUMERATED) != _ALPHA:
        raise ValueError("it has further channels")
    _depth(bits)
    bits.number(_SHIFTS)
    bits.take(8 * bits.number(_NAMES))
    bits.take(1)  # whether it is multiplied into the colours


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream, without its signature.

    Raises:
        ValueError: There is none.
    """
    start = data[:_HEADER_BYTES]
    if data.startswith(CONTAINER):
        start = b"".join(_parts(data))[:_HEADER_BYTES]
    if start[:2] != b"\xff\x0a" or len(start) < 4:
        raise ValueError(_DAMAGED)
    return start[2:]


def _parts(data: bytes) -> Iterator[bytes]:
    """The beginnings of the boxes that hold the codestream, until there is enough of it."""
    position = found = 0
    while position + 16 <= len(data) and found < _HEADER_BYTES:
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        end = position + size if size else len(data)
        if end < position + head:
            return
        if kind in (b"jxlc", b"jxlp"):
            head += 4 * (kind == b"jxlp")  # which has a number before it
            part = data[position + head : min(end, position + head + _HEADER_BYTES)]
            found += len(part)
            yield part
        position = end


def _size(bits: _Bits) -> tuple[int, int]:
    """Width and height."""
    small = bits.take(1)

    def side() -> int:
        return (bits.take(5) + 1) * 8 if small else bits.number(_SIZE_BITS)

    height = side()
    ratio = bits.take(3)
    if ratio == 0:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height
