"""Offsets, smooth in space and in luma, that give photos the colours of a style: all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from photostyle.affine import slice_apply
from photostyle.affine.luma import LUMA
from photostyle.networks.levels import roughness, shares_of_levels

if TYPE_CHECKING:
    from collections.abc import Callable

COLOURS = 512
"""So many colours stand for a style; a power of 2."""

SIDE = 64
"""Height and width at which photos are matched."""

ITERATIONS = 20
"""How often colours are matched, each time along other axes."""

OVERSHOOT = 0.5
"""Share by which colours are moved too far, for smooth moves are always too short; twice as much
and they swing."""

KNOTS = 6
"""Knots of the part that varies in space, along height and along width."""

LEVELS = 4
"""Its levels of luma."""

CURVE = 8
"""Levels of luma of the part that does not vary in space."""

# Squared differences between neighbours, and squares, against the squared error of colours.
_CURVE_SMOOTH = 3e-3
_SPACE_SMOOTH = 4e-4
_LUMA_SMOOTH = 3e-2
_SMALL = 1e-3


def palette(photo: Tensor) -> Tensor:
    """Choose colours that stand for those of a photo, each for as many.

    Pixels are halved again and again, along the axis on which they are spread most; what stands for
    a part is the pixel in its middle, so that the colours vary as much as all do.

    Args:
        photo: `3 H W`.

    Returns:
        `COLOURS 3`.
    """
    colours = photo.flatten(1).T
    # Of a tiny photo each pixel counts so often that there are enough to be halved.
    parts = [colours.repeat_interleave(-(-COLOURS // len(colours)), 0)]
    while len(parts) < COLOURS:
        parts = [half for part in parts for half in _ordered(part).tensor_split(2)]
    return torch.stack([_ordered(part)[len(part) // 2] for part in parts])


def _ordered(colours: Tensor) -> Tensor:
    """`N 3`, along the axis on which they are spread most."""
    axis = int((colours.amax(0) - colours.amin(0)).argmax())
    return colours[colours[:, axis].argsort()]


def matching_offsets(photos: Tensor, grids: Tensor, colours: Tensor) -> Tensor:
    """Find what to add to the results of colour maps so that they have the colours of a style.

    Results are moved onto the style along orthogonal axes, turned each time (Pitie, Kokaram and
    Dahyot 2007, Automated colour grading using colour distribution transfer); but each time
    the moves are replaced by the nearest ones that are smooth in space and in the photo's luma, a
    linear least squares problem with one matrix a photo. Slopes stay those of the grids, so what is
    fine in a photo is not torn.

    Args:
        photos: `B 3 S S` in `[0, 1]`, S a multiple of `SIDE`.
        grids: `B Gy Gx Gz 3 4`, what is done to them; differentiable with respect to these.
        colours: `N 3` of the style.

    Returns:
        `B Gy Gx Gz 3`, to be added to the last column of the grids.
    """
    step = photos.shape[2] // SIDE
    small = photos.detach()[..., ::step, ::step].permute(0, 2, 3, 1).contiguous()
    whole = torch.ones_like(small[0, ..., :1])
    started = torch.stack(
        [slice_apply(photo, whole, grid[None]) for photo, grid in zip(small, grids, strict=True)]
    ).flatten(1, 2)
    with torch.no_grad():
        basis = _basis(small).flatten(1, 2)
        solver = _solver(basis)
        wanted = _matched(started, colours, lambda moved: basis @ (solver @ moved))
    solved = solver @ (wanted - started)
    height, width, depth = grids.shape[1:4]
    levels = torch.linspace(0, 1, depth).to(photos)
    shown = _products(
        _bumps(height).to(photos)[:, None, None],
        _bumps(width).to(photos)[:, None],
        levels[None, None],
    )
    offsets: Tensor = torch.einsum("yxzk,bkc->byxzc", shown, solved)
    return offsets


def _matched(started: Tensor, colours: Tensor, smooth: Callable[[Tensor], Tensor]) -> Tensor:
    """`B N 3`: what the colours, `B N 3`, should be."""
    count = started.shape[1]
    places = ((torch.arange(count) + 0.5) / count * len(colours)).long().to(colours.device)
    random = torch.Generator().manual_seed(0)
    now, wanted = started, started
    for _ in range(ITERATIONS):
        axes = torch.linalg.qr(torch.randn(3, 3, generator=random))[0].to(started)
        along = now @ axes
        goal = (colours @ axes).sort(0).values[places]
        there = torch.empty_like(along)
        there.scatter_(1, _order(along), goal.expand_as(along))
        aim = there @ axes.T
        wanted = aim + OVERSHOOT * (aim - now)
        now = started + smooth(wanted - started)
    return wanted


def _order(rows: Tensor) -> Tensor:
    """What sorts each column; on the CPU NumPy finds it in half the time."""
    if rows.device.type == "cpu":
        return torch.from_numpy(np.argsort(rows.numpy(), axis=1))
    return rows.argsort(1)


def _basis(photos: Tensor) -> Tensor:
    """`B S S K`: how far each function counts at each pixel of photos, `B S S 3`."""
    luma = photos @ photos.new_tensor(LUMA)
    bumps = _bumps(photos.shape[1]).to(photos)
    return _products(bumps[:, None], bumps, luma)


def _products(down: Tensor, right: Tensor, luma: Tensor) -> Tensor:
    """`... K`: functions of luma alone, and products with those of space.

    Args:
        down: `... KNOTS`.
        right: `... KNOTS`.
        luma: `...` in `[0, 1]`.
    """
    space = down[..., :, None] * right[..., None, :]
    product = space[..., None] * shares_of_levels(luma, LEVELS)[..., None, None, :]
    curve = shares_of_levels(luma, CURVE).expand(*product.shape[:-3], CURVE)
    return torch.cat([curve, product.flatten(-3)], -1)


def _solver(basis: Tensor) -> Tensor:
    """`B K N`: takes moves to the coefficients of the nearest smooth ones."""
    curve = _CURVE_SMOOTH * CURVE * roughness(CURVE) + _SMALL / 50 / CURVE * torch.eye(CURVE)
    one, level = torch.eye(KNOTS), torch.eye(LEVELS)
    slopes = torch.kron(roughness(KNOTS), one) + torch.kron(one, roughness(KNOTS))
    space = _SPACE_SMOOTH / LEVELS * torch.kron(slopes, level)
    space = space + _LUMA_SMOOTH * LEVELS / KNOTS**2 * torch.kron(
        torch.eye(KNOTS**2), roughness(LEVELS)
    )
    space = space + _SMALL / (KNOTS**2 * LEVELS) * torch.eye(len(space))
    penalty = torch.block_diag(curve, space).to(basis)
    turned = basis.transpose(1, 2) / basis.shape[1]
    solver: Tensor = torch.linalg.solve(turned @ basis + penalty, turned)
    return solver


def _bumps(count: int) -> Tensor:
    """`count KNOTS`: quadratic B-splines at the centres of so many cells, 1 in all."""
    places = (torch.arange(count) + 0.5) / count * (KNOTS - 1)
    apart = (places[:, None] - torch.arange(KNOTS)).abs()
    bumps = torch.where(apart < 0.5, 0.75 - apart.square(), (1.5 - apart).clamp(min=0).square() / 2)
    return bumps / bumps.sum(1, keepdim=True)
