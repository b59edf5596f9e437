"""Wrong exposure, as cameras get it wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

DARKEST = -3.0
BRIGHTEST = 2.0
"""Exposure errors in EV (stops); underexposure is the commoner and the more easily repaired one."""


def expose(photo: Image, ev: float, gains: Image | None = None, gamma: float = 1.0) -> Image:
    """Expose a photo differently, in linear light, with the sensor's clipping.

    Args:
        photo: `H W 3`, sRGB-encoded in `[0, 1]`.
        ev: Stops; -1 halves the light.
        gains: Three further factors, one for each channel: another white balance.
        gamma: Exponent on the encoded result: another contrast curve.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    light = to_linear(photo) * np.float32(2.0**ev)
    if gains is not None:
        light *= gains
    encoded = from_linear(np.minimum(light, 1))
    return encoded if gamma == 1 else encoded ** np.float32(gamma)


def wrong_exposure(photo: Image, random: np.random.Generator) -> Image:
    """Expose by -3 to +2 EV, with some drift of white balance and contrast.

    A fifth of the photos is nearly right: such a photo must change little.

    Args:
        photo: `H W 3`, sRGB-encoded in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    near = random.random() < 0.2
    ev = random.normal(0, 0.2) if near else random.uniform(DARKEST, BRIGHTEST)
    drift = random.random() < 0.5
    gains = np.exp2(random.normal(0, 0.12, 3) * drift).astype(np.float32)
    gamma = float(np.exp2(random.normal(0, 0.12) * drift))
    return expose(photo, ev, gains / gains[1], gamma)


def to_linear(encoded: Image) -> Image:
    """Decode sRGB into linear light (IEC 61966-2-1)."""
    low = encoded / np.float32(12.92)
    high = ((encoded + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(encoded <= 0.04045, low, high)


def from_linear(light: Image) -> Image:
    """Encode linear light as sRGB (IEC 61966-2-1)."""
    low = light * np.float32(12.92)
    high = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(light <= 0.0031308, low, high)
