"""Noise that a look would amplify, kept down to little more than it was.

Where a look stretches what is smooth, a sky or a lifted shadow, it stretches the noise in it too.
So photos are taken apart into a base without noise and what that leaves, by a guided filter (He et
al. 2013, Guided image filtering): edges and texture stay in the base. It gets the look as it is;
what is left is added by a limited gain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Image = NDArray[np.float32]

HALO = 10
"""Rows around a pixel that have a say in what it becomes: twice the filter's radius, and that of
the windows in which gains are measured."""

_RADIUS = 3
_WINDOW = 4
_VARIANCE = 4e-4  # of noise at most, about: five levels of 255
_GAIN = 1.5


def limit_noise(image: Image, look: Callable[[Image], Image]) -> Image:
    """Apply a look without amplifying noise by more than one and a half.

    Args:
        image: `H W 3`.
        look: Gives colours `H W 3` their new ones, pixel by pixel, in an array of its own.

    Returns:
        `H W 3`: what the look makes of the image where its gain is less.
    """
    base = _without_noise(image)
    mapped, result = look(image), look(base)
    mapped -= result
    gain = _strength(mapped) / (_strength(image - base) + 1e-8)
    mapped *= np.minimum(1, _GAIN / np.sqrt(gain + 1e-8))[..., None]
    result += mapped
    return result


def _without_noise(image: Image) -> Image:
    mean = _average(image, _RADIUS)
    variance = _average(np.square(image), _RADIUS) - np.square(mean)
    np.maximum(variance, 0, out=variance)
    slope: Image = variance / (variance + np.float32(_VARIANCE))
    offset = _average(mean - slope * mean, _RADIUS)
    base: Image = _average(slope, _RADIUS) * image + offset
    return base


def _strength(noise: Image) -> Image:
    """`H W`: mean square around each pixel."""
    return _average(np.square(noise).sum(-1), _WINDOW)


def _average(values: Image, radius: int) -> Image:
    return np.asarray(cv2.blur(values, (2 * radius + 1,) * 2), np.float32)
