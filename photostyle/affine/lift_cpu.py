"""Evaluating a field of affine functions at full size, in one pass over the pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.compiled import compiled, over_rows

Array = NDArray[np.float32]


def apply_field(image: Array, coefficients: Array, first: int, height: int) -> Array:
    """Interpolate affine coefficients bilinearly and apply them to rows of a photo.

    Args:
        image: `H W 3`: rows `first` to `first + H` of the photo.
        coefficients: `h w C 4`, pixel centres spread evenly over the whole photo.
        first: Index of the first row within the photo.
        height: Height of the whole photo in pixels.

    Returns:
        `H W C` float32.
    """
    channels = coefficients.shape[2]
    out = np.empty((*image.shape[:2], channels), np.float32)
    flat = np.ascontiguousarray(coefficients).reshape(*coefficients.shape[:2], 4 * channels)
    over_rows(_apply, len(image), image, flat, first, height, out)
    return out


@compiled
def _apply(
    begin: int, end: int, image: Array, field: Array, first: int, height: int, out: Array
) -> None:
    rows, columns, size = field.shape
    width, channels = out.shape[1], out.shape[2]
    line = np.empty((columns, size), np.float32)
    for y in range(begin, end):
        sy = min(max((y + first + 0.5) / height * rows - 0.5, 0.0), rows - 1.0)
        y0 = min(int(sy), max(rows - 2, 0))
        y1 = min(y0 + 1, rows - 1)
        fy = np.float32(sy - y0)
        for i in range(columns):
            for k in range(size):
                line[i, k] = field[y0, i, k] + fy * (field[y1, i, k] - field[y0, i, k])
        for x in range(width):
            sx = min(max((x + 0.5) / width * columns - 0.5, 0.0), columns - 1.0)
            x0 = min(int(sx), max(columns - 2, 0))
            x1 = min(x0 + 1, columns - 1)
            fx = np.float32(sx - x0)
            r, g, b = image[y, x, 0], image[y, x, 1], image[y, x, 2]
            for c in range(channels):
                k = 4 * c
                low = line[x0, k] * r + line[x0, k + 1] * g + line[x0, k + 2] * b + line[x0, k + 3]
                high = line[x1, k] * r + line[x1, k + 1] * g + line[x1, k + 2] * b + line[x1, k + 3]
                out[y, x, c] = low + fx * (high - low)
