"""A curve of affine colour maps along luma: the grid of a look that does not vary in space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from photostyle.affine.luma import LUMA
from photostyle.affine.slice_cpu import slice_apply_cpu

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 8
"""Maps of a curve; with twice as many, fits improve by less than a tenth."""

_SMOOTH = 3e-4  # variance times share of a level from which on it counts for more than the next
_IDENTITY = 2e-5  # the same for a direction of colour, and the identity


def fit_luma_curve(
    source: NDArray[np.floating], target: NDArray[np.floating], *, levels: int = LEVELS
) -> NDArray[np.float32]:
    """Fit the curve that takes one set of colours to another with the least squared error.

    A colour's map lies between those of the two nearest levels of luma. Neighbouring maps are drawn
    towards each other, and slopes that the colours say little about, such as those of saturation in
    a grey photo, towards the identity: so colours that are not among these change sensibly, too.

    Args:
        source: `N 3` in [0, 1], N >= 1.
        target: `N 3`, what becomes of each.
        levels: Maps of the curve, >= 2, evenly spread from luma 0 to luma 1.

    Returns:
        `levels 3 4`: matrices that take `[R, G, B, 1]`.
    """
    colours = source.astype(np.float64)
    place = np.clip(colours @ np.array(LUMA), 0, 1) * (levels - 1)
    lower = np.minimum(place.astype(np.intp), levels - 2)
    upper_share = place - lower
    homogeneous = np.column_stack([colours, np.ones(len(colours))])
    # The identity is taken away first: what is fitted, and held small, is the change.
    change = target - colours
    by_level = np.zeros((len(colours), levels, 4))
    rows = np.arange(len(colours))
    by_level[rows, lower] = (1 - upper_share)[:, None] * homogeneous
    by_level[rows, lower + 1] = upper_share[:, None] * homogeneous
    basis = by_level.reshape(len(colours), 4 * levels)
    slopes = np.tile([1.0, 1.0, 1.0, 0.01], levels)  # offsets are free, or nearly
    differences = np.diff(np.eye(levels), axis=0)
    smooth = np.kron(differences.T @ differences, np.eye(4))
    normal = basis.T @ basis / len(colours) + _SMOOTH * smooth + _IDENTITY * np.diag(slopes)
    maps = np.linalg.solve(normal, basis.T @ change / len(colours))
    curve = maps.reshape(levels, 4, 3).transpose(0, 2, 1) + np.eye(3, 4)
    return np.ascontiguousarray(curve, np.float32)


def apply_luma_curve(
    curve: NDArray[np.float32], colours: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Apply a curve to colours in any order.

    Args:
        curve: `levels 3 4`.
        colours: `N 3`.

    Returns:
        `N 3`, not clipped.
    """
    picture = np.ascontiguousarray(colours, np.float32)[None]
    whole = np.ones((*picture.shape[:2], 1), np.float32)
    result: NDArray[np.float32] = slice_apply_cpu(picture, whole, curve[None, None, None], 0, 1)[0]
    return result
