"""Three-dimensional lookup tables of colours, as video editors and cameras take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Colours = NDArray[np.float32]

SIZE = 33
"""Points along each axis of a table: what every program reads."""


def tabulate(change: Callable[[Colours], Colours], size: int = SIZE) -> Colours:
    """Evaluate a change of colours at the points of a cube.

    Args:
        change: Takes `N 3` colours in [0, 1] to `N 3`.
        size: Points along each axis, >= 2.

    Returns:
        `size size size 3`, indexed by blue, green and red: red changes fastest in memory.
    """
    axis = np.linspace(0, 1, size, dtype=np.float32)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    points = np.stack([red, green, blue], -1).reshape(-1, 3)
    return change(points).reshape(size, size, size, 3)


def interpolate(table: Colours, colours: Colours) -> Colours:
    """Look colours up in a table, by trilinear interpolation.

    Args:
        table: `S S S 3`, as `tabulate` makes it.
        colours: `N 3` in [0, 1].

    Returns:
        `N 3`.
    """
    last = len(table) - 1
    place = np.clip(colours, 0, 1) * last
    lower = np.minimum(place.astype(np.intp), last - 1)
    share = place - lower
    result = np.zeros(colours.shape, np.float32)
    for corner in np.ndindex(2, 2, 2):
        red, green, blue = (lower[:, axis] + corner[axis] for axis in range(3))
        weight = np.prod(np.where(corner, share, 1 - share), axis=1)
        result += weight[:, None] * table[blue, green, red]
    return result


def cube_text(table: Colours, title: str) -> str:
    """Write a table as a .cube file (Adobe, Cube LUT Specification 1.0, 2013).

    Args:
        table: `S S S 3`, as `tabulate` makes it.
        title: Shown by programs that read it; quotes and line breaks are left out.

    Returns:
        The file's text.
    """
    plain = "".join(c for c in title if c.isascii() and c.isprintable() and c != '"')
    lines = [
        f'TITLE "{plain}"',
        f"LUT_3D_SIZE {len(table)}",
        "DOMAIN_MIN 0.0 0.0 0.0",
        "DOMAIN_MAX 1.0 1.0 1.0",
    ]
    values = table.reshape(-1, 3).tolist()
    lines += [f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in values]
    return "\n".join(lines) + "\n"
