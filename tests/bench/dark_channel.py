"""Removal of haze by the dark channel prior: what the `dehaze` filter is compared with.

He, Sun and Tang 2009 (Single image haze removal using dark channel prior), with the guided filter
(He 2013) in place of their soft matting, as its authors do since.
"""

from __future__ import annotations

import cv2
import numpy as np

WINDOW = 15
OMEGA = 0.95
SMALLEST_TRANSMISSION = 0.1
RADIUS = 60
EPSILON = 1e-3


def dehaze(hazy: np.ndarray) -> np.ndarray:
    """Estimate the airlight and the transmission, and invert `I = J t + A (1 - t)`.

    Args:
        hazy: `H W 3` of 8 bits.

    Returns:
        `H W 3` of 8 bits.
    """
    photo = hazy.astype(np.float64) / 255
    airlight = _airlight(photo)
    rough = 1 - OMEGA * _dark_channel(photo / airlight)
    refined = _guided_filter(cv2.cvtColor(hazy, cv2.COLOR_RGB2GRAY) / 255, rough)
    transmission = np.maximum(refined, SMALLEST_TRANSMISSION)[..., None]
    clear = (photo - airlight) / transmission + airlight
    return np.clip(np.round(clear * 255), 0, 255).astype(np.uint8)


def _dark_channel(photo: np.ndarray) -> np.ndarray:
    return cv2.erode(photo.min(axis=-1), np.ones((WINDOW, WINDOW), np.uint8))


def _airlight(photo: np.ndarray) -> np.ndarray:
    """The brightest of the thousandth of pixels whose dark channel is the brightest."""
    dark = _dark_channel(photo).ravel()
    candidates = photo.reshape(-1, 3)[np.argsort(dark)[-max(1, dark.size // 1000) :]]
    return np.maximum(candidates[candidates.sum(axis=1).argmax()], 1e-3)


def _guided_filter(guide: np.ndarray, values: np.ndarray) -> np.ndarray:
    mean, mean_values = _box(guide), _box(values)
    slope = (_box(guide * values) - mean * mean_values) / (_box(guide**2) - mean**2 + EPSILON)
    return _box(slope) * guide + _box(mean_values - slope * mean)


def _box(values: np.ndarray) -> np.ndarray:
    side = 2 * RADIUS + 1
    return cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)
