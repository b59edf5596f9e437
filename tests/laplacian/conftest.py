"""The matting Laplacian written down plainly in float64, to compare everything else with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Array = NDArray[np.floating]


class Reference(NamedTuple):
    product: Array
    """L p, `H W C`."""

    energy: float
    """P^T L p."""

    diagonal: Array
    """`H W 1`."""


def compute_reference(guide: Array, p: Array, radius: int, epsilon: float) -> Reference:
    """Fit every window on its own: `H W 3` and `H W C`, any size that holds a window."""
    guide, p = guide.astype(np.float64), p.astype(np.float64)
    size = 2 * radius + 1
    n = size * size

    def centred(image: Array) -> Array:  # windows down, windows across, n, channels
        windows = sliding_window_view(image, (size, size), (0, 1))
        windows = windows.reshape(*windows.shape[:3], n).swapaxes(2, 3)
        return windows - windows.mean(2, keepdims=True)

    colours, values = centred(guide), centred(p)
    delta = colours.swapaxes(2, 3) @ colours / n + epsilon / n * np.eye(3)
    a = np.linalg.solve(delta, colours.swapaxes(2, 3) @ values / n)
    residual = values - colours @ a
    lengths = np.einsum("yxni,yxin->yxn", colours, np.linalg.solve(delta, colours.swapaxes(2, 3)))

    product, diagonal = np.zeros(p.shape), np.zeros((*p.shape[:2], 1))
    rows, columns = residual.shape[:2]
    for member in range(n):
        y, x = divmod(member, size)
        product[y : y + rows, x : x + columns] += residual[:, :, member]
        diagonal[y : y + rows, x : x + columns, 0] += 1 - (1 + lengths[:, :, member]) / n
    return Reference(product, float((values * residual).sum()), diagonal)


@pytest.fixture(scope="session")
def reference() -> Callable[[Array, Array, int, float], Reference]:
    return compute_reference


@pytest.fixture(scope="session")
def error() -> Callable[[Array, Array], float]:
    """Relative error `|value - truth| / |truth|`."""

    def relative(value: Array, truth: Array) -> float:
        assert value.shape == truth.shape
        return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))

    return relative
