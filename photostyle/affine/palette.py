"""The ways in which a palette's colours differ: a black-and-white photo's differ in one alone."""

from __future__ import annotations

import torch
from torch import Tensor

_NOISE = 1.3 / 255  # of JPEG in a grey photo: a spread of this size counts half


def palette_axes(colours: Tensor) -> Tensor:
    """Make the matrix that keeps what lies along a palette's axes, and nothing else.

    Axes along which the colours are spread several times wider than noise are kept whole, to a
    thousandth; those along which they do not differ, not at all. In between, the factor rises as
    that of a Butterworth filter.

    Args:
        colours: `N 3` in [0, 1], N >= 1.

    Returns:
        `3 3`, symmetric; for differences of colours.
    """
    own = colours.detach().cpu().double()
    centred = own - own.mean(0)
    variances, axes = torch.linalg.eigh(centred.T @ centred / len(own))
    ratio = (variances.clamp(min=0) / _NOISE**2).square()
    kept: Tensor = (axes * (ratio / (ratio + 1))) @ axes.T
    return kept.to(colours)


def within_palette(maps: Tensor, axes: Tensor, middle: Tensor) -> Tensor:
    """Make the results of affine colour maps differ from a palette's middle along its axes alone.

    Args:
        maps: `... 3 4`, matrices that take `[R, G, B, 1]`.
        axes: `3 3`, of `palette_axes`.
        middle: `3`, the palette's mean.

    Returns:
        `... 3 4`.
    """
    offset = (maps[..., 3] - middle) @ axes + middle
    return torch.cat([axes @ maps[..., :3], offset[..., None]], dim=-1)
