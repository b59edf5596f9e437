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
from photostyle.image.formats import result_suffix

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("stem", "op", "ext", "index", "date")
"""Of a template for the results of a batch."""


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
    """A file name with the fields `{stem}`, `{op}`, `{ext}` (with dot), `{index}` (place in the
    batch) and `{date}` (when the photo was taken)."""

    op: str
    """What is done to the photos, a word for `{op}`."""

    extension: str | None = None
    """The file format of the results, with or without dot; None for that of each photo."""

    def __post_init__(self) -> None:
        self.name(Path("photo.jpg"))

    def name(self, source: Path, *, index: str = "1", date: str = "2000-01-01") -> str:
        """The file name of a photo's result.

        Args:
            source: The photo.
            index: Text for `{index}`.
            date: Text for `{date}`.
        """
        suffix = result_suffix(source)
        if self.extension is not None:
            suffix = "." + self.extension.lower().removeprefix(".")
        fields = {
            "stem": source.stem, "op": self.op, "ext": suffix, "index": index, "date": date,
        }  # fmt: skip
        return fill(self.text, fields)

    def could_have_made(self, name: str) -> bool:
        """Whether a file name looks like that of a result.

        Only a template with `{op}` leaves a mark that tells a result from a photo.
        """
        return self._uses("op") and self._pattern.fullmatch(name) is not None

    def could_have_made_from(self, name: str) -> str | None:
        """Of a file name that looks like that of a result, the stem of its photo's name."""
        found = self._pattern.fullmatch(name) if self._uses("op") and self._uses("stem") else None
        return None if found is None else found["stem"]

    @property
    def numbers(self) -> bool:
        """Whether names depend on the place in the batch."""
        return self._uses("index")

    @property
    def dates(self) -> bool:
        """Whether names depend on the date of the photo."""
        return self._uses("date")

    @cached_property
    def adds_text(self) -> bool:
        """Whether the name of a result differs from that of its photo by more than the suffix."""
        return any(literal or field in ("op", "date") for literal, field in self._pieces)

    @cached_property
    def _pieces(self) -> list[tuple[str, str | None]]:
        return _parse(self.text, FIELDS)

    def _uses(self, name: str) -> bool:
        return any(field == name for _, field in self._pieces)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        suffixes = "|".join(map(re.escape, PHOTO_SUFFIXES))
        fields = {
            "stem": ".+",
            "op": re.escape(self.op),
            "ext": f"(?i:{suffixes})",
            "index": "[0-9]+",
            "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        }
        parts: list[str] = []
        named: set[str] = set()
        for literal, field in self._pieces:
            parts.append(re.escape(literal))
            if field in named:
                parts.append(f"(?P={field})")
            elif field is not None:
                named.add(field)
                parts.append(f"(?P<{field}>{fields[field]})")
        return re.compile("".join(parts), re.DOTALL)
