"""What befalls photos and results alike before a discriminator sees them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 8
"""Pictures are moved by up to an eighth of their size."""

HOLE = 4
"""A hole is a quarter of a picture wide and high."""


class Augmentation:
    """Differentiable augmentation for small sets of photos (Zhao 2020): mirror, shift, cut out.

    Colours stay as they are: a look is made of them.
    """

    def __init__(self) -> None:
        self._random = torch.Generator()

    def restart(self, seed: int) -> None:
        """Start the random numbers anew."""
        self._random.manual_seed(seed)

    def __call__(self, photos: Tensor) -> Tensor:
        """Augment photos, each in its own way.

        Args:
            photos: `B C H W`.

        Returns:
            `B C H W`, differentiable.
        """
        height, width = photos.shape[2:]
        down, right = height // SHIFT, width // SHIFT
        padded = F.pad(photos, (right, right, down, down), mode="reflect")
        high, wide = height // HOLE, width // HOLE
        out = []
        for photo in padded:
            top, left = self._draw(2 * down + 1), self._draw(2 * right + 1)
            part = photo[:, top : top + height, left : left + width]
            if self._draw(2):
                part = part.flip(2)
            keep = torch.ones_like(part[:1])
            top, left = self._draw(height - high + 1), self._draw(width - wide + 1)
            keep[:, top : top + high, left : left + wide] = 0
            out.append(part * keep)
        return torch.stack(out)

    def _draw(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self._random))
