"""Overlapping tiles whose parts fade into one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARGIN = 64
"""Pixels at the borders of a tile that are not used: the network has not seen all around them. With
half as many, heavy noise next to a border still shows in 2 of 255 levels."""

FEATHER = 16
"""Pixels over which one tile fades into the next."""

OVERLAP = 2 * MARGIN + FEATHER
"""Pixels that neighbouring tiles share."""

MULTIPLE = 64
"""Tiles start at multiples of this many pixels. Networks halve the size several times, or look
through windows; so they halve between the same pixels, and see through the same windows, in every
tile as in the whole photo."""


@dataclass(frozen=True, slots=True)
class Span:
    """A tile along one axis."""

    start: int
    """First pixel."""

    stop: int
    """Behind the last pixel."""

    weights: NDArray[np.float32]
    """Share of the tile in the result, pixel by pixel; those of all tiles sum to 1."""

    @property
    def used(self) -> slice:
        """The pixels of the tile, counted from its first, that have a share."""
        shared = np.flatnonzero(self.weights)
        return slice(int(shared[0]), int(shared[-1]) + 1)


def spans(length: int, tile: int) -> list[Span]:
    """Cover an axis with overlapping tiles.

    Args:
        length: Pixels to cover, >= 1.
        tile: Pixels of a tile at most, overlap included, >= OVERLAP + MULTIPLE.

    Returns:
        The tiles in order.
    """
    step = max((tile - OVERLAP) // MULTIPLE * MULTIPLE, MULTIPLE)
    starts = [0]
    while starts[-1] + step + OVERLAP < length and starts[-1] + tile < length:
        starts.append(starts[-1] + step)
    stops = [start + step + OVERLAP for start in starts[:-1]] + [length]
    ramp = ((np.arange(FEATHER) + 0.5) / FEATHER).astype(np.float32)
    rise = np.concatenate([np.zeros(MARGIN), ramp, np.ones(MARGIN)]).astype(np.float32)
    result = []
    for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        weights = np.ones(stop - start, np.float32)
        if index > 0:
            weights[:OVERLAP] = rise
        if index < len(starts) - 1:
            weights[-OVERLAP:] *= 1 - rise
        result.append(Span(start, stop, weights))
    return result
