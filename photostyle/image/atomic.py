"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_atomically(path: Path, data: bytes | bytearray, *, overwrite: bool) -> None:
    """Write a file under a hidden temporary name beside its place, then move it there.

    The temporary file is gone afterwards, whatever happens.

    Args:
        path: The file to be.
        data: Its contents.
        overwrite: Replace an existing file.

    Raises:
        FileExistsError: The file exists and may not be replaced, even if it has just appeared.
        OSError: The folder is missing or cannot be written to, the disk is full.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    reserved = False
    try:
        # Unlike tempfile's, a file made by open() has the permissions the user wants new files to.
        with temporary.open("xb") as file:
            file.write(data)
        if not overwrite:
            path.touch(exist_ok=False)  # takes the name in one step, on every file system
            reserved = True
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        if reserved:
            path.unlink(missing_ok=True)
        raise
