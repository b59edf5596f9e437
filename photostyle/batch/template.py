"""File names of results: made from a template, and recognised again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from photostyle.errors import UsageError
from photostyle.image import PHOTO_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping


def fill(template: str, fields: Mapping[str, str]) -> str:
    """Make a file name.

    Args:
        template: A file name with `{field}` in the place of every field; `{{` and `}}` are braces.
        fields: The texts to put there.

    Raises:
        UsageError: The template has other fields, or the name leads out of its folder.
    """
    name = "".join(
        literal + ("" if field is None else fields[field])
        for literal, field in _parse(template, tuple(fields))
    )
    if name in ("", "..") or Path(name).name != name:
        raise UsageError(
            f"--name '{template}' leaves the output folder: give a file name, and --out-dir"
        )
    return name


def _parse(template: str, known: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """The template in pieces: text, and the field after it if there is one.

    Raises:
        UsageError: It cannot be parsed, or has other fields.
    """
    pieces: list[tuple[str, str | None]] = []
    try:
        for literal, field, form, conversion in Formatter().parse(template):
            if field is not None and (field not in known or form or conversion):
                listed = ", ".join(f"{{{name}}}" for name in known)
                raise UsageError(f"--name does not know '{{{field}}}': use {listed}")
            pieces.append((literal, field))
    except ValueError as error:
        raise UsageError(f"--name '{template}' is not a template: {error}") from error
    return pieces


@dataclass(frozen=True)
class Template:
    """How the results of one operation are called.

    Raises:
        UsageError: The text is not a file name with these fields.
    """

    text: str
    """A file name with the fields `{stem}`, `{op}` and `{ext}` (with dot)."""

    op: str
    """What is done to the photos, a word for `{op}`."""

    extension: str | None = None
    """The file format of the results, with or without dot; None for that of each photo."""

    def __post_init__(self) -> None:
        self.name(Path("photo.jpg"))

    def name(self, source: Path) -> str:
        """The file name of a photo's result."""
        suffix = source.suffix
        if self.extension is not None:
            suffix = "." + self.extension.lower().removeprefix(".")
        return fill(self.text, {"stem": source.stem, "op": self.op, "ext": suffix})

    def could_have_made(self, name: str) -> bool:
        """Whether a file name looks like that of a result.

        Only a template with `{op}` leaves a mark that tells a result from a photo.
        """
        return self._names_op and self._pattern.fullmatch(name) is not None

    @cached_property
    def adds_text(self) -> bool:
        """Whether the name of a result differs from that of its photo by more than the suffix."""
        return any(literal or field == "op" for literal, field in self._pieces)

    @cached_property
    def _pieces(self) -> list[tuple[str, str | None]]:
        return _parse(self.text, ("stem", "op", "ext"))

    @cached_property
    def _names_op(self) -> bool:
        return any(field == "op" for _, field in self._pieces)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        suffixes = "|".join(map(re.escape, PHOTO_SUFFIXES))
        fields = {"stem": ".+", "op": re.escape(self.op), "ext": f"(?i:{suffixes})"}
        return re.compile(
            "".join(
                re.escape(literal) + ("" if field is None else fields[field])
                for literal, field in self._pieces
            ),
            re.DOTALL,
        )
