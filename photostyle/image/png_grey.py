"""Writing PNG files of grey with alpha, which the libraries at hand do in 8 bits at most.

Reference: Portable Network Graphics, third edition (W3C, 2025), sections 9 and 11.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from photostyle.image import png

if TYPE_CHECKING:
    from photostyle.image.stored import Samples


def encode_grey_alpha(samples: Samples) -> bytes:
    """A PNG file of grey with alpha, H W 2, uint8 or uint16, which OpenCV does not write.

    Every row is stored as its differences from pixel to pixel.
    """
    height, width, channels = samples.shape
    bits = 8 * samples.itemsize
    header = struct.pack(">IIBBBBB", width, height, bits, 4, 0, 0, 0)
    deflate = zlib.compressobj(1, strategy=zlib.Z_RLE)
    parts = []
    for row in samples:
        values = np.ascontiguousarray(row, f">u{samples.itemsize}").view(np.uint8).ravel()
        differences = values.copy()
        step = channels * samples.itemsize
        differences[step:] -= values[:-step]
        parts.append(deflate.compress(b"\1" + differences.tobytes()))
    parts.append(deflate.flush())
    return b"".join(
        (
            png.SIGNATURE,
            png.chunk(b"IHDR", header),
            png.chunk(b"IDAT", b"".join(parts)),
            png.chunk(b"IEND", b""),
        )
    )
