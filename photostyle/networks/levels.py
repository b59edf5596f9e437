"""Levels of luma: where values lie between them, and how much neighbouring ones differ."""

from __future__ import annotations

import torch
from torch import Tensor


def shares_of_levels(values: Tensor, count: int) -> Tensor:
    """Say between which levels values lie, as linear interpolation does.

    Args:
        values: `...`; those outside `[0, 1]` count as its ends.
        count: Levels, evenly from 0 to 1.

    Returns:
        `... count`, the share of each; they sum to 1.
    """
    apart = values.clamp(0, 1)[..., None] * (count - 1) - torch.arange(count).to(values)
    return torch.relu(1 - apart.abs())


def roughness(count: int) -> Tensor:
    """Make the quadratic form that sums squared differences between neighbours.

    Args:
        count: Levels.

    Returns:
        `count count`.
    """
    apart = torch.eye(count).diff(dim=0)
    return apart.T @ apart
