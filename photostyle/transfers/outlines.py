"""Outlines: labels of coarse places at full size, their borders on the edges of the photo."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.affine import fit_affine
from photostyle.transfers.bilateral_solver import Image, solve_bilateral

Labels = NDArray[np.uint8]

_NEAR, _WIDE = 0.8, 2.0  # places from a border within which labels are doubted, and doubted a bit
_DOUBTED = 0.1  # confidence in labels beyond the first, and within the second
_LEAST = 6e-4  # confidence in any label
_SMOOTHNESS = 4.0  # how much likeness of colours counts beside a label that is not doubted


def outlined(labels: NDArray[np.intp], photo: Image) -> Labels:
    """Enlarge labels of coarse places.

    Beside a border, pixels get the label of what has their colour further away: a spire is not cut
    off by the place that it shares with the sky, and the sky between leaves is sky.

    Args:
        labels: `h w`, from 0.
        photo: `H W 3` in [0, 1].

    Returns:
        `H W`.
    """
    count = int(labels.max()) + 1
    if count == 1:
        return np.zeros(photo.shape[:2], np.uint8)
    size = photo.shape[1::-1]
    own = np.eye(count, dtype=np.float32)[labels]
    near, wide = (_enlarged(own, sigma, size) for sigma in (_NEAR, _WIDE))
    confidence = _margin(wide) ** 6 + _DOUBTED * _margin(near) ** 2 + _LEAST
    place = max(size) / max(labels.shape)
    solved = solve_bilateral(photo, near, confidence, reach=2 * place, smoothness=_SMOOTHNESS)
    # Where there is no edge, the solver's grid would be seen in the border.
    field = fit_affine(photo, solved, radius=max(1, round(0.75 * place)), epsilon=1e-4)
    return np.asarray(field.apply(photo).argmax(-1), np.uint8)


def _enlarged(values: Image, sigma: float, size: tuple[int, int]) -> Image:
    blurred = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(blurred, size), np.float32)


def _margin(shares: NDArray[Any]) -> Image:
    """How far the largest of some shares, `H W K`, is above the next, `H W`."""
    largest = np.sort(shares, -1)[..., -2:]
    return np.asarray(largest[..., 1] - largest[..., 0], np.float32)
