"""Fitting a look: gradient descent on bilateral grids of affine colour maps.

The unknowns are not pixels but colour maps, so every result is locally affine in the content's
colours and stays a photograph (Levin et al. 2006; Luan et al. 2017; Gharbi et al. 2017). Each
segment starts from the affine map that moves its colours onto the style's with the least change
(Pitie and Kokaram 2007), then learns a tone curve of such maps, and departs from it in space only
as far as the style pays for it. Neither leaves the axes of the style's palette: what gets the look
of a black-and-white photo has no colours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from photostyle.affine import slice_apply
from photostyle.affine.luma_curve import LEVELS
from photostyle.affine.monge_kantorovich import monge_kantorovich
from photostyle.affine.palette import palette_axes, within_palette
from photostyle.progress import Progress, ProgressCallback
from photostyle.transfers.adam import CosineAdam
from photostyle.transfers.look import Look
from photostyle.transfers.objective import Objective
from photostyle.transfers.placeless import without_placeless
from photostyle.transfers.refine import refine_look
from photostyle.transfers.segments import Segments, membership, single_segment
from photostyle.transfers.tone_order import ToneOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from photostyle.features import Encoder
    from photostyle.transfers.config import TransferConfig

Image = NDArray[np.float32]

_CELLS = 16  # grid cells along the long side
_RATE = 0.02
_STEADY = 100.0  # times as smooth as those of a grid are maps that all photos share


def fit_look(
    content: Image,
    style: Image,
    segments: Segments,
    config: TransferConfig,
    device: torch.device,
    progress: ProgressCallback,
    encoder: Encoder | None = None,
    skin: tuple[Image, Image] | None = None,
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
        skin: `H W` and `h w` in [0, 1], how surely each pixel of the content and of the style shows
            skin; None where its colours are free.

    Returns:
        The look, for the content at any size.
    """
    if not segments.drawn:
        segments = without_placeless(content, style, segments)
    generator = torch.Generator().manual_seed(config.seed)
    image = torch.from_numpy(content).to(device)
    shares = torch.from_numpy(membership(segments.field, content, first=0, height=len(content))).to(
        device
    )
    objective = Objective(
        content, style, segments, config.weights, device, generator, encoder, skin=skin
    )
    start, axes = (part.to(device) for part in _start(content, style, segments))
    count, ny, nx = len(segments.parts), *_cells(*content.shape[:2])
    tone = torch.zeros(count, 1, 1, LEVELS, 3, 4, device=device, requires_grad=True)
    space = torch.zeros(count, ny, nx, LEVELS, 3, 4, device=device, requires_grad=True)
    weights = config.weights
    even = 0.0 if segments.drawn else weights.even
    order = ToneOrder(image, shares)

    def maps() -> Tensor:
        return start + axes @ (tone + space)

    def cost() -> Tensor:
        chroma = space - space.mean(-2, keepdim=True)
        total = weights.smooth * _roughness(space, (1, 2)) + even * _roughness(chroma, (1, 2))
        total = total + weights.order * order(maps())
        return total + weights.tone * _roughness(tone + space, (3,))

    _descend([tone, space], maps, cost, image, shares, objective, config, progress)
    grid = maps().detach().cpu().numpy()
    look = Look(grid, segments.field)
    if config.refine:
        exact = Objective(
            content, style, segments, config.weights, device, generator, encoder,
            skin=skin, exact=True,
        )  # fmt: skip
        own = torch.einsum("yxm,mij->yxij", shares, axes[:, 0, 0, 0])
        look = refine_look(look, content, exact, own, config.refine, device, progress)
    return replace(look, quiet=True)


def fit_luma_maps(
    content: Image,
    style: Image,
    config: TransferConfig,
    device: torch.device,
    progress: ProgressCallback,
    encoder: Encoder | None = None,
) -> Image:
    """Fit colour maps that depend on luma alone: one look for whatever the photo shows.

    Args:
        content: `H W 3` in [0, 1], at the size of the fit; of several photos, a mosaic.
        style: `h w 3` in [0, 1].
        config: Iterations, seed and weights.
        device: Where to compute.
        progress: Called after every step with stage `"fit"`.
        encoder: Network for the texture loss; needed when that has a weight.

    Returns:
        `levels 3 4`: maps evenly spread from luma 0 to luma 1.
    """
    generator = torch.Generator().manual_seed(config.seed)
    image = torch.from_numpy(content).to(device)
    segments = single_segment(content, style)
    objective = Objective(content, style, segments, config.weights, device, generator, encoder)
    start, axes = (part.to(device) for part in _start(content, style, segments))
    tone = torch.zeros(1, 1, 1, LEVELS, 3, 4, device=device, requires_grad=True)

    def maps() -> Tensor:
        return start + axes @ tone

    def cost() -> Tensor:
        # Else greys of one sky, which differ in luma alone, turn pink and green by turns.
        return _STEADY * config.weights.tone * _roughness(tone, (3,))

    whole = torch.ones_like(image[..., :1])
    _descend([tone], maps, cost, image, whole, objective, config, progress)
    fitted: Image = maps()[0, 0, 0].detach().cpu().numpy()
    return fitted


def _descend(
    parameters: Sequence[Tensor],
    maps: Callable[[], Tensor],
    cost: Callable[[], Tensor],
    image: Tensor,
    shares: Tensor,
    objective: Objective,
    config: TransferConfig,
    progress: ProgressCallback,
) -> None:
    """Change parameters so that their maps make something better of an image, and cost less."""
    descent = CosineAdam(parameters, _RATE, config.iterations)
    for step, draw in enumerate(objective.draws(config.iterations)):
        result, own = slice_apply(image, shares, maps()), cost()
        # A scalar: for the gradient of a tensor PyTorch would import sympy.
        total = (result * objective.gradient(result, draw)).sum() + own
        descent.step(torch.autograd.grad(total, parameters))
        progress(Progress("fit", step + 1, config.iterations))


def _start(content: Image, style: Image, segments: Segments) -> tuple[Tensor, Tensor]:
    """The least-change affine map of every segment, `M 1 1 1 3 4`, and its palette's axes."""
    flat_content, flat_style = content.reshape(-1, 3), style.reshape(-1, 3)
    maps, axes = [], []
    for part in segments.parts:
        palette = flat_style[part.style]
        least = torch.from_numpy(monge_kantorovich(flat_content[part.content], palette))
        own = torch.from_numpy(palette).double()
        axes.append(palette_axes(own))
        maps.append(within_palette(least, axes[-1], own.mean(0)))
    start, every = (torch.stack(part).float()[:, None, None, None] for part in (maps, axes))
    return start, every


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
