"""Haze, as it lies over landscapes and streets."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.affine.luma import LUMA

Image = NDArray[np.float32]

CLEAR_SHARE = 0.2
"""So many photos get next to no haze: a clear photo must change little."""

UNIFORM_SHARE = 0.15
"""So many photos have the same haze everywhere, as those of one flat thing or through a window."""

THINNEST, THICKEST = 0.25, 3.0
"""Optical depth of haze at the farthest point: between 78 % and 5 % of the light come through."""


def scatter(photo: Image, depth: Image, beta: float, airlight: Image) -> Image:
    """Put haze between a scene and the camera (Koschmieder 1924; He 2009, Dark channel prior).

    `I = J t + A (1 - t)` with the transmission `t = exp(-beta d)`. The model is one of linear
    light; here it is applied to encoded values, as the literature on dehazing does throughout.

    Args:
        photo: The clear scene J, `H W 3`, sRGB in `[0, 1]`.
        depth: Distances d, `H W` or one that broadcasts to it, from 0.
        beta: Scattering coefficient, in reciprocal units of the depth.
        airlight: The haze's own colour A, 3 values in `[0, 1]`.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    transmission = np.exp(np.float32(-beta) * depth)[..., None]
    return np.asarray(airlight + (photo - airlight) * transmission, np.float32)


def haze(photo: Image, random: np.random.Generator) -> Image:
    """Put haze of random thickness and colour over a photo, whose depth is drawn: see `draw_depth`.

    Args:
        photo: `H W 3`, sRGB in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    if random.random() < CLEAR_SHARE:
        beta = random.uniform(0, 0.08)
    else:
        beta = np.exp(random.uniform(np.log(THINNEST), np.log(THICKEST)))
    airlight = draw_airlight(random)
    if random.random() < UNIFORM_SHARE:
        depth = np.full((1, 1), random.uniform(0.3, 0.6), np.float32)
    else:
        depth = draw_depth(photo, random)
    return scatter(photo, depth, beta, airlight)


def draw_airlight(random: np.random.Generator) -> Image:
    """Draw the colour of haze: a grey of 0.6 to 1, in two thirds of cases bluish, or warm as dust.

    Args:
        random: Source of all random numbers.

    Returns:
        3 values in `[0, 1]`.
    """
    grey = random.uniform(0.6, 1)
    warmth = 0.0
    if random.random() < 0.67:
        warmth = abs(random.normal(0, 0.06)) * (1 if random.random() < 0.35 else -1)
    tint = np.array([warmth, random.normal(0, 0.006), -warmth])
    return np.clip(grey * (1 + tint), 0, 1).astype(np.float32)


def draw_depth(photo: Image, random: np.random.Generator) -> Image:
    """Draw distances for the parts of a photo that nobody has measured.

    A plain runs, more or less tilted, to a horizon and stays far above it; hills and trees are a
    smooth random field; things stand before it that have a colour in common. What is smooth, bright
    and reaches the top edge passes for sky, the farthest of all. Edges of the depth are drawn to
    those of the photo by a guided filter.

    Args:
        photo: `H W 3`, sRGB in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `H W` from 0 to 1, of which 1 is the farthest.
    """
    height, width = photo.shape[:2]
    luma = np.ascontiguousarray(photo @ np.array(LUMA, np.float32))
    up = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32)
    slanted = up + np.float32(random.normal(0, 0.25)) * across
    horizon = np.float32(random.uniform(0.35, 1.1))
    ramp = np.clip(slanted / horizon, 0, 1) ** np.float32(random.uniform(0.7, 2.2))
    field = _smooth_field(height, width, random)
    things = _things(photo, random)
    weights = random.dirichlet([3.0, 1.0, 1.0]).astype(np.float32)
    depth = weights[0] * ramp + weights[1] * field + weights[2] * things
    radius = max(1, round(max(height, width) * random.uniform(0.015, 0.06)))
    depth = guided_filter(luma, depth, radius, 10 ** random.uniform(-3.5, -2))
    low, high = float(depth.min()), float(depth.max())
    near = random.uniform(0, 0.3)
    depth = near + (1 - near) * (depth - low) / max(high - low, 1e-6)
    return np.asarray(np.clip(depth + (1 - depth) * sky_likeness(luma), 0, 1), np.float32)


def sky_likeness(luma: Image) -> Image:
    """How far each pixel passes for sky: bright and smooth, and so all that is above it.

    Args:
        luma: `H W` in `[0, 1]`.

    Returns:
        `H W` in `[0, 1]`.
    """
    side = max(3, max(luma.shape) // 40 | 1)
    mean = _box(luma, side)
    deviation = np.sqrt(np.maximum(_box(luma * luma, side) - mean * mean, 0))
    likely = np.clip((mean - 0.45) / 0.2, 0, 1) * np.clip(1.6 - deviation / 0.04, 0, 1)
    from_top = np.minimum.accumulate(likely, axis=0)
    # Sky goes on below the sun, a bird or a wire.
    narrow = np.ones((1, max(3, luma.shape[1] // 10)), np.uint8)
    closed = np.asarray(cv2.morphologyEx(from_top, cv2.MORPH_CLOSE, narrow), np.float32)
    return np.clip(guided_filter(luma, closed, side, 1e-3), 0, 1)


def guided_filter(guide: Image, values: Image, radius: int, epsilon: float) -> Image:
    """Smooth values except where the guide has edges (He et al. 2013, Guided image filtering).

    Args:
        guide: `H W` in `[0, 1]`.
        values: `H W`.
        radius: Window radius in pixels; windows are `2 radius + 1` wide, mirrored at the border.
        epsilon: Variance of the guide well below which an edge does not count.

    Returns:
        `H W`.
    """
    side = 2 * radius + 1
    mean, mean_values = _box(guide, side), _box(values, side)
    variance = _box(guide * guide, side) - mean * mean
    cross = _box(guide * values, side) - mean * mean_values
    slope = np.asarray(cross / (variance + epsilon), np.float32)
    return _box(slope, side) * guide + _box(mean_values - slope * mean, side)


def _things(photo: Image, random: np.random.Generator) -> Image:
    """Parts with a random range of colours in common, `H W` from 0 (in it) to 1, softly."""
    # The nearer ones are the darker ones rather than the brighter ones, as against the sky.
    colour = photo @ random.normal(0.5, 1, 3).astype(np.float32)
    size = max(photo.shape) * random.uniform(0.004, 0.03)
    colour = np.asarray(cv2.GaussianBlur(colour, (0, 0), size), np.float32)
    standard = (colour - colour.mean()) / max(float(colour.std()), 1e-6)
    steepness, threshold = random.uniform(2, 6), random.normal(0, 0.7)
    return np.asarray(1 / (1 + np.exp(-steepness * (standard - threshold))), np.float32)


def _smooth_field(height: int, width: int, random: np.random.Generator) -> Image:
    """A random field `H W`, about 0 to 1, with two to five hills and valleys a side."""
    cells = int(random.integers(2, 6))
    coarse = random.random((cells, cells), np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def _box(values: Image, side: int) -> Image:
    mean = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(mean, np.float32)
