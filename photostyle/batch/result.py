"""What became of a photo of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """What became of one photo."""

    source: Path
    """The photo."""

    target: Path | None
    """Where its result is or would be; None where no file name could be made."""

    status: Status
    """`done`; `skipped` when the result was there already; `failed`, and `error` says why."""

    seconds: float = 0.0
    """Time spent on reading, changing and writing it, without waiting."""

    width: int | None = None
    """Width of the result in pixels; None unless it was written."""

    height: int | None = None
    """Height of the result in pixels; None unless it was written."""

    warnings: tuple[str, ...] = ()
    """What could not be kept, one sentence each, to be shown to the user."""

    error: str | None = None
    """Why it failed."""

    traceback: str | None = None
    """Where an error arose that nobody expected."""

    before: bytes | None = None
    """Small copy of the photo, a JPEG file; see `BatchConfig.thumbnail`."""

    after: bytes | None = None
    """Small copy of its result."""

    @property
    def pixels(self) -> int:
        """Number of pixels written."""
        return (self.width or 0) * (self.height or 0)
