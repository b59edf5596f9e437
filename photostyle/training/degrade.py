"""What goes wrong with photos, made on the fly: pairs to learn repairs from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.errors import UsageError
from photostyle.training.blur import blur
from photostyle.training.compression import compressed, to_uint8
from photostyle.training.exposure import wrong_exposure
from photostyle.training.haze import haze
from photostyle.training.nightfall import night

if TYPE_CHECKING:
    from collections.abc import Sequence

Image = NDArray[np.float32]
Degradation = Callable[[Image, np.random.Generator], Image]

CLEAN_SHARE = 0.06
"""So many examples stay as they are: a repair must also learn to keep its hands off."""

ALONE_SHARE = 0.8
"""Of the others, so many get one degradation, and the rest several on top of one another."""

SHARES = {"jpeg": 10.0}
"""How often one degradation alone is this one, beside 1 for each other: what compression did is
harder to learn than noise."""

CROPPED_SHARE = 0.1
"""So many JPEGs were cropped after compression: their blocks start anywhere."""

GAMMA = 2.2

_LARGEST_SIGMA = 55 / 255


def noise(photo: Image, random: np.random.Generator) -> Image:
    """Add noise: Gaussian of one sigma, or that of a camera's sensor.

    A sensor's noise has variance proportional to the light, plus that of its read-out (Foi 2008),
    in linear light; interpolation of its colour mosaic spreads it over neighbouring pixels.

    Args:
        photo: `H W 3`, sRGB in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `H W 3`, not clipped.
    """
    grain = random.standard_normal(photo.shape, np.float32)
    if random.random() < 0.8:
        return photo + np.float32(random.uniform(0, _LARGEST_SIGMA)) * grain
    if random.random() < 0.5:
        blurred = cv2.GaussianBlur(grain, (0, 0), random.uniform(0.4, 0.9))
        grain = np.asarray(blurred / max(float(blurred.std()), 1e-6), np.float32)
    light = photo**GAMMA
    shot = 10 ** random.uniform(-4, -1.6)
    read = 10 ** random.uniform(-3.5, -1.6)
    noisy = light + np.sqrt(shot * light + read**2).astype(np.float32) * grain
    return np.asarray(np.clip(noisy, 0, None) ** np.float32(1 / GAMMA), np.float32)


def jpeg(photo: Image, random: np.random.Generator) -> Image:
    """Compress as JPEG at quality 10 to 95, with halved (4:2:0) or full (4:4:4) colour.

    Half of the qualities are below 40, where there is most to repair.

    Args:
        photo: `H W 3`, sRGB in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `H W 3` in `[0, 1]`. Blocks start at its corner, but for those of a cropped photo.
    """
    down, right = random.integers(0, 8, 2) if random.random() < CROPPED_SHARE else (0, 0)
    shifted = np.pad(photo, ((down, 0), (right, 0), (0, 0)), mode="symmetric")
    quality = 10 + int(86 * random.random() ** 1.5)
    return compressed(shifted, quality, half_colour=random.random() >= 0.2)[down:, right:]


DEGRADATIONS: dict[str, Degradation] = {
    "exposure": wrong_exposure,
    "night": night,
    "haze": haze,
    "blur": blur,
    "noise": noise,
    "jpeg": jpeg,
}
"""By name, in the order in which they befall a photo."""


def parse_degradations(names: str) -> tuple[str, ...]:
    """Turn a list such as `noise,jpeg` into names in the order of their application.

    Args:
        names: Separated by commas.

    Raises:
        UsageError: A name is unknown.
    """
    wanted = {name.strip() for name in names.split(",")}
    unknown = sorted(wanted - DEGRADATIONS.keys())
    if unknown:
        known = ", ".join(DEGRADATIONS)
        raise UsageError(f"unknown degradation '{unknown[0]}': use some of {known}")
    return tuple(name for name in DEGRADATIONS if name in wanted)


def degrade(photo: Image, names: Sequence[str], random: np.random.Generator) -> Image:
    """Let some of the named degradations befall a photo.

    Args:
        photo: `H W 3`, sRGB in `[0, 1]`.
        names: Keys of `DEGRADATIONS`, in its order.
        random: Source of all random numbers.

    Returns:
        `H W 3`, in steps of 8 bits, as a file would hold it.
    """
    if random.random() >= CLEAN_SHARE:
        count = 1
        if len(names) > 1 and random.random() >= ALONE_SHARE:
            count = int(random.integers(2, len(names) + 1))
        shares = np.array([SHARES.get(name, 1.0) for name in names])
        for index in sorted(
            random.choice(len(names), count, replace=False, p=shares / shares.sum())
        ):
            photo = DEGRADATIONS[names[index]](np.clip(photo, 0, 1), random)
    return to_uint8(photo).astype(np.float32) / np.float32(255)
