"""The look of a transfer in files of its own: for other photos, and for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photostyle.cli import naming
from photostyle.errors import PhotoError, UsageError
from photostyle.image.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from photostyle.cli.console import Console
    from photostyle.networks import GlobalLook

FIELDS = ("look", "lut", "lut_error")
"""Of the `--json` object."""

_VISIBLE = 2.0
"""Levels by which a table may be off for one colour in a thousand without a warning."""


@dataclass(frozen=True, slots=True)
class LookFiles:
    """Where a look is to be written."""

    look: Path | None
    """Value of `--save-look`."""

    lut: Path | None
    """Value of `--export-lut`."""

    overwrite: bool
    """Existing files may be replaced."""

    @property
    def paths(self) -> list[Path]:
        """The files that are wanted."""
        return [path for path in (self.look, self.lut) if path is not None]

    def check(self, inputs: Sequence[Path], *, again: bool = False) -> None:
        """See that the files can be written.

        Args:
            inputs: Files that must not be replaced.
            again: This may be a run that continues an earlier one: files that exist are not refused
                before it is known that they would change.

        Raises:
            UsageError: A name does not end as it must.
            PhotoError: A file cannot be written.
        """
        wanted = ((self.look, ".safetensors", "--save-look"), (self.lut, ".cube", "--export-lut"))
        for path, suffix, option in wanted:
            if path is None:
                continue
            if path.suffix.lower() != suffix:
                raise UsageError(f"{option} '{path}' must end in {suffix}")
            naming.check_place(path, inputs, overwrite=self.overwrite or (again and path.is_file()))

    def write(
        self,
        look: GlobalLook,
        colours: Any,
        console: Console,
        *,
        style: Path,
        photos: str,
        command: str,
    ) -> list[str]:
        """Write the files.

        Args:
            look: The look.
            colours: `N 3` float32 in [0, 1], colours of the photos.
            console: Is told what was written; its record gets `FIELDS`.
            style: The photo whose look it is.
            photos: The photos it was fitted to, in words.
            command: How it was made, as on the command line.

        Returns:
            Warnings.

        Raises:
            PhotoError: A file cannot be written, or holds something else and may not be replaced.
        """
        from photostyle.transfers import look_file, lut_file

        warnings = []
        if self.look is not None:
            fitted_to = f"the look of {style.name}, fitted to {photos}"
            name = self.look.stem
            data = look_file(look, name=name, fitted_to=fitted_to, recipe=f"photostyle {command}")
            self._write(self.look, data)
            console.info(f"look: {self.look}")
            console.record["look"] = str(self.look)
        if self.lut is not None:
            data, error = lut_file(look, colours, title=f"{style.stem} (photostyle)")
            self._write(self.lut, data)
            figures = f"{error.mean:.2f} levels on average, {error.high:.2f} for 99.9 %"
            console.info(f"lookup table: {self.lut}, off the look by {figures} of the colours")
            console.record["lut"] = str(self.lut)
            console.record["lut_error"] = {
                "mean": round(error.mean, 4),
                "p99.9": round(error.high, 4),
            }
            if error.high > _VISIBLE:
                warnings.append(
                    f"{self.lut}: the table is off the look by {error.high:.1f} levels for one "
                    "colour in a thousand, which can be seen"
                )
        return warnings

    def _write(self, path: Path, data: bytes) -> None:
        try:
            if not self.overwrite and path.is_file():
                if path.read_bytes() == data:
                    return
                raise PhotoError(
                    f"cannot write '{path}': it holds something else, such as a look of other "
                    "photos or options; choose another name, or --overwrite to replace it"
                )
            write_atomically(path, data, overwrite=self.overwrite)
        except OSError as error:
            raise PhotoError(f"cannot write '{path}': {error.strerror or error}") from error
