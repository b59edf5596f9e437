"""Day for evening: a sunset, rendered from a photo taken by day."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.training.exposure import from_linear, to_linear
from photostyle.training.sky import sky_of

Image = NDArray[np.float32]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Of linear R, G, B (Rec. 709)."""

HEIGHTS = 0.0, 0.2, 0.5, 0.85
"""Of the colours below, above the horizon: shares of a sky that fills half of the picture."""

CLEAR = np.array(
    [[1.15, 0.58, 0.12], [1.02, 0.46, 0.19], [0.68, 0.36, 0.38], [0.18, 0.26, 0.62]], np.float32
)
"""Air, linear RGB: what the long way through it leaves of the light, and blue above."""

CLOUDS = np.array(
    [[1.25, 0.64, 0.14], [1.18, 0.49, 0.17], [0.95, 0.41, 0.26], [0.64, 0.37, 0.38]], np.float32
)
"""Clouds, which are lit from below and so stay warm further up."""

SKY_EXPOSURE, EXPOSURE = 0.7, 0.62
"""Factors on the light of the sky and on that of what is below it."""

BLUEST = 0.25
"""By so much the blue of encoded air exceeds its red; that of clouds does by nothing."""

LIT = np.array([1.42, 0.93, 0.42], np.float32)
SHADE = np.array([0.86, 0.94, 1.16], np.float32)
"""Colours of what the low sun lights, and of what the sky alone does."""

FADED = 0.28
"""Share of grey in what is lit: light without blue leaves little of what is blue or green."""

EDGE, SOFTNESS = 0.4, 1.3
"""What is lit: from so many EV above the geometric mean on, and how suddenly."""

CONTRAST = 0.72, 0.5
"""Factor on shade, and what the sun adds to it."""

SUNWARD = 0.35
"""By so much lower the brightest part of the sky seems than it is: warmth surrounds the sun."""

SHOULDER = 0.6
"""Luminance above which highlights are compressed."""


def rendered_sunset(photo: Image) -> Image:
    """Render the last light of a day from a photo taken at any hour of it.

    In linear light. The sky gets the colours of its height above the horizon, by the ratio of its
    own luminance to that around it, so that clouds keep their shapes; the brightest side is where
    the sun goes down. Below it, what is bright is lit by a low sun and what is dark by the sky:
    warm and cool, and never the same orange over both.

    Args:
        photo: `H W 3`, sRGB-encoded in `[0, 1]`, upright.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    light = to_linear(photo)
    sky = sky_of(photo)
    evening = _below(light, 1 - sky)
    if sky.max() > 0:
        blue = np.clip((photo[..., 2] - photo[..., 0]) / BLUEST, 0, 1)
        evening += sky[..., None] * (_above(light @ LUMINANCE, blue, sky) - evening)
    evening /= 1 + np.maximum((evening @ LUMINANCE)[..., None] - SHOULDER, 0)
    return from_linear(np.clip(evening, 0, 1)).astype(np.float32)


def _below(light: Image, ground: Image) -> Image:
    """Light on what is below the sky, `H W 3`."""
    luminance = light @ LUMINANCE
    logs = np.log(luminance + np.float32(0.01))
    mean = np.exp((logs * ground).sum() / max(float(ground.sum()), 1e-6))
    stops = np.log2((luminance + np.float32(0.003)) / mean)
    lit = (1 / (1 + np.exp(SOFTNESS * (EDGE - stops))))[..., None].astype(np.float32)
    tint = SHADE + lit * (LIT - SHADE)
    shade, sun = CONTRAST
    faded = light + np.float32(FADED) * (luminance[..., None] - light)
    return np.asarray(faded * tint * (EXPOSURE * (shade + sun * lit)), np.float32)


def _above(luminance: Image, blue: Image, sky: Image) -> Image:
    """Light of the sky, `H W 3`; what it gives elsewhere means nothing."""
    height, width = sky.shape
    depth = sky.sum(axis=0)  # of the sky, in every column
    wide = cv2.GaussianBlur(depth[None], (0, 0), width / 8, borderType=cv2.BORDER_REPLICATE)[0]
    deepest = max(float(np.percentile(np.maximum(depth, wide), 80)), 1.0)
    horizon = 0.5 * (deepest + np.maximum(np.maximum(depth, wide), 0.05 * height))
    above = np.clip(1 - np.arange(height)[:, None] / horizon, 0, 1)
    above *= min(1.0, 2 * deepest / height)  # a strip of sky is all near the horizon

    shares = cv2.GaussianBlur(sky, (0, 0), width / 7)
    around = cv2.GaussianBlur(luminance * sky, (0, 0), width / 7) / (shares + np.float32(1e-3))
    darkest, brightest = np.percentile(around[sky > 0.5 * sky.max()], (5, 95))
    sunward = np.clip((around - darkest) / (brightest - darkest + 0.1), 0, 1)
    above = np.clip(above * (1.15 - SUNWARD * sunward), 0, 1)

    colours = blue[..., None] * _at(above, CLEAR) + (1 - blue[..., None]) * _at(above, CLOUDS)
    mean = (luminance * sky).sum() / sky.sum()
    relative = np.clip((luminance + 0.02) / (around + 0.02), 0.05, 2.5)
    uneven = np.clip((around + 0.02) / (mean + 0.02), 0.3, 2) ** 0.4
    return np.asarray(colours * (SKY_EXPOSURE * relative * uneven)[..., None], np.float32)


def _at(above: NDArray[np.float64], colours: Image) -> NDArray[np.float64]:
    """Colours at heights above the horizon, `H W 3`."""
    return np.stack([np.interp(above, HEIGHTS, channel) for channel in colours.T], axis=-1)
