"""What AVIF and HEIF files say of their pictures.

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
    """Bits a channel of the deepest."""

    icc_profile: bytes | None = None
    """Colour profile of the first that has one."""

    nclx: tuple[int, int] | None = None
    """Colour primaries and transfer function, numbered as in ITU-T H.273."""

    turned: bool = False
    """Whether one is to be shown with width and height exchanged."""


def properties(data: bytes) -> Properties:
    """Read the properties; those of a damaged file are as good as none."""
    width = height = 0
    bits = 8
    profile = nclx = None
    turned = False
    for kind, start, end in _property_boxes(data):
        payload = data[start:end]
        if kind == b"ispe" and len(payload) >= 12:
            size = struct.unpack_from(">II", payload, 4)
            width, height = max((width, height), size, key=lambda each: each[0] * each[1])
        elif kind == b"pixi" and len(payload) > 5:
            bits = max(bits, *payload[5 : 5 + payload[4]])
        elif kind == b"av1C" and len(payload) > 2:
            bits = max(bits, 8 + 2 * (payload[2] >> 6 & 1) * (1 + (payload[2] >> 5 & 1)))
        elif kind == b"colr" and payload[:4] == b"nclx" and len(payload) >= 8 and nclx is None:
            nclx = struct.unpack_from(">HH", payload, 4)
        elif kind == b"colr" and payload[:4] in (b"prof", b"rICC") and profile is None:
            profile = payload[4:]
        elif kind == b"irot" and payload:
            turned |= bool(payload[0] & 1)  # of quarter turns an odd number
    return Properties(width, height, bits, profile, nclx, turned)


def _property_boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"meta":
            continue
        for inner, inner_start, inner_end in _boxes(data, start + 4, end):
            if inner != b"iprp":
                continue
            for part, part_start, part_end in _boxes(data, inner_start, inner_end):
                if part == b"ipco":
                    yield from _boxes(data, part_start, part_end)


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
