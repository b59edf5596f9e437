"""The resolution a file states: how large the photo is to be printed."""

from __future__ import annotations

# In pixels per inch: a JPEG file has 16 bits for it. PNG files have whole pixels a metre, of which
# 39 are 0.9906.
_LOWEST, _HIGHEST = 0.99, 65_535

NO_RESOLUTION = "its resolution is not one of 1 to 65,535 pixels per inch and not kept"
"""What to tell of a photo with another one."""


def is_resolution(dpi: tuple[float, float]) -> bool:
    """Whether every format has room for this resolution.

    Args:
        dpi: Horizontal and vertical resolution in pixels per inch.
    """
    return all(_LOWEST <= value <= _HIGHEST for value in dpi)


def sensible(dpi: tuple[float, float] | None, notes: list[str]) -> tuple[float, float] | None:
    """The resolution a file states; None, and a note, where formats have no room for it.

    Args:
        dpi: Horizontal and vertical resolution in pixels per inch, of which 0 is an unknown one;
            None where the file states none.
        notes: Filled with what cannot be kept.
    """
    if not dpi or 0 in dpi:
        return None
    resolution = float(dpi[0]), float(dpi[1])
    if is_resolution(resolution):
        return resolution
    notes.append(NO_RESOLUTION)
    return None
