"""Temporary files that a killed run has left."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from photostyle.image import PHOTO_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

STALE_AFTER = 10.0
"""Age in seconds from which a temporary file is nobody's: they live for milliseconds."""

_TEMPORARY = re.compile(
    rf"\.[0-9a-f]{{16}}(?:{'|'.join(map(re.escape, PHOTO_SUFFIXES))})", re.IGNORECASE
)


def remove_leftovers(folders: Iterable[Path]) -> None:
    """Remove what `write_photo` leaves in a folder when it is killed in the middle.

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
                    if now - entry.stat(follow_symlinks=False).st_mtime > STALE_AFTER:
                        os.unlink(entry.path)  # noqa: PTH108 - an entry of scandir is no Path
