"""The files of a training run, all beside its result."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photostyle.errors import TrainingError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class Files:
    """What a run writes."""

    out: Path
    """The result."""

    best: Path
    """The state of the run whose preview was the best."""

    checkpoint: Path
    """From where the run can be resumed."""

    card: Path
    """What the filter is, in Markdown, as the hub wants it."""

    previews: Path
    """Folder of pictures."""

    logs: Path
    """Folder of TensorBoard's logs."""

    @classmethod
    def beside(cls, out: Path) -> Files:
        """Name the files.

        Args:
            out: The result.

        Raises:
            UsageError: It is no `.safetensors` file.
        """
        if out.suffix != SUFFIX:
            raise UsageError(f"the result is a {SUFFIX} file: '{out}' must end so")
        suffixes = (f".best{SUFFIX}", ".checkpoint", ".md", ".previews", ".runs")
        return cls(out, *(out.with_suffix(suffix) for suffix in suffixes))

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """See that everything can be written, and that nothing is lost by it.

        Args:
            resume: The run continues from its checkpoint.
            overwrite: The run replaces what is there.

        Raises:
            UsageError: Both are wanted, or there is nothing to resume from.
            TrainingError: There are files that would be lost, or nothing can be written.
        """
        if resume and overwrite:
            raise UsageError("--resume and --overwrite exclude each other: give one of them")
        if resume and not self.checkpoint.exists():
            raise UsageError(f"there is no checkpoint '{self.checkpoint}' to resume from")
        for path in (self.checkpoint, self.out, self.best, self.card):
            if path.is_dir():
                raise TrainingError(f"cannot write '{path}': it is a folder")
            if path.exists() and not (resume or overwrite):
                more = "--resume to continue it, " if self.checkpoint.exists() else ""
                raise TrainingError(
                    f"'{path}' exists already: use {more}--overwrite to start anew, or another name"
                )
        if not self.out.parent.is_dir():
            raise TrainingError(f"cannot write '{self.out}': there is no such folder")
        try:
            with tempfile.TemporaryFile(dir=self.out.parent):
                pass
        except OSError as error:
            raise TrainingError(f"cannot write '{self.out}': {error.strerror}") from error

    def preview(self, step: int) -> Path:
        """The picture of the preview after a step."""
        return self.previews / f"step-{step:06d}.png"

    def remove_previews_after(self, step: int) -> None:
        """Remove what an earlier run left and this one has not come to."""
        for path in self.previews.glob("step-*.png"):
            if path.name > self.preview(step).name:
                path.unlink()
