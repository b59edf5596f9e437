"""A fitted look: what a transfer has learnt, ready for the photo at any size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from photostyle.affine import AffineField, slice_apply
from photostyle.errors import PhotostyleError
from photostyle.image import clip_like
from photostyle.transfers.noise import HALO, limit_noise
from photostyle.transfers.segments import membership

if TYPE_CHECKING:
    from collections.abc import Iterator

Image = NDArray[np.float32]

_BLOCK_PIXELS = 1 << 21


@dataclass(frozen=True)
class Look:
    """Bilateral grids of affine colour maps, one per segment of the content."""

    grid: NDArray[np.float32]
    """`M Gy Gx Gz 3 4`."""

    segments: AffineField | None
    """Which pixel belongs to which of the M segments; None when M is 1."""

    refinement: AffineField | None = None
    """Three affine functions of colour that are added to the mapped colours, if any."""

    quiet: bool = False
    """Noise is not amplified as the rest is; see `photostyle.transfers.noise`."""

    def blocks(self, content: Image, strength: float) -> Iterator[tuple[int, Image]]:
        """Apply the look block by block, so that no full-size intermediate is needed.

        Args:
            content: `H W 3`, the photo the look was fitted to, at any size; in [0, 1] but for the
                colours of wide profiles.
            strength: 0 returns the content, 1 the full look.

        Yields:
            First row and pixels of consecutive blocks of rows; in [0, 1], or where the content had
            been outside of it.

        Raises:
            PhotostyleError: The look is not finite.
        """
        height, width = content.shape[:2]
        rows = max(1, _BLOCK_PIXELS // width)
        if not np.isfinite(self.grid).all():
            raise PhotostyleError("the fit diverged: try fewer --iterations or another --seed")
        halo = HALO if self.quiet else 0
        for first in range(0, height, rows):
            image = np.require(content[first : first + rows], requirements=("C", "W"))
            start = max(0, first - halo)
            around = np.require(content[start : first + rows + halo], requirements=("C", "W"))
            look = partial(self._map, first=start, height=height)
            mapped = limit_noise(around, look) if self.quiet else look(around)
            mapped = mapped[first - start :][: len(image)]
            if strength < 1:
                mapped *= strength
                mapped += (1 - strength) * image
            yield first, clip_like(mapped, image)

    def _map(self, image: Image, *, first: int, height: int) -> Image:
        """The look of some rows."""
        shares = membership(self.segments, image, first=first, height=height)
        mapped: Image = slice_apply(
            torch.from_numpy(image),
            torch.from_numpy(shares),
            torch.from_numpy(self.grid),
            first=first,
            height=height,
        ).numpy()
        if self.refinement is not None:
            mapped += self.refinement.apply(image, first=first, height=height)
        return mapped
