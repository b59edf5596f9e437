"""Applying a look to a photo block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from photostyle.image import clip_like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Image = NDArray[np.float32]

_BLOCK_PIXELS = 1 << 21


def apply_in_blocks(
    content: Image, strength: float, look: Callable[[Image, int], Image]
) -> Iterator[tuple[int, Image]]:
    """Apply a look to consecutive blocks of rows, so that no full-size intermediate is needed.

    Args:
        content: `H W 3`, in [0, 1] but for the colours of wide profiles.
        strength: 0 returns the content, 1 the full look.
        look: Takes rows of the content and the index of the first; gives them their new colours,
            in an array of its own.

    Yields:
        First row and pixels of a block; in [0, 1], or where the content had been outside of it.
    """
    rows = max(1, _BLOCK_PIXELS // content.shape[1])
    for first in range(0, len(content), rows):
        image = np.require(content[first : first + rows], requirements=("C", "W"))
        mapped = look(image, first)
        if strength < 1:
            mapped *= strength
            mapped += (1 - strength) * image
        yield first, clip_like(mapped, image)
