"""Where the sky is in a photo taken by day, good enough for making examples."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

BLUE = 0.12
"""By so much the blue of a clear sky exceeds its red."""

WARMEST, CALM = 0.05, 0.05
"""Of clouds: by so much red may exceed blue; and the step between neighbouring pixels that is too
much for them, on a scale of 256 pixels."""

DARKEST_BLUE, DARKEST_CLOUD = 0.35, 0.5
"""Blue below which nothing is sky by day, or cloud."""

GAP = 6
"""A sky goes on below what covers no more rows than this: wires, twigs, rims of clouds."""

SCALE = 256
"""Pixels along the longer side at which skies are looked for."""


def sky_of(photo: Image) -> Image:
    """Find the sky: what is blue, or bright and calm, from the upper border down.

    Args:
        photo: `H W 3`, sRGB-encoded in `[0, 1]`, upright.

    Returns:
        `H W` in `[0, 1]`: 1 in the sky, with soft borders; 0 everywhere in photos without one.
    """
    height, width = photo.shape[:2]
    scale = min(1.0, SCALE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.float32)
    red, green, blue = np.moveaxis(cv2.GaussianBlur(small, (0, 0), 1.0), 2, 0)
    steps = np.hypot(cv2.Sobel(blue, cv2.CV_32F, 1, 0), cv2.Sobel(blue, cv2.CV_32F, 0, 1)) / 8
    clear = (blue > DARKEST_BLUE) & (blue - red > BLUE) & (blue > green)
    cloud = (blue > DARKEST_CLOUD) & (red - blue < WARMEST) & (green - blue < WARMEST)
    fits = clear | (cloud & (steps < CALM))
    reached = (np.cumsum(~fits, axis=0) <= GAP).astype(np.float32) * fits
    soft = cv2.GaussianBlur(reached, (0, 0), 1.5)
    return np.asarray(cv2.resize(soft, (width, height)), np.float32)
