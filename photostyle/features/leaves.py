"""Dead leaves: random pictures with the statistics of photos."""

from __future__ import annotations

import torch
from torch import Tensor


def dead_leaves(count: int, size: int = 64, seed: int = 0, leaves: int = 60) -> Tensor:
    """Draw pictures of discs that lie over one another, like fallen leaves.

    Their radii follow a power law, which gives photos' edges, flat areas and 1/f spectrum (Lee,
    Mumford and Huang 2001). They stand in for photos where there are none.

    Args:
        count: How many pictures.
        size: Height and width in pixels.
        seed: The same seed gives the same pictures.
        leaves: Discs per picture.

    Returns:
        `count 3 size size` in `[0, 1]`.
    """
    random = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    pictures = torch.empty(count, 3, size, size)
    smallest, largest = 1.0, size
    for picture in pictures:
        # One light for the picture: brightness, tint and contrast.
        light = torch.rand((), generator=random) + 0.1 * torch.randn(3, generator=random)
        contrast = 0.4 * torch.rand((), generator=random)
        picture[:] = light[:, None, None]
        for _ in range(leaves):
            # Density ~ radius^-3, by inverting its distribution function.
            u = torch.rand((), generator=random)
            radius = (smallest**-2 - u * (smallest**-2 - largest**-2)) ** -0.5
            row, column = size * torch.rand(2, generator=random)
            grey = torch.randn((), generator=random)
            colour = light + contrast * (grey + 0.3 * torch.randn(3, generator=random))
            inside = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
            picture[:, inside] = colour[:, None]
    return pictures.clamp(0, 1)
