"""Walking over a large picture a few rows at a time, so that temporaries stay in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIXELS = 1 << 17  # three float32 channels of a block are 1.5 MB


def row_blocks(height: int, width: int) -> Iterator[slice]:
    """Slices of rows that cover a picture of `height` x `width` pixels, in order."""
    rows = max(1, _PIXELS // width)
    for first in range(0, height, rows):
        yield slice(first, min(first + rows, height))
