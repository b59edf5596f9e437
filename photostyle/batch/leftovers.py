"""Temporary files that a killed run has left."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from photostyle.image import PHOTO_SUFFIXES
from photostyle.image.atomic import is_locked

if TYPE_CHECKING:
    from collections.abc import Iterable

STALE_AFTER = 10.0
"""Age in seconds from which a temporary file is nobody's: they live for milliseconds."""

STALE_UNLOCKED_AFTER = 1.0
"""The same for one that is not locked: between its lock and its new name it is not."""

_TEMPORARY = re.compile(
    rf"\.[0-9a-f]{{16}}(?:{'|'.join(map(re.escape, (*PHOTO_SUFFIXES, '.html', '.htm')))})",
    re.IGNORECASE,
)


def remove_leftovers(folders: Iterable[Path]) -> None:
    """Remove what `write_photo` and `write_report` leave in a folder when they are killed.

    Args:
        folders: Where results are written; those that cannot be read or do not exist are passed.
    """
    now = time.time()
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if not _TEMPORARY.fullmatch(entry.name):
                    continue
                with suppress(OSError):
                    path = Path(entry.path)
                    age = now - entry.stat(follow_symlinks=False).st_mtime
                    if age > STALE_UNLOCKED_AFTER and not _is_in_use(path, age):
                        path.unlink()


def _is_in_use(path: Path, age: float) -> bool:
    """Whether a temporary file may still be one that is being written."""
    locked = is_locked(path)
    return age <= STALE_AFTER if locked is None else locked
