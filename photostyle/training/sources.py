"""Whether photos are imitated, or a single one: it follows from what is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photostyle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def imitated(sources: Sequence[Path]) -> str:
    """Tell what a run imitates, as `TrainConfig.imitate` has it.

    Args:
        sources: A folder, or two of folders and photos.

    Returns:
        `"pair"` for two photos, `"photo"` for a folder and a photo, else nothing.

    Raises:
        UsageError: A folder follows a photo, or there is a photo and the other source is missing.
    """
    if len(sources) != 2 or not any(source.is_file() for source in sources):
        return ""
    for source in sources:
        if not source.exists():
            raise UsageError(f"there is no photo or folder '{source}'")
    photos, style = sources
    if style.is_dir():
        raise UsageError(
            f"'{photos}' is a photo and '{style}' a folder: give the folder first, of photos that "
            "shall look like the one that follows; or two photos"
        )
    return "pair" if photos.is_file() else "photo"
