"""Scaling pictures and masks."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def fit_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """The size with the same proportions whose longer side is `long_side`.

    Args:
        height: Height in pixels, >= 1.
        width: Width in pixels, >= 1.
        long_side: Wanted length of the longer side in pixels, >= 1.

    Returns:
        Height and width, neither below 1.
    """
    scale = long_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize_to(pixels: FloatArray, height: int, width: int) -> FloatArray:
    """Scale a picture or mask to a size.

    Smaller by averaging over the area each new pixel covers, so that nothing aliases; larger by
    bicubic interpolation, held inside the range of the input so that it cannot overshoot. When one
    side grows and the other shrinks, each is treated in its own way.

    Args:
        pixels: H W or H W C.
        height: New height in pixels, >= 1.
        width: New width in pixels, >= 1.

    Returns:
        A new array of the new size, with the same dimensions and range.
    """
    old_height, old_width = pixels.shape[:2]
    down = (min(old_height, height), min(old_width, width))
    result = pixels
    if down != (old_height, old_width):
        result = _resized(result, *down, cv2.INTER_AREA)
    if down != (height, width):
        low, high = float(result.min()), float(result.max())
        result = np.clip(_resized(result, height, width, cv2.INTER_CUBIC), low, high)
    return pixels.copy() if result is pixels else result


def _resized(pixels: FloatArray, height: int, width: int, interpolation: int) -> FloatArray:
    scaled = cv2.resize(pixels, (width, height), interpolation=interpolation)
    # OpenCV drops a last axis of length one.
    return np.asarray(scaled, np.float32).reshape(height, width, *pixels.shape[2:])


def resize(pixels: FloatArray, long_side: int) -> FloatArray:
    """Scale a picture or mask so that its longer side is `long_side`; see `resize_to`.

    Args:
        pixels: H W or H W C.
        long_side: Wanted length of the longer side in pixels, >= 1.

    Returns:
        A new array with the same proportions, dimensions and range.
    """
    height, width = pixels.shape[:2]
    return resize_to(pixels, *fit_size(height, width, long_side))
