"""Applying one bilateral grid to a photo's samples on the CPU, in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from photostyle.compiled import compiled, over_rows

Array = NDArray[np.float32]
Samples = NDArray[np.float32 | np.uint8 | np.uint16]


def apply_grid_cpu(samples: Samples, grid: Array, out: Samples) -> None:
    """Apply a bilateral grid of affine colour maps, as `slice_apply` does for one segment.

    Nothing of the photo's size is made besides the result: values are converted pixel by pixel.

    Args:
        samples: `H W 3`: float32, where the colours of wide profiles lie outside of `[0, 1]`, or
            uint8 or uint16 over their range.
        grid: `Gy Gx Gz 3 4`, finite.
        out: `H W 3` of any of these types, filled with the result, clipped to `[0, 1]`, or, as
            float32, to where the sample had been outside of it.
    """
    flat = np.ascontiguousarray(grid, np.float32).reshape(*grid.shape[:3], 12)
    over_rows(_apply, len(samples), samples, flat, _top(samples.dtype), _top(out.dtype), out)


def _top(dtype: np.dtype[Any]) -> float:
    return 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)


@compiled
def _apply(
    begin: int,
    end: int,
    samples: Samples,
    grid: Array,
    top_in: float,
    top_out: float,
    out: Samples,
) -> None:
    height, width = samples.shape[0], samples.shape[1]
    ny, nx, nz, _ = grid.shape
    scale, top = np.float32(1 / top_in), np.float32(top_out)
    integers = top_out != 1.0
    # The grid at a row, with one column and one layer more so that the upper neighbour exists.
    row = np.empty((nx + 1, nz + 1, 12), np.float32)
    flat = row.reshape(nx + 1, -1)
    for y in range(begin, end):
        py = min(max((y + 0.5) / height * ny - 0.5, 0.0), ny - 1.0)
        y0 = int(py)
        y1 = min(y0 + 1, ny - 1)
        fy = np.float32(py - y0)
        for x in range(nx + 1):
            for z in range(nz + 1):
                for c in range(12):
                    below = grid[y0, min(x, nx - 1), min(z, nz - 1), c]
                    above = grid[y1, min(x, nx - 1), min(z, nz - 1), c]
                    row[x, z, c] = below + fy * (above - below)
        for x in range(width):
            px = min(max((x + 0.5) / width * nx - 0.5, 0.0), nx - 1.0)
            x0 = int(px)
            fx = np.float32(px - x0)
            r = scale * samples[y, x, 0]
            g = scale * samples[y, x, 1]
            b = scale * samples[y, x, 2]
            luma = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
            pz = min(max(luma * np.float32(nz - 1), np.float32(0)), np.float32(nz - 1))
            z0 = int(pz)
            fz = np.float32(pz - z0)
            w11 = fx * fz
            w10 = fx - w11
            w01 = fz - w11
            w00 = np.float32(1) - fx - w01
            left, right = flat[x0], flat[x0 + 1]
            at = 12 * z0
            for c in range(3):
                k = at + 4 * c
                value = np.float32(0)
                for i in range(4):
                    m = (
                        w00 * left[k + i]
                        + w01 * left[k + 12 + i]
                        + w10 * right[k + i]
                        + w11 * right[k + 12 + i]
                    )
                    value += m * (r if i == 0 else g if i == 1 else b if i == 2 else np.float32(1))
                if integers:
                    value = top * min(max(value, np.float32(0)), np.float32(1)) + np.float32(0.5)
                else:
                    before = r if c == 0 else g if c == 1 else b
                    lowest, highest = min(before, np.float32(0)), max(before, np.float32(1))
                    value = min(max(value, lowest), highest)
                out[y, x, c] = value
