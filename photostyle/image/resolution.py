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
