"""Where a photo shows skin: what is of a person, and of the colours that skin has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.features.scene_parser import KINDS
from photostyle.transfers.joint_segments import kinds_of_places, shrunk

if TYPE_CHECKING:
    from torch import nn

Image = NDArray[np.float32]

_PERSON = KINDS.index("person")
_CHANCE = (0.15, 0.45)  # of a person: none below, sure above
_HUE = (10, 25, 75, 95)  # degrees in Lab: none, sure, sure, none
_CHROMA = (3, 8, 60, 80)
_LIGHTNESS = (5, 20, 98, 101)


def skin_of(photo: Image, parser: nn.Module) -> Image:
    """Find skin.

    Args:
        photo: `H W 3` in [0, 1].
        parser: Says what places show.

    Returns:
        `H W` in [0, 1], how surely each pixel shows skin.
    """
    small = shrunk(photo)
    chance = np.ascontiguousarray(kinds_of_places(small, parser)[..., _PERSON])
    person = cv2.resize(chance, None, fx=8, fy=8)[: small.shape[0], : small.shape[1]]
    person = cv2.resize(person, photo.shape[1::-1])
    lightness, a, b = cv2.split(cv2.cvtColor(photo, cv2.COLOR_RGB2LAB))
    hue = np.degrees(np.arctan2(b, a))
    skin = np.interp(person, _CHANCE, (0, 1))
    for values, bounds in ((hue, _HUE), (np.hypot(a, b), _CHROMA), (lightness, _LIGHTNESS)):
        skin = skin * np.interp(values, bounds, (0, 1, 1, 0))
    return skin.astype(np.float32)
