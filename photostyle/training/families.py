"""Which family of generators undoes which degradations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photostyle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

FAMILY_OF = {
    "exposure": "tone",
    "night": "tone",
    "haze": "tone",
    "blur": "deconvolution",
    "noise": "repair",
    "jpeg": "repair",
}
"""Tone filters change colours alone, all others pixels: see `TrainConfig.family`."""


def family_of(degradations: Sequence[str]) -> str:
    """The family whose generators can undo all of the degradations.

    Args:
        degradations: Keys of `FAMILY_OF`, at least one.

    Raises:
        UsageError: There is no such family.
    """
    families = {FAMILY_OF[name]: name for name in degradations}
    if families.keys() == {"repair", "deconvolution"}:
        return "repair"  # which can learn anything, if with more work
    if len(families) > 1:
        names = " and ".join(families.values())
        raise UsageError(f"no filter undoes both {names}: train one for each, and apply both")
    return next(iter(families))
