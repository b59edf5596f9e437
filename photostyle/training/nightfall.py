"""Day for night: the blue hour, rendered from a photo taken by day."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.training.exposure import from_linear, to_linear
from photostyle.training.lamps import lamps
from photostyle.training.sky import sky_of

Image = NDArray[np.float32]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Of linear R, G, B (Rec. 709): what the eye's cones see."""

SCOTOPIC = np.array([0.05, 0.55, 0.40], np.float32)
"""What its rods see, about: they are nearly blind to red (Purkinje's shift)."""

MOONLIGHT = np.array([0.42, 0.76, 1.84], np.float32)
"""Colour of what the rods see, as painters and film-makers have it."""

SKYLIGHT = np.array([0.84, 0.96, 1.23], np.float32)
"""White balance of what the cones still see."""

LEAST, MOST = 2.0**-4, 2.0**-0.8
"""Bounds of the factor on the light: a photo that is dark already stays much as it is."""


@dataclass(frozen=True, slots=True)
class Nightfall:
    """How far the night has fallen."""

    key: float = 0.04
    """Luminance that the photo's geometric mean comes to."""

    colour: float = 0.8
    """Share of the cones' colours; the rest is the rods' blue."""

    contrast: float = 0.8
    """Exponent on luminance, beside 1."""

    dome: float = 0.4
    """The top of the picture is darker by this share: the sky's light comes from the horizon."""

    white: float = 0.8
    """Luminance at which highlights have lost half of theirs."""

    warmth: float = 0.0
    """EV by which lamps raise red over blue."""


STEADY = Nightfall()
"""A clean blue hour, dark but readable."""

DUSK = Nightfall(key=0.025, colour=0.65, contrast=0.4, dome=0.6, white=0.5)
SPREAD = {"key": 1.0, "colour": 0.35, "contrast": 0.5, "dome": 0.5, "white": 0.4}
"""Where nights are drawn, and the standard deviation of the logarithm, to base e, of each value."""

WARMTH = 0.8, 0.8
"""Mean and standard deviation of the warmth of nights: towns are lit by lamps."""

BLACK_SKIES = 0.85
"""So many nights have a sky that is darker than all below it."""

UNEVEN = 0.5
"""Standard deviation in EV of the light on a quarter of the picture's side."""

LIT = 0.7
"""In so many nights lamps are lit."""

UNLIT = 0.3, 1.0
"""Of the night's own light: what is left of it where lamps are lit."""

LAMPLIGHT = 0.03, 0.5
"""Of daylight: what lamps add to it at most, by night. It never exceeds daylight, or who makes day
of such nights would learn to paint over lamps."""

LARGEST_SIGMA = 0.02
"""Of the noise of nights; who wants them brighter must not take it for detail."""


def rendered_night(photo: Image, nightfall: Nightfall = STEADY) -> Image:
    """Render a night from a photo taken by day.

    After Thompson, Shirley and Ferwerda 2002 (A spatial post-processing algorithm for images of
    night scenes) and Jensen et al. 2000 (Night rendering), in linear light: less light, the colours
    of rods among those of cones, a sky that darkens upwards, and soft highlights.
    Lamps stay off.

    Args:
        photo: `H W 3`, sRGB-encoded in `[0, 1]`.
        nightfall: How far the night has fallen.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    light = to_linear(photo)
    seen = (light @ SCOTOPIC)[..., None] * (MOONLIGHT / (MOONLIGHT @ LUMINANCE))
    mixed = nightfall.colour * light * SKYLIGHT + (1 - nightfall.colour) * seen
    mean = np.exp(np.log(light @ LUMINANCE + np.float32(0.01)).mean())
    mixed *= np.clip(nightfall.key / mean, LEAST, MOST)
    luminance = (mixed @ LUMINANCE)[..., None]
    mixed *= ((luminance + np.float32(1e-3)) / nightfall.key) ** nightfall.contrast
    height = ((np.arange(len(photo), dtype=np.float32) + 0.5) / len(photo))[:, None, None]
    mixed *= 2 ** (nightfall.warmth * np.array([0.5, 0, -0.5], np.float32))
    mixed *= 1 - nightfall.dome * (1 - height) ** np.float32(1.6)
    mixed /= 1 + (mixed @ LUMINANCE)[..., None] / nightfall.white
    return from_linear(np.clip(mixed, 0, 1)).astype(np.float32)


def night(photo: Image, random: np.random.Generator) -> Image:
    """Render a night of any kind, as cameras bring it home: from dusk to black, blue or lamplit.

    Skies may be black above lamplit ground.

    Args:
        photo: `H W 3`, sRGB-encoded in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `H W 3`, with noise, not clipped.
    """
    drawn = {
        name: getattr(DUSK, name) * np.exp(random.normal(0, spread))
        for name, spread in SPREAD.items()
    }
    shares = {name: min(drawn[name], 0.95) for name in ("colour", "dome")}
    warmth = random.normal(*WARMTH)
    light = to_linear(rendered_night(photo, Nightfall(**drawn | shares, warmth=warmth)))
    height, width = photo.shape[:2]
    sky = sky_of(photo)[..., None]
    uneven = random.normal(0, UNEVEN, (4, 4)).astype(np.float32)
    light *= 2 ** cv2.resize(uneven, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    if random.random() < BLACK_SKIES:
        light *= 1 - np.float32(1 - random.random() ** 2 / 2) * sky
    if random.random() < LIT:
        thrown, bulbs = lamps(1 - sky[..., 0], random)
        light *= np.float32(random.uniform(*UNLIT))
        most = np.float32(np.exp(random.uniform(*np.log(LAMPLIGHT))))
        lit = np.maximum(most * thrown / (1 + thrown), bulbs)
        light = np.maximum(light, (light * (1 - bulbs)) + lit * (1 - sky) * to_linear(photo))
    sigma = LARGEST_SIGMA * random.random() ** 2
    grain = np.float32(sigma) * random.standard_normal(photo.shape, np.float32)
    return np.asarray(from_linear(np.clip(light, 0, 1)) + grain, np.float32)
