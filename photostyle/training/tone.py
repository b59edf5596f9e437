"""Training of tone filters on whole photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photostyle.affine import slice_apply
from photostyle.networks import ToneGenerator
from photostyle.networks.tone import THUMBNAIL
from photostyle.training.family import Applied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from photostyle.training.examples import Image
    from photostyle.training.photos import Pixels

SMALLEST_PART = 0.6
"""Examples are crops of at least this share of a photo's height and width."""

SMOOTHNESS = 80.0
"""Weight of the squared differences between neighbouring cells. One exposure was wrong for the
whole photo; where the grid varies, halos are not far."""

PARAMS = {"width": 16, "depth": 8, "context": 3}


class ToneFamily:
    """Filters that change colours alone, by a bilateral grid of affine maps."""

    architecture = "tone"

    def __init__(self, params: Mapping[str, Any] = PARAMS) -> None:
        """Choose a network.

        Args:
            params: What `ToneGenerator` is built with.
        """
        self.params = params

    def generator(self) -> nn.Module:
        """Make a generator that changes nothing yet."""
        return ToneGenerator(**self.params)

    def cut(
        self,
        photos: Sequence[Sequence[Pixels]],
        size: int,  # noqa: ARG002 - thumbnails have one size
        random: np.random.Generator,
    ) -> Image:
        """Take most of a photo as a thumbnail, `256 256 C`: that is what generators look at."""
        return random_photo(photos, random)

    def apply(self, generator: nn.Module, photos: Tensor, to: Tensor | None = None) -> Applied:
        """Change the colours of photos, `B 3 256 256`, or of the same ones at another size."""
        # Eight bits of a colour map are not enough.
        with torch.autocast(photos.device.type, enabled=False):
            grids = generator(photos)
        return Applied(apply_grids(photos if to is None else to, grids), roughness(grids))

    def reconstruction(self, applied: Applied, inputs: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG002
        """Absolute error, and the roughness of the grids."""
        return F.l1_loss(applied.photos, targets) + SMOOTHNESS * applied.roughness


def random_photo(
    pyramids: Sequence[Sequence[Pixels]],
    random: np.random.Generator,
    *,
    side: int = THUMBNAIL,
    smallest: float = SMALLEST_PART,
) -> NDArray[np.float32]:
    """Take most of a random photo, perhaps mirrored, squashed to a thumbnail.

    Args:
        pyramids: Photos at several scales, as `pyramid` returns them.
        random: Source of all random numbers.
        side: Height and width of the thumbnail in pixels.
        smallest: At least this share of the photo's height and width is taken.

    Returns:
        `side side C` in `[0, 1]`.
    """
    photo = pyramids[int(random.integers(len(pyramids)))][0]
    height, width = (
        max(1, round(length * random.uniform(smallest, 1))) for length in photo.shape[:2]
    )
    top = random.integers(photo.shape[0] - height + 1)
    left = random.integers(photo.shape[1] - width + 1)
    part = photo[top : top + height, left : left + width]
    if random.random() < 0.5:
        part = part[:, ::-1]
    # OpenCV averages at most four channels at once, and pairs have six.
    sides = [
        cv2.resize(part[..., first : first + 3], (side, side), interpolation=cv2.INTER_AREA)
        for first in range(0, part.shape[2], 3)
    ]
    return np.concatenate(sides, axis=-1).astype(np.float32) / np.float32(255)


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
