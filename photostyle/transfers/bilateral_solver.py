"""The bilateral solver: what is known of some places of a photo, carried on as far as its edges.

It works on a bilateral grid of position and colour, of which only the cells that the photo has are
kept, and so takes a fraction of a second (Barron and Poole 2016, The fast bilateral solver).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Matrix = NDArray[np.float64]

_LUMA, _CHROMA = 6.0, 5.0  # Lab units of a cell
_STEPS = 30  # of conjugate gradients
_ROUNDS = 10  # of making the blur doubly stochastic


def solve_bilateral(
    guide: Image,
    target: Image,
    confidence: NDArray[np.floating],
    *,
    reach: float,
    smoothness: float,
) -> Image:
    """Find values that are near a target where it is trusted, and change only where a photo does.

    Args:
        guide: The photo, `H W 3` in [0, 1].
        target: `H W C`.
        confidence: How far the target is trusted, `H W`, above 0.
        reach: Pixels of a cell of the grid.
        smoothness: How much likeness counts beside the target.

    Returns:
        `H W C`.
    """
    grid = _grid(guide, reach)
    mass = np.bincount(grid.cells).astype(np.float64)
    scale = np.ones(len(mass))
    for _ in range(_ROUNDS):
        scale = np.sqrt(scale * mass / grid.blur(scale[:, None])[:, 0])
    scale = scale[:, None]
    rows = scale * grid.blur(scale)
    trust = np.bincount(grid.cells, confidence.ravel(), len(mass))[:, None]
    channels = target.reshape(-1, target.shape[-1]).T
    wanted = np.stack(
        [np.bincount(grid.cells, confidence.ravel() * own, len(mass)) for own in channels], 1
    )

    def system(values: Matrix) -> Matrix:
        unlike: Matrix = rows * values - scale * grid.blur(scale * values)
        return smoothness * unlike + trust * values

    inverse = 1 / (smoothness * (rows - scale**2 * grid.centre) + trust)
    values = wanted / trust
    residual = wanted - system(values)
    step = inverse * residual
    size = (residual * step).sum(0)
    for _ in range(_STEPS):
        changed = system(step)
        far = size / ((step * changed).sum(0) + 1e-30)
        values += far * step
        residual -= far * changed
        better = inverse * residual
        before, size = size, (residual * better).sum(0)
        step = better + size / (before + 1e-30) * step
    return values[grid.cells].astype(np.float32).reshape(target.shape)


@dataclass(frozen=True)
class _Grid:
    cells: NDArray[np.intp]
    """`N`, of each pixel the cell it is in."""

    around: NDArray[np.intp]
    """`10 M`, the neighbours of each cell along the five axes; M where there is none."""

    @property
    def centre(self) -> int:
        """How much a cell counts in its own blur, beside 1 for each neighbour."""
        return len(self.around)

    def blur(self, values: Matrix) -> Matrix:
        """Blur values of the cells, `M C`, along all axes."""
        blurred: Matrix = self.centre * values
        padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
        for neighbours in self.around:
            blurred += padded[neighbours]
        return blurred


def _grid(guide: Image, reach: float) -> _Grid:
    lab = cv2.cvtColor(guide, cv2.COLOR_RGB2LAB)
    y, x = np.mgrid[: guide.shape[0], : guide.shape[1]] / reach
    axes = [y, x, lab[..., 0] / _LUMA, (lab[..., 1] + 128) / _CHROMA, (lab[..., 2] + 128) / _CHROMA]
    place = np.stack([axis.ravel().round().astype(np.int64) for axis in axes]) + 1
    size = place.max(1) + 2
    numbers, cells = np.unique(np.ravel_multi_index(tuple(place), size), return_inverse=True)
    around = []
    for axis in range(len(size)):
        stride = int(np.prod(size[axis + 1 :]))
        for other in (numbers - stride, numbers + stride):
            nearest = np.searchsorted(numbers, other).clip(0, len(numbers) - 1)
            around.append(np.where(numbers[nearest] == other, nearest, len(numbers)))
    return _Grid(cells, np.stack(around))
