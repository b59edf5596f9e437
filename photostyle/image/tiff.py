"""Writing TIFF files, 8 or 16 bits a channel, with all of their metadata.

Reference: TIFF 6.0 (Adobe, 1992); Photoshop TIFF Technical Notes (Adobe, 2002) for deflate.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from photostyle.image import exif

if TYPE_CHECKING:
    from collections.abc import Sequence

Samples = npt.NDArray[np.uint8 | np.uint16]

_STRIP_BYTES = 1 << 18

# Types of fields: the code of a number, and numbers a value.
_BYTE, _SHORT, _LONG, _RATIONAL = 1, 3, 4, 5
_NUMBERS = {_BYTE: ("B", 1), _SHORT: ("H", 1), _LONG: ("I", 1), _RATIONAL: ("I", 2)}

_DEFLATE, _RGB, _INTERLEAVED, _DIFFERENCES, _INCH, _UNASSOCIATED = 8, 2, 1, 2, 2, 2


def encode_tiff(
    samples: Samples,
    *,
    icc_profile: bytes | None = None,
    exif_block: bytes | None = None,
    xmp: bytes | None = None,
    iptc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytearray:
    """Make a TIFF file, compressed without loss.

    The file begins with the EXIF block as it is: that is a TIFF file without pixels, which only
    wants another main directory. Everything else in it, maker notes too, stays where its offsets
    say.

    Args:
        samples: H W 3 (RGB) or H W 4 (RGB, alpha), uint8 or uint16.
        icc_profile: Colour profile.
        exif_block: EXIF block.
        xmp: XMP packet.
        iptc: IPTC-IIM records.
        dpi: Horizontal and vertical resolution in pixels per inch.

    Raises:
        ValueError: The EXIF block is damaged, or the file would be larger than 4 GiB.
    """
    height, width, channels = samples.shape
    file = bytearray(exif_block or b"II*\0\0\0\0\0")
    order = exif.byte_order(file)
    records = exif.descriptive_records(file) if exif_block else {}
    rows = max(1, _STRIP_BYTES // (width * channels * samples.itemsize))
    offsets, counts = [], []
    for first in range(0, height, rows):
        strip = _compressed(samples[first : first + rows], order)
        offsets.append(_append(file, strip))
        counts.append(len(strip))
    if len(file) >= 1 << 32:
        raise ValueError("a TIFF file cannot be larger than 4 GiB")

    fields: list[tuple[int, int, Sequence[int]]] = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [8 * samples.itemsize] * channels),
        (259, _SHORT, [_DEFLATE]),
        (262, _SHORT, [_RGB]),
        (273, _LONG, offsets),
        (277, _SHORT, [channels]),
        (278, _LONG, [rows]),
        (279, _LONG, counts),
        (284, _SHORT, [_INTERLEAVED]),
        (317, _SHORT, [_DIFFERENCES]),
    ]
    if channels == 4:
        fields.append((338, _SHORT, [_UNASSOCIATED]))
    if dpi:
        fields += [(282 + i, _RATIONAL, [round(1000 * dpi[i]), 1000]) for i in (0, 1)]
        fields.append((296, _SHORT, [_INCH]))
    for tag, block in ((700, xmp), (0x83BB, iptc), (0x8773, icc_profile)):
        if block:
            fields.append((tag, _BYTE, block))
    for tag, kind, values in fields:
        records[tag] = _record(file, order, tag, kind, values)

    directory = b"".join(record for _, record in sorted(records.items()))
    start = _append(file, struct.pack(order + "H", len(records)) + directory + bytes(4))
    struct.pack_into(order + "I", file, 4, start)
    return file


def _compressed(rows: Samples, order: exif.ByteOrder) -> bytes:
    """A strip: horizontal differences, deflated.

    Looking for runs only is ten times as fast as looking for all repetitions, and on the noise of
    a photo just as good.
    """
    differences = rows.copy()
    differences[:, 1:] -= rows[:, :-1]
    deflate = zlib.compressobj(1, strategy=zlib.Z_RLE)
    ordered = differences.astype(differences.dtype.newbyteorder(order), copy=False)
    return deflate.compress(ordered.tobytes()) + deflate.flush()


def _append(file: bytearray, block: bytes) -> int:
    """Append a block at an even position, which is returned."""
    file += bytes(len(file) % 2)
    start = len(file)
    file += block
    return start


def _record(
    file: bytearray, order: exif.ByteOrder, tag: int, kind: int, values: Sequence[int]
) -> bytes:
    """A field's 12-byte record; a value that does not fit in is appended to the file."""
    code, numbers = _NUMBERS[kind]
    value = struct.pack(f"{order}{len(values)}{code}", *values)
    if len(value) > 4:
        value = struct.pack(order + "I", _append(file, value))
    return struct.pack(order + "HHI4s", tag, kind, len(values) // numbers, value)
