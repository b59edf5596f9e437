"""The ways in which a palette's colours differ: a black-and-white photo's differ in one alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NOISE = 1.3 / 255  # of JPEG in a grey photo: a spread of this size counts half


def palette_axes(colours: NDArray[np.floating]) -> NDArray[np.float64]:
    """Make the matrix that keeps what lies along a palette's axes, and nothing else.

    The factors are those of a Wiener filter: near 1 for axes along which the palette's colours are
    spread far wider than noise, 0 for those along which they do not differ.

    Args:
        colours: `N 3` in [0, 1], N >= 1.

    Returns:
        `3 3`, symmetric; for differences of colours.
    """
    centred = colours - colours.mean(0, dtype=float)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(colours))
    variances = variances.clip(0)
    kept: NDArray[np.float64] = (axes * (variances / (variances + _NOISE**2))) @ axes.T
    return kept
