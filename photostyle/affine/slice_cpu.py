"""Bilateral slicing on the CPU, fused with the application of the colour maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.compiled import compiled, over_rows

Array = NDArray[np.float32]

_BLOCKS = 16  # gradient blocks: fixed, so that sums do not depend on the number of processors


def slice_apply_cpu(image: Array, weights: Array, grid: Array, first: int, height: int) -> Array:
    """Apply segment grids of affine colour maps to rows of an image.

    Args:
        image: `H W 3`, in [0, 1]: rows `first` to `first + H` of the photo.
        weights: `H W M`, each pixel's share in the M segments.
        grid: `M Gy Gx Gz 3 4`, one bilateral grid of affine maps per segment.
        first: Index of the first row within the photo.
        height: Height of the whole photo in pixels.

    Returns:
        `H W 3`: the sum over segments of weight times map(image), not clipped.
    """
    out = np.empty_like(image)
    flat = np.ascontiguousarray(grid).reshape(*grid.shape[:4], 12)
    over_rows(_forward, len(image), image, weights, flat, first, height, out)
    return out


def slice_apply_cpu_backward(
    image: Array, weights: Array, shape: tuple[int, ...], grad: Array
) -> Array:
    """Gradient of `slice_apply_cpu` with respect to the grid.

    Args:
        image: `H W 3`, the whole photo.
        weights: `H W M`.
        shape: Shape of the grid, `(M, Gy, Gx, Gz, 3, 4)`.
        grad: `H W 3`, gradient with respect to the output.

    Returns:
        Gradient with the shape of the grid. Deterministic on any number of processors.
    """
    blocks = min(_BLOCKS, len(image))
    parts = np.zeros((blocks, *shape[:4], 12), np.float32)
    over_rows(_backward, blocks, image, weights, grad, parts)
    total: Array = parts.sum(0, dtype=np.float32).reshape(shape)
    return total


@compiled
def _axis(position: float, cells: int) -> tuple[int, np.float32]:
    """Lower cell and weight of the upper one for a position in cell units."""
    position = min(max(position, 0.0), cells - 1.0)
    lower = min(int(position), max(cells - 2, 0))
    return lower, np.float32(position - lower)


@compiled
def _forward(
    begin: int,
    end: int,
    image: Array,
    weights: Array,
    grid: Array,
    first: int,
    height: int,
    out: Array,
) -> None:
    segments, ny, nx, nz, _ = grid.shape
    width = image.shape[1]
    dy = nx * nz * 12 if ny > 1 else 0
    dx = nz * 12 if nx > 1 else 0
    dz = 12 if nz > 1 else 0
    flat = grid.reshape(-1)
    m = np.empty(12, np.float32)
    for y in range(begin, end):
        y0, fy = _axis((y + first + 0.5) / height * ny - 0.5, ny)
        for x in range(width):
            x0, fx = _axis((x + 0.5) / width * nx - 0.5, nx)
            r, g, b = image[y, x, 0], image[y, x, 1], image[y, x, 2]
            luma = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
            z0, fz = _axis(luma * (nz - 1), nz)
            m[:] = 0
            for s in range(segments):
                share = weights[y, x, s]
                if share <= 0:
                    continue
                base = (((s * ny + y0) * nx + x0) * nz + z0) * 12
                for cy in range(2):
                    wy = share * (fy if cy else 1 - fy)
                    for cx in range(2):
                        wx = wy * (fx if cx else 1 - fx)
                        at = base + cy * dy + cx * dx
                        w0 = wx * (1 - fz)
                        w1 = wx * fz
                        for c in range(12):
                            m[c] += w0 * flat[at + c] + w1 * flat[at + dz + c]
            for c in range(3):
                out[y, x, c] = m[4 * c] * r + m[4 * c + 1] * g + m[4 * c + 2] * b + m[4 * c + 3]


@compiled
def _backward(
    begin: int, end: int, image: Array, weights: Array, grad: Array, parts: Array
) -> None:
    blocks, segments, ny, nx, nz, _ = parts.shape
    height, width = image.shape[0], image.shape[1]
    dy = nx * nz * 12 if ny > 1 else 0
    dx = nz * 12 if nx > 1 else 0
    dz = 12 if nz > 1 else 0
    g = np.empty(12, np.float32)
    for block in range(begin, end):
        flat = parts[block].reshape(-1)
        for y in range(height * block // blocks, height * (block + 1) // blocks):
            y0, fy = _axis((y + 0.5) / height * ny - 0.5, ny)
            for x in range(width):
                x0, fx = _axis((x + 0.5) / width * nx - 0.5, nx)
                luma = (
                    np.float32(0.299) * image[y, x, 0]
                    + np.float32(0.587) * image[y, x, 1]
                    + np.float32(0.114) * image[y, x, 2]
                )
                z0, fz = _axis(luma * (nz - 1), nz)
                for c in range(3):
                    d = grad[y, x, c]
                    for k in range(3):
                        g[4 * c + k] = d * image[y, x, k]
                    g[4 * c + 3] = d
                for s in range(segments):
                    share = weights[y, x, s]
                    if share <= 0:
                        continue
                    base = (((s * ny + y0) * nx + x0) * nz + z0) * 12
                    for cy in range(2):
                        wy = share * (fy if cy else 1 - fy)
                        for cx in range(2):
                            wx = wy * (fx if cx else 1 - fx)
                            at = base + cy * dy + cx * dx
                            w0 = wx * (1 - fz)
                            w1 = wx * fz
                            for c in range(12):
                                flat[at + c] += w0 * g[c]
                                flat[at + dz + c] += w1 * g[c]
