"""Settings of filters."""

from __future__ import annotations

from dataclasses import dataclass

from photostyle.errors import UsageError

SMALLEST_TILE = 256
"""Sides of tiles in pixels below which most of the work would be overlap."""


@dataclass(frozen=True)
class FilterConfig:
    """How filters are applied.

    Raises:
        UsageError: A value is out of range.
    """

    strength: float = 1.0
    """0 leaves the photo as it is, 1 is the full filter; between them, a blend."""

    tile: int | None = None
    """Side of the tiles of repair filters in pixels, >= 256; chosen to fit the device when None."""

    device: str = "auto"
    """`"auto"`, `"cpu"`, `"cuda"`, `"cuda:N"` or `"mps"`."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.strength <= 1:
            raise UsageError(f"--strength {self.strength} is out of range: choose 0 to 1")
        if self.tile is not None and self.tile < SMALLEST_TILE:
            raise UsageError(f"--tile {self.tile} is too small: choose {SMALLEST_TILE} or more")
