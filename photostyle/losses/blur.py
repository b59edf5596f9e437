"""Gaussian blur, differentiable and fast on the CPU."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_RADIUS = 5
_SIGMA = 1.5


def gaussian_blur(maps: Tensor) -> Tensor:
    """Average maps in the Gaussian windows of SSIM, sigma 1.5, 11 pixels wide.

    What lies beyond the border is what lies on it (Wang et al. 2004, Image quality assessment,
    for the windows). Sums of shifted maps, in both directions: on the CPU the convolutions of
    PyTorch take several times as long, above all backwards.

    Args:
        maps: `C H W`.

    Returns:
        `C H W`.
    """
    blurred: Tensor = _GaussianBlur.apply(maps)  # type: ignore[no-untyped-call]
    return blurred


class _GaussianBlur(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, maps: Tensor) -> Tensor:
        return _smooth(F.pad(maps, (_RADIUS,) * 4, mode="replicate"))

    @staticmethod
    def backward(_: Any, *grads: Tensor) -> Tensor:
        spread = _smooth(F.pad(grads[0], (2 * _RADIUS,) * 4))
        return _folded(_folded(spread, 1), 2)


def _smooth(maps: Tensor) -> Tensor:
    """Weighted sums of the neighbours, `C H+10 W+10` -> `C H W`."""
    return _smooth_along(_smooth_along(maps, 2), 1)


def _smooth_along(maps: Tensor, axis: int) -> Tensor:
    length = maps.shape[axis] - 2 * _RADIUS
    total = _WINDOW[0] * maps.narrow(axis, _RADIUS, length)
    for away in range(1, _RADIUS + 1):
        before, after = (maps.narrow(axis, _RADIUS + way, length) for way in (-away, away))
        total.add_(before + after, alpha=_WINDOW[away])
    return total


def _folded(maps: Tensor, axis: int) -> Tensor:
    """The adjoint of replicating the border."""
    length = maps.shape[axis] - 2 * _RADIUS
    inside = maps.narrow(axis, _RADIUS, length)
    for place, start in ((0, 0), (length - 1, _RADIUS + length)):
        beyond = maps.narrow(axis, start, _RADIUS).sum(axis, keepdim=True)
        inside.narrow(axis, place, 1).add_(beyond)
    return inside


_BELL = [math.exp(-(away**2) / (2 * _SIGMA**2)) for away in range(_RADIUS + 1)]
_WINDOW = [height / (2 * sum(_BELL) - _BELL[0]) for height in _BELL]
"""Weights of the middle pixel, its neighbours and so on; those of a whole window sum to 1."""
