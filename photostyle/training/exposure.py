"""Wrong exposure, as cameras get it wrong."""

from __future__ import annotations

import cv2
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
    """Expose by -3 to +2 EV as it happens, with some drift of white balance and contrast.

    - A fifth of the photos is nearly right: such a photo must change little.
    - What is white in the photo may have been any brighter in the scene, and still be white when
      the rest is too dark. Without this, how far the whites have fallen gives the exposure away,
      and a lamp in a dark room passes for good exposure.
    - In a third of the photos the bright or the dark parts are nearly right and the others are
      not, as against the light.

    Args:
        photo: `H W 3`, sRGB-encoded in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    if random.random() < 0.2:
        ev, contrast, balance = random.normal(0, 0.2), 0.08, 0.05
        stops: float | Image = ev
        scene = to_linear(photo)
    else:
        ev, contrast, balance = random.uniform(DARKEST, BRIGHTEST), 0.25, 0.12
        scene = to_linear(photo)
        if ev < 0 and random.random() < 0.65:
            scene = scene * (1 + _step(photo.max(axis=-1, keepdims=True), 0.75, 1.0)
                             * np.float32(2 ** (-ev * random.uniform(0, 1.3)) - 1))  # fmt: skip
        stops = ev if random.random() < 0.65 else ev * _uneven(photo, ev < 0, random)
    drift = random.random() < 0.5
    gains = np.exp2(random.normal(0, balance, 3) * drift).astype(np.float32)
    gamma = np.exp2(random.normal(0, contrast) * (random.random() < 0.6))
    light = scene * np.exp2(stops).astype(np.float32) * (gains / gains[1])
    encoded: Image = from_linear(np.minimum(light, 1)) ** np.float32(gamma)
    return encoded


def with_whites(clean: Image, exposed: Image) -> Image:
    """What a correction shall make of a photo: the clean one, but white where all is lost to white.

    Where overexposure has clipped everything, the most likely colour is a light grey, and looks
    like dirt.

    Args:
        clean: `H W 3`, sRGB-encoded in `[0, 1]`.
        exposed: The same photo as the camera exposed it.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    lost: Image = exposed.min(axis=-1, keepdims=True) ** 6
    return np.asarray(clean + lost * np.clip(exposed - clean, 0, None), np.float32)


def _uneven(photo: Image, dark: bool, random: np.random.Generator) -> Image:
    """How much of an error befalls each pixel, `H W 1`: dark or bright parts in full."""
    luma = np.ascontiguousarray(photo.mean(axis=-1))
    radius = random.uniform(0.01, 0.06) * max(luma.shape)
    blurred = np.asarray(cv2.GaussianBlur(luma, (0, 0), radius), np.float32)
    bright = _step(blurred, 0.3, 0.75)
    spared = bright if dark else 1 - bright
    share: Image = 1 - np.float32(random.uniform(0.3, 1)) * spared[..., None]
    return share


def _step(values: Image, low: float, high: float) -> Image:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


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
