"""How long jobs report their progress: a callback that takes one small record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report from a running job."""

    stage: str
    """What is being done, in a word or two (`"fit"`, `"apply"`)."""

    done: int
    """Steps finished in this stage, `0 <= done <= total`."""

    total: int
    """Steps this stage has."""


ProgressCallback = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Ignore a report: the default callback."""
