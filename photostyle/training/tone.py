"""Training of tone filters on whole photos degraded on the fly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photostyle.affine import slice_apply
from photostyle.networks import ToneGenerator
from photostyle.networks.tone import THUMBNAIL
from photostyle.training.degrade import degrade
from photostyle.training.exposure import with_whites
from photostyle.training.restoration import RestorationTrainer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from photostyle.training.photos import Pixels

SMALLEST_PART = 0.6
"""Examples are crops of at least this share of a photo's height and width."""

SMOOTHNESS = 2.0
"""Weight of the squared differences between neighbouring cells. One exposure was wrong for the
whole photo; where the grid varies, halos are not far."""


class ToneTrainer(RestorationTrainer):
    """A tone generator that learns to undo degradations of whole photos."""

    def _new_generator(self) -> nn.Module:
        return ToneGenerator()

    def examples(self, step: int) -> tuple[Tensor, Tensor]:
        """Make the examples of a step.

        Args:
            step: Its number, from 0.

        Returns:
            Degraded and wanted photos, `B 3 256 256` each, in `[0, 1]`.
        """
        random = np.random.default_rng([self._config.seed, step])
        clean, degraded = [], []
        for _ in range(self._config.batch):
            clean.append(random_photo(self._pyramids, random))
            degraded.append(degrade(clean[-1], self._config.degrade, random))
            if "exposure" in self._config.degrade:
                clean[-1] = with_whites(clean[-1], degraded[-1])
        return self._tensor(degraded), self._tensor(clean)

    def _restored(self, generator: nn.Module, degraded: Tensor) -> Tensor:
        grids = generator(degraded)
        self._grids = grids
        return apply_grids(degraded, grids)

    def _loss(self, restored: Tensor, degraded: Tensor, clean: Tensor) -> Tensor:  # noqa: ARG002
        return F.l1_loss(restored, clean) + SMOOTHNESS * roughness(self._grids)


def random_photo(
    pyramids: Sequence[Sequence[Pixels]], random: np.random.Generator
) -> NDArray[np.float32]:
    """Take most of a random photo, perhaps mirrored, squashed to a thumbnail.

    Args:
        pyramids: As `read_pyramids` returns them.
        random: Source of all random numbers.

    Returns:
        `256 256 3` in `[0, 1]`.
    """
    photo = pyramids[int(random.integers(len(pyramids)))][0]
    height, width = (
        max(1, round(side * random.uniform(SMALLEST_PART, 1))) for side in photo.shape[:2]
    )
    top = random.integers(photo.shape[0] - height + 1)
    left = random.integers(photo.shape[1] - width + 1)
    part = photo[top : top + height, left : left + width]
    if random.random() < 0.5:
        part = part[:, ::-1]
    squashed = cv2.resize(part, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return np.asarray(squashed, np.float32) / np.float32(255)


def apply_grids(photos: Tensor, grids: Tensor) -> Tensor:
    """Apply to each photo its grid.

    Args:
        photos: `B 3 H W` in `[0, 1]`.
        grids: `B Gy Gx Gz 3 4`.

    Returns:
        `B 3 H W`, not clipped; differentiable with respect to the grids.
    """
    whole = torch.ones(*photos.shape[2:], 1, device=photos.device)
    applied = [
        slice_apply(photo.permute(1, 2, 0).contiguous(), whole, grid[None])
        for photo, grid in zip(photos, grids, strict=True)
    ]
    return torch.stack(applied).permute(0, 3, 1, 2)


def roughness(grids: Tensor) -> Tensor:
    """Mean squared difference between neighbouring cells in space.

    Args:
        grids: `B Gy Gx Gz 3 4`.

    Returns:
        A scalar.
    """
    return grids.diff(dim=1).square().mean() + grids.diff(dim=2).square().mean()
