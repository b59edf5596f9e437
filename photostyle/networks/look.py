"""A look as a network that does not look: the same colour maps for every photo."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MOST_LEVELS = 256
"""More maps than 8-bit photos have values of luma would mean nothing."""


class GlobalLook(nn.Module):
    """Affine colour maps that depend on luma alone, neither on the photo nor on the place in it.

    The same colour becomes the same colour in every photo. As a tone filter it has the interface of
    `ToneGenerator`, whose grid here has a single cell in space.
    """

    def __init__(self, levels: int = 8) -> None:
        """Make the look; it starts as the identity.

        Args:
            levels: Maps, evenly spread from luma 0 to luma 1.

        Raises:
            ValueError: The number is not an integer from 1 to 256.
        """
        super().__init__()
        if type(levels) is not int or not 1 <= levels <= MOST_LEVELS:
            raise ValueError(f"levels must be an integer from 1 to {MOST_LEVELS}, not {levels!r}")
        self.maps = nn.Parameter(torch.eye(3, 4).repeat(levels, 1, 1))

    @property
    def levels(self) -> int:
        """Number of maps."""
        return len(self.maps)

    def forward(self, thumbnail: Tensor) -> Tensor:
        """Give the maps for photos, whatever they show.

        Args:
            thumbnail: `B 3 H W`.

        Returns:
            `B 1 1 levels 3 4`, as `affine.slice_apply` takes them.
        """
        return self.maps.expand(len(thumbnail), 1, 1, -1, -1, -1)
