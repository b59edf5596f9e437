"""Standard input and output in the place of files: photos, and lists of photos."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from photostyle.errors import PhotoError, PhotostyleError, UsageError
from photostyle.image.formats import result_suffix, usual_suffix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photostyle.batch import PhotoResult

STREAM = Path("-")
"""Stands for standard input where a photo or a list is read, for standard output where one is
written."""

INPUT = "standard input"
OUTPUT = "standard output"


@dataclass(frozen=True, slots=True)
class Streams:
    """The files that take the place of streams for the time of a run."""

    source: Path
    """The photo to read."""

    target: Path | None
    """The file to write, as it was given or in the place of standard output."""

    received: bool
    """Whether the photo came from standard input."""

    sends: bool
    """Whether the result goes to standard output."""

    def named(self, text: str) -> str:
        """A message, with streams called by their names and not by those of their files."""
        if self.received:
            text = text.replace(f"'{self.source}'", INPUT).replace(str(self.source), INPUT)
        if self.sends:
            text = text.replace(f"'{self.target}'", OUTPUT).replace(str(self.target), OUTPUT)
        return text

    def shown(self, path: Path | None) -> str | None:
        """A path as the user gave it."""
        stands_in = (self.received and path == self.source) or (self.sends and path == self.target)
        return str(STREAM) if stands_in else None if path is None else str(path)

    def send(self) -> None:
        """Copy the result to standard output, if that is where it goes and there is one.

        Raises:
            PhotoError: Standard output does not take it, as where a disk is full.
        """
        if not self.sends or self.target is None or not self.target.exists():
            return
        try:
            with self.target.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # whoever read has seen enough
            raise
        except OSError as error:
            # What is left in the buffer shall not fail once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise PhotoError(f"cannot write {OUTPUT}: {error.strerror or error}") from error

    def delivered(self, result: PhotoResult) -> PhotoResult:
        """Send a photo's result as soon as it is done; a failure where that fails."""
        if result.status != "done":
            return result
        try:
            self.send()
        except PhotoError as error:
            return replace(
                result, status="failed", width=None, height=None, warnings=(), error=str(error)
            )
        return result


@contextmanager
def streams(
    source: Path, target: Path | None, *, extension: str | None, as_json: bool
) -> Iterator[Streams]:
    """Put files in the place of standard input and output, where they are asked for.

    Args:
        source: The photo, or `STREAM`.
        target: The result, or `STREAM`; None where its name is made from the photo's.
        extension: The file format for standard output, with or without dot; by default the
            photo's.
        as_json: Standard output is taken by JSON objects.

    Raises:
        UsageError: A stream is a terminal or used for something else.
        PhotoError: Nothing comes from standard input, or no photo.
        PhotostyleError: Those of the `with` block, with streams called by their names.
    """
    received, sends = source == STREAM, target == STREAM
    if received and target is None:
        raise UsageError("a photo from standard input needs --output: a file, or - to write it on")
    if sends and as_json:
        raise UsageError("--json and --output - both write on standard output: drop one")
    if received and sys.stdin.isatty():
        raise UsageError("standard input is a terminal: pipe a photo into it")
    if sends and sys.stdout.isatty():
        raise UsageError("standard output is a terminal: pipe the photo somewhere, or name a file")
    if not (received or sends):
        yield Streams(source, target, received, sends)
        return
    with tempfile.TemporaryDirectory(prefix="photostyle-") as folder:
        if received:
            data = sys.stdin.buffer.read()
            if not data:
                raise PhotoError(f"cannot read {INPUT}: it is empty")
            source = Path(folder, f"stdin{_suffix(data)}")
            source.write_bytes(data)
            del data
        if sends:
            suffix = result_suffix(source)
            if extension is not None:
                suffix = "." + extension.lower().removeprefix(".")
            target = Path(folder, f"stdout{suffix}")
        there = Streams(source, target, received, sends)
        try:
            yield there
        except PhotostyleError as error:
            raise type(error)(there.named(str(error))) from error


def read_list(path: Path) -> list[Path]:
    """The photos and folders that a file lists, one a line or with a NUL between them.

    Args:
        path: The list, or `STREAM`.

    Raises:
        UsageError: It cannot be read.
    """
    if path == STREAM:
        if sys.stdin.isatty():
            raise UsageError("standard input is a terminal: pipe a list of photos into it")
        data = sys.stdin.buffer.read()
    else:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot read the list '{path}': {error.strerror}") from error
    if b"\0" in data:
        names = data.split(b"\0")
    else:
        names = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [Path(os.fsdecode(name)) for name in names if name]


def _suffix(data: bytes) -> str:
    """How a file with these contents is usually called."""
    from photostyle.image.signature import signature_of

    name = signature_of(data)
    if name is None:
        raise PhotoError(f"cannot read {INPUT}: it is no photo")
    return usual_suffix(name)
