"""Filters as users name them: a name or a file, one of its looks, and a weight."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from photostyle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILE = ".safetensors"
_MOST = 1 + 1e-6


@dataclass(frozen=True, slots=True)
class Word:
    """A filter as it is named: `NAME`, `NAME:LOOK`, `NAME:WEIGHT` or `NAME:LOOK:WEIGHT`."""

    name: str
    """Of a model, or the path of a file made by training."""

    look: str = ""
    """Which of its looks; empty for the first."""

    weight: float | None = None
    """Its share in a mixture; None if it is applied alone, in full."""

    def __str__(self) -> str:
        """The filter by name; that of a file by its stem."""
        name = Path(self.name).stem if self.name.endswith(_FILE) else self.name
        weight = [] if self.weight is None else [f"{self.weight:g}"]
        return ":".join([name, *([self.look] if self.look else []), *weight])


def read_word(text: str) -> Word:
    """Take apart what names a filter.

    The last part after a colon is a weight if it is a number, whatever looks are called.

    Args:
        text: As in `Word`.

    Raises:
        UsageError: There is no name, a part is empty, or a weight is not above 0 and up to 1.
    """
    file, suffix, rest = text.partition(_FILE)
    # In the path of a file there may be colons, too.
    if suffix and (not rest or rest.startswith(":")):
        name, parts = file + suffix, rest.split(":")[1:]
    else:
        name, *parts = text.split(":")
    if not name or "" in parts:
        raise UsageError(f"'{text}' is not a filter: write NAME, NAME:LOOK or NAME:WEIGHT")
    weight = None
    if parts and re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", parts[-1], re.ASCII):
        weight = float(parts.pop())
        if not 0 < weight <= 1:
            raise UsageError(f"the weight of '{text}' is out of range: above 0, up to 1")
    return Word(name, ":".join(parts), weight)


def mixtures(words: Sequence[Word]) -> list[list[Word]]:
    """Sort filters into those that are applied one after the other.

    Args:
        words: As they are named, in order.

    Returns:
        Filters without a weight alone; those with one together, as long as no other comes between.

    Raises:
        UsageError: The weights of a mixture add up to more than 1.
    """
    groups: list[list[Word]] = []
    for word in words:
        if groups and word.weight is not None and groups[-1][-1].weight is not None:
            groups[-1].append(word)
        else:
            groups.append([word])
    for group in groups:
        total = sum(word.weight or 0 for word in group)
        if total > _MOST:
            mixed = ",".join(map(str, group))
            raise UsageError(f"the weights of {mixed} add up to {total:g}: 1 is all there is")
    return groups
