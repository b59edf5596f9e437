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
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from photostyle.affine import slice_apply
from photostyle.affine.monge_kantorovich import monge_kantorovich
from photostyle.losses.calm import CalmPlaces
from photostyle.losses.lab import rgb_to_lab
from photostyle.losses.photorealism import Photorealism
from photostyle.losses.sliced_wasserstein import random_directions, sorted_distance
from photostyle.losses.structure import EdgeStructure
from photostyle.progress import Progress, ProgressCallback
from photostyle.transfers.look import Look
from photostyle.transfers.segments import Segments, membership

if TYPE_CHECKING:
    from photostyle.transfers.config import TransferConfig

Image = NDArray[np.float32]

_CELLS = 16  # grid cells along the long side
_LEVELS = 8  # grid cells in luma
_SAMPLES = 6144  # colours drawn in a step, shared out by area
_FEWEST = 512  # but never fewer from a segment
_BANK = 48  # directions the style's colours are sorted along
_DIRECTIONS = 16  # of which a step takes so many
_RATE = 0.02


def fit_look(
    content: Image,
    style: Image,
    segments: Segments,
    config: TransferConfig,
    device: torch.device,
    progress: ProgressCallback,
) -> Look:
    """Fit grids of colour maps that give the content the look of the style.

    Args:
        content: `H W 3` in [0, 1], at the size of the fit.
        style: `h w 3` in [0, 1], at about the same size.
        segments: Which part of the content goes with which part of the style.
        config: Iterations, seed and weights.
        device: Where to compute.
        progress: Called after every step with stage `"fit"`.

    Returns:
        The look, for the content at any size.
    """
    generator = torch.Generator().manual_seed(config.seed)
    image = torch.from_numpy(content).to(device)
    shares = torch.from_numpy(membership(segments.field, content, first=0, height=len(content))).to(
        device
    )
    colours = _Colours(content, style, segments, device, generator)
    structure = EdgeStructure(image)
    photorealism = Photorealism(image)
    calm = CalmPlaces(image)

    start = torch.from_numpy(_start(content, style, segments)).to(device)
    count, ny, nx = len(segments.parts), *_cells(*content.shape[:2])
    tone = torch.zeros(count, 1, 1, _LEVELS, 3, 4, device=device, requires_grad=True)
    space = torch.zeros(count, ny, nx, _LEVELS, 3, 4, device=device, requires_grad=True)
    optimiser = torch.optim.Adam([tone, space], lr=_RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.iterations)
    weights = config.weights
    for step in range(config.iterations):
        result = slice_apply(image, shares, start + tone + space)
        loss = (
            weights.style * colours.distance(result, weights.outliers)
            + weights.structure * structure(result)
            + weights.photorealism * photorealism(result)
            + weights.calm * calm(result)
            + weights.gamut * (F.relu(-result) + F.relu(result - 1)).mean()
            + weights.smooth * _roughness(space, (1, 2))
            + weights.tone * _roughness(tone + space, (3,))
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        progress(Progress("fit", step + 1, config.iterations))
    grid = (start + tone + space).detach().cpu().numpy()
    return Look(grid, segments.field)


class _Colours:
    """The colours of both photos, segment by segment.

    The style's colours are projected and sorted once, along a bank of directions; every step takes
    the axes and a few others of the bank.
    """

    def __init__(
        self,
        content: Image,
        style: Image,
        segments: Segments,
        device: torch.device,
        generator: torch.Generator,
    ) -> None:
        colours = rgb_to_lab(torch.from_numpy(style.reshape(-1, 3)))
        self._bank = random_directions(3, _BANK, generator)
        self._parts = []
        for part in segments.parts:
            share = len(part.content) / content[..., 0].size
            samples = max(_FEWEST, round(_SAMPLES * share))
            sorted_style = (colours[torch.from_numpy(part.style)] @ self._bank).sort(0).values
            places = (torch.arange(samples) + 0.5) / samples * len(part.style)
            quantiles = sorted_style[places.long()].to(device)
            self._parts.append((torch.from_numpy(part.content), quantiles, share))
        self._device = device
        self._generator = generator

    def distance(self, result: Tensor, outliers: float) -> Tensor:
        """Sliced Wasserstein distance of the result's colours from the style's, in Lab units."""
        flat = result.reshape(-1, 3)
        others = torch.randperm(_BANK - 3, generator=self._generator)[: _DIRECTIONS - 3] + 3
        chosen = torch.cat([torch.arange(3), others])
        directions, chosen = self._bank[:, chosen].to(self._device), chosen.to(self._device)
        total = flat.new_zeros(())
        for places, quantiles, share in self._parts:
            drawn = torch.randint(len(places), (len(quantiles),), generator=self._generator)
            colours = rgb_to_lab(flat[places[drawn].to(self._device)])
            distance = sorted_distance(
                colours @ directions, quantiles[:, chosen], outliers=outliers
            )
            total = total + share * distance
        return total


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
