"""What rays hit first in a scene that is made of boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photostyle.compiled import compiled, over_rows

Numbers = NDArray[np.float32]

_NEAREST = 1e-4  # metres; what is nearer is the surface the ray starts from


@dataclass(frozen=True)
class Boxes:
    """Boxes that stand upright, each turned about its vertical axis."""

    centres: Numbers
    """`N 3`: x to the right, y up, z into the picture, in metres."""

    halves: Numbers
    """`N 3`: half of the width, height and depth."""

    turns: Numbers
    """`N 2`: cosine and sine of the angle about y."""


@dataclass(frozen=True)
class Hits:
    """Where rays end."""

    distances: Numbers
    """`R`: in lengths of the ray's direction; infinite where nothing is hit."""

    boxes: NDArray[np.int32]
    """`R`: which box is hit; -1 for none."""

    axes: NDArray[np.int32]
    """`R`: the axis of the box, from 0, that its hit face is normal to."""


def cast(boxes: Boxes, origins: Numbers, directions: Numbers) -> Hits:
    """Find what rays hit first (Kay and Kajiya 1986, the method of slabs).

    Args:
        boxes: The scene. A ray that starts in a box does not see it.
        origins: `R 3`.
        directions: `R 3`, of any length above 0.

    Returns:
        The hits.
    """
    count = len(origins)
    hits = Hits(np.empty(count, np.float32), np.empty(count, np.int32), np.empty(count, np.int32))
    over_rows(
        _cast, count, boxes.centres, boxes.halves, boxes.turns, origins, directions,
        hits.distances, hits.boxes, hits.axes,
    )  # fmt: skip
    return hits


@compiled
def _cast(
    begin: int,
    end: int,
    centres: Numbers,
    halves: Numbers,
    turns: Numbers,
    origins: Numbers,
    directions: Numbers,
    distances: Numbers,
    boxes: NDArray[np.int32],
    axes: NDArray[np.int32],
) -> None:
    for ray in range(begin, end):
        best = np.float32(np.inf)
        box, face = -1, 0
        for n in range(len(centres)):
            cosine, sine = turns[n, 0], turns[n, 1]
            x = origins[ray, 0] - centres[n, 0]
            z = origins[ray, 2] - centres[n, 2]
            dx, dz = directions[ray, 0], directions[ray, 2]
            near, far = np.float32(-np.inf), np.float32(np.inf)
            axis = 0
            for k in range(3):
                if k == 0:
                    start, step = cosine * x + sine * z, cosine * dx + sine * dz
                elif k == 1:
                    start, step = origins[ray, 1] - centres[n, 1], directions[ray, 1]
                else:
                    start, step = cosine * z - sine * x, cosine * dz - sine * dx
                if step == 0:
                    step = np.float32(1e-9)
                first = (-halves[n, k] - start) / step
                last = (halves[n, k] - start) / step
                if first > last:
                    first, last = last, first
                if first > near:
                    near, axis = first, k
                far = min(far, last)
            if near > _NEAREST and near <= far and near < best:
                best, box, face = near, n, axis
        distances[ray], boxes[ray], axes[ray] = best, box, face
