"""The light of lamps, for nights rendered from photos taken by day."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

FEWEST, MOST = 3, 40
"""Places in a photo where a lamp may stand, if there is ground."""

RADIUS = 0.02, 0.2
"""Of the pool of light a lamp throws, as a share of the picture's longer side."""

BULB = 0.002, 0.008
"""Of what shines by itself, likewise."""

STRENGTH = -0.4, 0.8
"""Mean and standard deviation of the logarithm, to base e, of a lamp's strength."""

FLOODLIT = 0.4
"""In so many towns streets are lit evenly, by lamps that are many or out of the picture."""

FLOODLIGHT = 0.0, 0.8
"""Mean and standard deviation of the logarithm, to base e, of the strength of that light."""

FLAT = 1.6
"""Pools lie on the ground and are seen from the side: they are wider than high."""

SODIUM, NEUTRAL = np.array([1.5, 0.9, 0.3]), np.array([0.85, 1.0, 1.15])
"""Colours of lamps lie between these; those of one town are much alike."""

STRIDE = 8
"""Light varies so slowly that it is worked out for every eighth pixel of every eighth row."""


def lamps(ground: Image, random: np.random.Generator) -> tuple[Image, Image]:
    """Draw lamps: the light they throw on what is around them, and where they shine themselves.

    Light falls off as from a point above the ground: `1 / (1 + (d / r)^2)^1.5`.

    Args:
        ground: `H W` in `[0, 1]`, where lamps may stand.
        random: Source of all random numbers.

    Returns:
        Light, `H W 3`, 0 and above, about 1 at the foot of a lamp; and bulbs, `H W 1` in `[0, 1]`.
    """
    height, width = ground.shape
    side = max(height, width)
    light = np.zeros((-(-height // STRIDE), -(-width // STRIDE), 3), np.float32)
    bulbs = np.zeros((height, width), np.float32)
    town = random.random()
    if random.random() < FLOODLIT and ground.any():
        light += np.exp(random.normal(*FLOODLIGHT)) * _colour(town)
    for _ in range(random.integers(FEWEST, MOST + 1)):
        row, column = int(random.integers(height)), int(random.integers(width))
        if random.random() > ground[row, column]:
            continue
        colour = np.exp(random.normal(*STRENGTH)) * _colour(random.normal(town, 0.25))
        radius = side * np.exp(random.uniform(*np.log(RADIUS)))
        down = (np.arange(len(light)) * STRIDE - row - radius / 2) * FLAT  # from the lamp's foot
        across = np.arange(light.shape[1]) * STRIDE - column
        falloff = (1 + (down[:, None] ** 2 + across**2) / radius**2) ** -1.5
        light += (falloff[..., None] * colour).astype(np.float32)
        bulb = max(1, round(side * np.exp(random.uniform(*np.log(BULB)))))
        cv2.circle(bulbs, (column, row), bulb, 1.0, cv2.FILLED, cv2.LINE_AA)
    return np.asarray(cv2.resize(light, (width, height)), np.float32), bulbs[..., None]


def _colour(sodium: float) -> NDArray[np.float64]:
    share = min(max(sodium, 0.0), 1.0)
    return np.asarray(share * SODIUM + (1 - share) * NEUTRAL)
