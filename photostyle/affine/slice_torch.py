"""Bilateral slicing in plain PyTorch: any device, any floating-point type, differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

from photostyle.affine.luma import LUMA


def slice_apply_torch(
    image: Tensor, weights: Tensor, grid: Tensor, first: int, height: int
) -> Tensor:
    """Apply segment grids of affine colour maps to rows of an image.

    Arguments and result as in `photostyle.affine.slice_apply`.
    """
    rows, width = image.shape[:2]
    segments, ny, nx, nz = grid.shape[:4]
    y = (torch.arange(rows).to(image) + first + 0.5) / height * ny - 0.5
    x = (torch.arange(width).to(image) + 0.5) / width * nx - 0.5
    z = (image @ image.new_tensor(LUMA)) * (nz - 1)
    (y0, y1, fy), (x0, x1, fx), (z0, z1, fz) = (_axis(p, n) for p, n in ((y, ny), (x, nx), (z, nz)))
    homogeneous = torch.cat([image, torch.ones_like(image[..., :1])], -1)
    out = torch.zeros_like(image)
    for segment in range(segments):
        cells = grid[segment].reshape(ny * nx * nz, 12)
        maps = image.new_zeros(rows * width, 12)
        for cy, wy in ((y0, 1 - fy), (y1, fy)):
            for cx, wx in ((x0, 1 - fx), (x1, fx)):
                for cz, wz in ((z0, 1 - fz), (z1, fz)):
                    index = (cy[:, None] * nx + cx) * nz + cz
                    share = wy[:, None] * wx * wz
                    maps = maps + share.reshape(-1, 1) * cells[index.reshape(-1)]
        mapped = (maps.reshape(rows, width, 3, 4) @ homogeneous[..., None])[..., 0]
        out = out + weights[..., segment, None] * mapped
    return out


def _axis(position: Tensor, cells: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lower cell, upper cell and weight of the upper one, for positions in cell units."""
    position = position.clamp(0, cells - 1)
    lower = position.detach().floor().clamp(max=max(cells - 2, 0)).long()
    return lower, (lower + 1).clamp(max=cells - 1), position - lower
