"""What AVIF and HEIF files say of their pictures, and the boxes that JPEG XL files have as well.

Reference: ISO/IEC 14496-12 (boxes) and 23008-12 (properties of pictures).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of the pictures in a file, of all of them together."""

    width: int = 0
    """Width in pixels of the largest."""

    height: int = 0
    """Height in pixels of the largest."""

    bits: int = 8
    """Bits a channel of the main picture; of the deepest where it is not told which that is."""

    icc_profile: bytes | None = None
    """Colour profile of the first that has one."""

    nclx: tuple[int, int] | None = None
    """Colour primaries and transfer function, numbered as in ITU-T H.273."""

    full_range: bool | None = None
    """Whether samples span all values that their bits have; None where it is not told."""

    grey: bool = False
    """Whether the main picture has a single channel of colour."""

    subsampled: bool = False
    """Whether the main picture has colours of a lower resolution than brightness, or none."""

    turned: bool = False
    """Whether one is to be shown with width and height exchanged."""


def properties(data: bytes) -> Properties:
    """Read the properties; those of a damaged file are as good as none."""
    width = height = 0
    depths: dict[int, int] = {}
    across: dict[int, int] = {}  # pixels of brightness for one of colour; 0 without colour
    profile = nclx = full_range = None
    turned = False
    for number, (kind, start, end) in enumerate(_below(data, b"iprp", b"ipco"), 1):
        payload = data[start:end]
        if kind == b"ispe" and len(payload) >= 12:
            size = struct.unpack_from(">II", payload, 4)
            width, height = max((width, height), size, key=lambda each: each[0] * each[1])
        elif kind == b"pixi" and len(payload) > 5:
            depths[number] = max(payload[5 : 5 + payload[4]], default=8)
        elif kind == b"av1C" and len(payload) > 2:
            depths[number] = 8 + 2 * (payload[2] >> 6 & 1) * (1 + (payload[2] >> 5 & 1))
            across[number] = 0 if payload[2] >> 4 & 1 else 1 + (payload[2] >> 3 & 1)
        elif kind == b"hvcC" and len(payload) > 16:
            across[number] = (0, 2, 2, 1)[payload[16] & 3]
        elif kind == b"colr" and payload[:4] == b"nclx" and len(payload) >= 8 and nclx is None:
            nclx = struct.unpack_from(">HH", payload, 4)
            full_range = bool(payload[10] >> 7) if len(payload) > 10 else None
        elif kind == b"colr" and payload[:4] in (b"prof", b"rICC") and profile is None:
            profile = payload[4:]
        elif kind == b"irot" and payload:
            turned |= bool(payload[0] & 1)  # of quarter turns an odd number
    of_main = _numbers_of_main(data)
    bits = max((depths[number] for number in depths.keys() & of_main or depths), default=8)
    steps = max((across[number] for number in across.keys() & of_main or across), default=1)
    colours = {"grey": steps == 0, "subsampled": steps != 1}
    return Properties(width, height, bits, profile, nclx, full_range, **colours, turned=turned)


def top_boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, and beginning and end of the payload, of the boxes that are in no other."""
    return _boxes(data, 0, len(data))


def has_film(data: bytes) -> bool:
    """Whether a film stands behind the pictures, as phones put it there."""
    return any(kind == b"mpvd" for kind, _, _ in top_boxes(data))


def _numbers_of_main(data: bytes) -> set[int]:
    """The places of the main picture's properties among all, from 1 on; none in a damaged file."""
    main = None
    for kind, start, end in _below(data):
        if kind == b"pitm":
            main = int.from_bytes(data[start + 4 : end])
    found: set[int] = set()
    for kind, start, end in _below(data, b"iprp"):
        if kind != b"ipma" or end - start < 8:
            continue
        long_item, long_number = data[start] > 0, data[start + 3] & 1
        position = start + 8
        while position + (4 if long_item else 2) < end:
            item = int.from_bytes(data[position : position + (4 if long_item else 2)])
            position += 4 if long_item else 2
            for _ in range(data[position]):
                number = int.from_bytes(data[position + 1 : position + 2 + long_number])
                if item == main:
                    found.add(number & (0x7FFF if long_number else 0x7F))
                position += 1 + long_number
            position += 1
    return found


def _below(data: bytes, *kinds: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The boxes in the box that a way of types leads to, from the file's `meta` box on."""
    if not kinds:
        for kind, start, end in top_boxes(data):
            if kind == b"meta":
                yield from _boxes(data, start + 4, end)
        return
    for kind, start, end in _below(data, *kinds[:-1]):
        if kind == kinds[-1]:
            yield from _boxes(data, start, end)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, and beginning and end of the payload, of the boxes in a part of the file."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        stop = end if size == 0 else start + size
        if stop < start + head or stop > end:
            return
        yield kind, start + head, stop
        start = stop
