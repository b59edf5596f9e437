"""Where the sky is in a photo taken by day, good enough for making examples."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

BLUE = 0.08
"""By so much the blue of a clear sky exceeds its red."""

WARMEST, CALM = 0.05, 0.05
"""Of clouds: by so much red may exceed blue; and the step between neighbouring pixels that is too
much for them, on a scale of 128 pixels."""

DARKEST_BLUE, DARKEST_CLOUD = 0.35, 0.5
"""Blue below which nothing is sky by day, or cloud."""

UNSURE, OTHER = 0.2, -1.5
"""What a pixel above the skyline counts that may be the rim of a cloud, or is no sky; sky is 1."""

STEEP = 4.0
"""What a step of the skyline by one pixel costs, likewise: it may follow roofs, not gaps."""

FEWEST = 0.04
"""A smaller share of the photo is no sky."""

SCALE = 128
"""Pixels along the longer side at which skies are looked for."""


def sky_of(photo: Image) -> Image:
    """Find the sky: all that is above the skyline.

    The skyline is the line from left to right that has the most of blue or calm bright pixels
    above itself and the fewest others, found by dynamic programming.

    Args:
        photo: `H W 3`, sRGB-encoded in `[0, 1]`, upright.

    Returns:
        `H W` in `[0, 1]`: 1 in the sky, with soft borders; 0 everywhere in photos without one.
    """
    height, width = photo.shape[:2]
    scale = min(1.0, SCALE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.float32)
    skyline = _skyline(_evidence(small))
    above = (np.arange(size[1])[:, None] < skyline).astype(np.float32)
    if above.mean() < FEWEST:
        above[:] = 0
    soft = cv2.GaussianBlur(above, (0, 0), 0.8)
    return np.asarray(cv2.resize(soft, (width, height)), np.float32)


def _evidence(small: Image) -> Image:
    """What each pixel says for being sky."""
    red, green, blue = np.moveaxis(small, 2, 0)
    steps = np.hypot(cv2.Sobel(blue, cv2.CV_32F, 1, 0), cv2.Sobel(blue, cv2.CV_32F, 0, 1)) / 8
    clear = (blue > DARKEST_BLUE) & (blue - red > BLUE) & (blue > green - 0.03)
    cloud = (blue > DARKEST_CLOUD) & (red - blue < WARMEST) & (green - blue < WARMEST)
    calm = steps < CALM
    evidence = np.where(clear | cloud, np.where(calm, 1, UNSURE), OTHER)
    return np.asarray(evidence, np.float32)


def _skyline(evidence: Image) -> NDArray[np.intp]:
    """Rows of the sky in each column: the best sum of evidence, less the cost of steps."""
    height, width = evidence.shape
    sums = np.zeros((width, height + 1), np.float32)
    np.cumsum(evidence.T, axis=1, out=sums[:, 1:])
    slope = STEEP * np.arange(height + 1, dtype=np.float32)

    def spread(values: Image) -> Image:
        """The best of all rows, less the cost of the way from there."""
        up = np.maximum.accumulate((values - slope)[::-1])[::-1] + slope
        down = np.maximum.accumulate(values + slope) - slope
        return np.maximum(up, down)

    ahead, behind = np.zeros_like(sums), np.zeros_like(sums)
    for column in range(1, width):
        ahead[column] = spread(ahead[column - 1] + sums[column - 1])
        behind[-1 - column] = spread(behind[-column] + sums[-column])
    skyline: NDArray[np.intp] = (ahead + behind + sums).argmax(axis=1)
    return skyline
