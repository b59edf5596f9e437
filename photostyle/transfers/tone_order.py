"""What was brighter stays brighter: the order of tones in a look."""

from __future__ import annotations

import torch
from torch import Tensor

from photostyle.affine.luma import LUMA
from photostyle.affine.luma_curve import LEVELS

_FEW = 2e-3  # share of a segment with which a level half counts


class ToneOrder:
    """Keeps maps of one place in a grid from making darker what was brighter.

    Colours of a segment can be had in many ways, and some of them turn tones around: a sun becomes
    a dark spot in its sky, clouds get black flecks, and a bright star a dark rim. Between segments
    order may change; within one, a photographer's curve rises. The mean colour that a segment
    has around a level of luma stands for that level; levels that it does not have do not count.

    Args:
        content: `H W 3` in [0, 1].
        shares: `H W M`, how far each pixel belongs to each segment.
    """

    def __init__(self, content: Tensor, shares: Tensor) -> None:
        self._luma = content.new_tensor(LUMA)
        levels = torch.linspace(0, 1, LEVELS).to(content)
        away = ((content @ self._luma)[..., None] - levels).abs() * (LEVELS - 1)
        near = torch.relu(1 - away)
        counts = torch.einsum("yxm,yxz->mz", shares, near)[..., None]
        sums = torch.einsum("yxm,yxz,yxc->mzc", shares, near, content)
        colours = sums / counts.clamp(min=1e-6)
        colours = colours + (levels - colours @ self._luma)[..., None]
        self._typical = torch.cat([colours, torch.ones_like(counts)], -1)
        held = (counts / counts.sum(1, keepdim=True).clamp(min=1e-6))[..., 0]
        rarer = torch.minimum(held[:, 1:], held[:, :-1])
        self._weight = (rarer / (rarer + _FEW))[:, None, None]

    def __call__(self, maps: Tensor) -> Tensor:
        """Measure how far tones turn around.

        Args:
            maps: `M Gy Gx Gz 3 4`, one for each of `LEVELS` levels of luma.

        Returns:
            Scalar: the mean squared slope of tone curves, where they fall.
        """
        tones = torch.einsum("myxzij,mzj,i->myxz", maps, self._typical, self._luma)
        falls = torch.relu(-tones.diff(dim=-1)) * (LEVELS - 1)
        return (self._weight * falls.square()).mean()
