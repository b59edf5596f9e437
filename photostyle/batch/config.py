"""Settings of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from photostyle.errors import UsageError

if TYPE_CHECKING:
    from photostyle.image.metadata import Made, Policy

PIXELS_PER_BYTE = 6
"""Pixels of a square thumbnail for each byte its file may have."""


@dataclass(frozen=True)
class BatchConfig:
    """Settings of a batch.

    Raises:
        UsageError: A value is out of range.
    """

    quality: int = 95
    """Of JPEG and WebP, 1 to 100."""

    metadata: Policy = "keep"
    """What to do with EXIF, XMP and IPTC data; see `photostyle.image.metadata`."""

    color: Literal["keep", "srgb"] = "keep"
    """Write results in the profiles of their photos, or in sRGB."""

    made: Made | None = None
    """How results are made, to be noted in their XMP data; None notes nothing."""

    jobs: int | None = None
    """Photos read at a time, and photos written at a time, >= 1; None for the number of processors
    this process may use."""

    memory: int = 1_000_000_000
    """Bytes that the pixels of all photos under way may take together, before and after the filter.
    One photo is always under way, however large."""

    max_pixels: int | None = None
    """A photo whose header claims more pixels is refused; None for the limit of `read_photo`."""

    fail_fast: bool = False
    """Begin no more photos after one has failed."""

    thumbnail: int | None = None
    """Long side in pixels of small copies that results carry, of the photo before and after; None
    for no copies."""

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise UsageError(f"quality is {self.quality}: choose 1 to 100")
        if self.jobs is not None and self.jobs < 1:
            raise UsageError(f"jobs is {self.jobs}: choose 1 or more")
        if self.memory < 0:
            raise UsageError(f"memory is {self.memory}: choose 0 or more bytes")
        if self.max_pixels is not None and self.max_pixels < 1:
            raise UsageError(f"max_pixels is {self.max_pixels}: choose 1 or more")
        if self.thumbnail is not None and self.thumbnail < 1:
            raise UsageError(f"thumbnail is {self.thumbnail}: choose 1 or more pixels")
