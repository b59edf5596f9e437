"""The segments of a transfer in files of their own, to be corrected and passed back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from photostyle.cli import naming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photostyle.cli.console import Console
    from photostyle.image import Photo

FIELDS = ("masks",)
"""Of the `--json` object."""

_NAMES = ("content_mask.png", "style_mask.png")


@dataclass(frozen=True, slots=True)
class MaskFiles:
    """Where the masks of content and style are to be written."""

    paths: tuple[Path, ...]
    """Both files, or none."""

    overwrite: bool
    """Existing files may be replaced."""

    @classmethod
    def of(cls, place: str | None, overwrite: bool) -> MaskFiles:
        """Name the files.

        Args:
            place: Value of `--save-masks`: a folder, or what the names begin with.
            overwrite: Existing files may be replaced.
        """
        if place is None:
            return cls((), overwrite)
        if place.endswith(("/", "\\")) or Path(place).is_dir():
            return cls(tuple(Path(place) / name for name in _NAMES), overwrite)
        return cls(tuple(Path(f"{place}_{name}") for name in _NAMES), overwrite)

    def check(self, inputs: Sequence[Path]) -> None:
        """See that the files can be written.

        Args:
            inputs: Files that must not be replaced.

        Raises:
            PhotoError: A file cannot be written.
        """
        for path in self.paths:
            naming.check_place(path, inputs, overwrite=self.overwrite)

    def write(self, masks: Sequence[Photo], inputs: Sequence[Path], console: Console) -> None:
        """Write the files, if any are wanted.

        Args:
            masks: Of content and style.
            inputs: Files that must not be replaced.
            console: Is told what was written; its record gets `FIELDS`.

        Raises:
            PhotoError: A file cannot be written.
        """
        from photostyle.image import write_photo

        for path, mask in zip(self.paths, masks, strict=False):
            write_photo(mask, path, overwrite=self.overwrite, protect=inputs)
        if self.paths:
            console.info(f"masks: {self.paths[0]}, {self.paths[1]}")
            console.record["masks"] = [str(path) for path in self.paths]
