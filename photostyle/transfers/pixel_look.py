"""A look that was found pixel by pixel at a small size, and how it reaches the full one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photostyle.affine import AffineField, fit_affine
from photostyle.image import resize_to
from photostyle.transfers.rows import apply_in_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.float32]

_EPSILON = 1e-4  # with radius 1 it reproduces photographs best


@dataclass(frozen=True)
class PixelLook:
    """Local affine maps of the content's colours, and what they do not explain if that is kept."""

    field: AffineField
    """The maps, one per pixel of the small photo."""

    rest: Image | None
    """`h w 3`: the small result less the mapped small content; None where only the maps count."""

    def blocks(self, content: Image, strength: float) -> Iterator[tuple[int, Image]]:
        """Apply the look block by block.

        Args:
            content: `H W 3`, the photo the look was fitted to, at any size.
            strength: 0 returns the content, 1 the full look.

        Yields:
            First row and pixels of consecutive blocks of rows.
        """
        height, width = content.shape[:2]
        rest = None if self.rest is None else resize_to(self.rest, height, width)

        def look(image: Image, first: int) -> Image:
            mapped = self.field.apply(image, first=first, height=height)
            return mapped if rest is None else mapped + rest[first : first + len(image)]

        return apply_in_blocks(content, strength, look)


def lift(content: Image, result: Image, *, photographic: bool) -> PixelLook:
    """Turn a small result into a look for the photo at any size.

    Args:
        content: `h w 3` in [0, 1], the small content.
        result: `h w 3`, what it became.
        photographic: Keep only what local affine maps explain, as Luan 2017 does at the end. Else
            the rest is kept: at the small size the look gives the result itself.

    Returns:
        The look.
    """
    field = fit_affine(content, result, radius=1, epsilon=_EPSILON)
    return PixelLook(field, None if photographic else result - field.apply(content))
