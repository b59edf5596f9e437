"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import secrets
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO


def write_atomically(path: Path, data: bytes | bytearray, *, overwrite: bool) -> None:
    """Write a file under a hidden temporary name beside its place, then move it there.

    The temporary file is gone afterwards, whatever happens, unless the process is killed. While it
    is written it is locked, so that others can tell it from one that a killed process has left; see
    `is_locked`.

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
            with suppress(OSError):  # some file systems know no locks
                _lock(file)
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


def folder_problem(folder: Path) -> str | None:
    """Why no file can be made in a folder; None where one can.

    Args:
        folder: An existing folder.
    """
    try:
        # Permission bits know nothing of read-only disks; trying does.
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def is_locked(path: Path) -> bool | None:
    """Whether a process is writing this file; None where the file system does not tell.

    Raises:
        OSError: The file cannot be opened.
    """
    with path.open("rb") as file:
        try:
            known = _lock(file)
        except BlockingIOError:
            return True
        except OSError:
            return None
    return False if known else None


def _lock(file: IO[bytes]) -> bool:
    """Lock a file until it is closed or its process ends; whether this system can do that.

    Raises:
        BlockingIOError: Another process, or this one, has locked it.
        OSError: The file system knows no locks.
    """
    if sys.platform == "win32":
        return False
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True
