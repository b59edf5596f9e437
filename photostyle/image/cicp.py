"""Colours that a file states by numbers instead of a profile.

Reference: ITU-T H.273 (coding-independent code points).
"""

from __future__ import annotations

# Colour primaries of BT.709, or not stated; transfer functions of BT.709, which in photos mean
# that of sRGB, not stated, of BT.601, and of sRGB.
_SRGB_PRIMARIES, _SRGB_TRANSFERS = (1, 2), (1, 2, 6, 13)


def loss_of(primaries: int, transfer: int) -> str | None:
    """What to tell where colours are taken for sRGB in spite of these numbers; None if they are."""
    if primaries in _SRGB_PRIMARIES and transfer in _SRGB_TRANSFERS:
        return None
    return (
        "its colours have no profile and are taken for sRGB, though the file says otherwise "
        f"(ITU-T H.273: primaries {primaries}, transfer function {transfer})"
    )
