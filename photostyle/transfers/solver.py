"""Fitting a look: gradient descent on bilateral grids of affine colour maps.

The unknowns are not pixels but colour maps, so every result is locally affine in the content's
colours and stays a photograph (Levin et al. 2006; Luan et al. 2017; Gharbi et al. 2017). Each
segment starts from the affine map that moves its colours onto the style's with the least change
(Pitie and Kokaram 2007), then learns a tone curve of such maps, and departs from it in space only
as far as the style pays for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from photostyle.affine import slice_apply
from photostyle.affine.monge_kantorovich import monge_kantorovich
from photostyle.progress import Progress, ProgressCallback
from photostyle.transfers.look import Look
from photostyle.transfers.objective import Objective
from photostyle.transfers.refine import refine_look
from photostyle.transfers.segments import Segments, membership

if TYPE_CHECKING:
    from torch import Tensor

    from photostyle.features import Encoder
    from photostyle.transfers.config import TransferConfig

Image = NDArray[np.float32]

_CELLS = 16  # grid cells along the long side
_LEVELS = 8  # grid cells in luma
_RATE = 0.02


def fit_look(
    content: Image,
    style: Image,
    segments: Segments,
    config: TransferConfig,
    device: torch.device,
    progress: ProgressCallback,
    encoder: Encoder | None = None,
) -> Look:
    """Fit grids of colour maps that give the content the look of the style.

    Args:
        content: `H W 3` in [0, 1], at the size of the fit.
        style: `h w 3` in [0, 1], at about the same size.
        segments: Which part of the content goes with which part of the style.
        config: Iterations, seed and weights.
        device: Where to compute.
        progress: Called after every step with stage `"fit"` or `"refine"`.
        encoder: Network for the texture loss; needed when that has a weight.

    Returns:
        The look, for the content at any size.
    """
    generator = torch.Generator().manual_seed(config.seed)
    image = torch.from_numpy(content).to(device)
    shares = torch.from_numpy(membership(segments.field, content, first=0, height=len(content))).to(
        device
    )
    objective = Objective(content, style, segments, config.weights, device, generator, encoder)
    start = torch.from_numpy(_start(content, style, segments)).to(device)
    count, ny, nx = len(segments.parts), *_cells(*content.shape[:2])
    tone = torch.zeros(count, 1, 1, _LEVELS, 3, 4, device=device, requires_grad=True)
    space = torch.zeros(count, ny, nx, _LEVELS, 3, 4, device=device, requires_grad=True)
    optimiser = torch.optim.Adam([tone, space], lr=_RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.iterations)
    weights = config.weights
    for step in range(config.iterations):
        result = slice_apply(image, shares, start + tone + space)
        roughness = weights.smooth * _roughness(space, (1, 2))
        roughness = roughness + weights.tone * _roughness(tone + space, (3,))
        optimiser.zero_grad()
        torch.autograd.backward([result, roughness], [objective.gradient(result), None])
        optimiser.step()
        schedule.step()
        progress(Progress("fit", step + 1, config.iterations))
    grid = (start + tone + space).detach().cpu().numpy()
    look = Look(grid, segments.field)
    if config.refine:
        exact = Objective(
            content, style, segments, config.weights, device, generator, encoder, exact=True
        )
        look = refine_look(look, content, exact, config.refine, device, progress)
    return look


def _start(content: Image, style: Image, segments: Segments) -> NDArray[np.float32]:
    """`M 1 1 1 3 4`: the least-change affine map of every segment."""
    flat_content, flat_style = content.reshape(-1, 3), style.reshape(-1, 3)
    maps = [
        monge_kantorovich(flat_content[part.content], flat_style[part.style])
        for part in segments.parts
    ]
    return np.stack(maps).astype(np.float32)[:, None, None, None]


def _cells(height: int, width: int) -> tuple[int, int]:
    longest = max(height, width)
    return max(2, round(_CELLS * height / longest)), max(2, round(_CELLS * width / longest))


def _roughness(grid: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Mean squared slope of the maps along some axes of `M Gy Gx Gz 3 4`, per map."""
    cells = grid[..., 0, 0].numel()
    return sum(
        (grid.diff(dim=axis).square().sum() * (grid.shape[axis] / cells) for axis in axes),
        grid.new_zeros(()),
    )
