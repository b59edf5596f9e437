"""Nights whose places have names, for training: towns by lamplight are few among the photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from photostyle.features.scene_parser import KINDS
from photostyle.training.exposure import from_linear, to_linear
from photostyle.training.nightfall import night
from photostyle.training.scene_photos import NamedPhoto

if TYPE_CHECKING:
    from collections.abc import Sequence

_SKY, _BUILDING = KINDS.index("sky"), KINDS.index("building")
_LEAST = 0.05  # share of a photo that has to be sky, or buildings
_EXPOSURE = 4.0  # EV, at most


def scene_nights(count: int, photos: Sequence[NamedPhoto], seed: int) -> list[NamedPhoto]:
    """Let the night fall on photos under the sky, on those of buildings in half of the nights.

    Args:
        count: How many.
        photos: The photos.
        seed: The same seed and photos give the same nights.

    Returns:
        Nights with the names that the photos' places have; none if no photo shows sky.
    """
    outdoors = [photo for photo in photos if (photo.kinds == _SKY).mean() > _LEAST]
    towns = [photo for photo in outdoors if (photo.kinds == _BUILDING).mean() > _LEAST]
    nights = []
    for index in range(count if outdoors else 0):
        random = np.random.default_rng([seed, index])
        source = towns if towns and random.uniform() < 0.5 else outdoors
        photo = source[int(random.integers(len(source)))]
        dark = np.clip(night(photo.pixels.astype(np.float32) / np.float32(255), random), 0, 1)
        longer = 2 ** random.uniform(0, _EXPOSURE)  # as nights are exposed with a tripod
        bright = from_linear(np.clip(to_linear(dark) * np.float32(longer), 0, 1))
        nights.append(NamedPhoto((255 * bright).round().astype(np.uint8), photo.kinds, "nights"))
    return nights
