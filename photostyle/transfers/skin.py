"""Skin: what a photo shows of people, and has the colours that skin has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.features.scene_parser import KINDS

if TYPE_CHECKING:
    from photostyle.transfers.segments import Segments

Image = NDArray[np.float32]

_PERSON = KINDS.index("person")
_CHANCE = (0.35, 0.55)  # of a person: none below, sure above
_HUE = (10, 25, 75, 95)  # degrees in Lab: none, sure, sure, none
_CHROMA = (3, 8, 60, 80)
_LIGHTNESS = (5, 20, 98, 101)
_SKIN = 0.3  # from here on a pixel is taken as skin
_GREY = 5.0  # Lab units: mean chroma below which a style is black and white
_STYLED = 0.1  # share of skin from which on a part of the style says how skin is to look
_REST = 0.2  # share of a segment that has to be left without its skin


def skin_of(photo: Image, kinds: Image) -> Image:
    """Find skin.

    Args:
        photo: `H W 3` in [0, 1].
        kinds: What its places show: of `kinds_of_places`.

    Returns:
        `H W` in [0, 1], how surely each pixel shows skin.
    """
    person = cv2.resize(np.ascontiguousarray(kinds[..., _PERSON]), photo.shape[1::-1])
    lightness, a, b = cv2.split(cv2.cvtColor(photo, cv2.COLOR_RGB2LAB))
    hue = np.degrees(np.arctan2(b, a))
    skin = np.interp(person, _CHANCE, (0, 1))
    for values, bounds in ((hue, _HUE), (np.hypot(a, b), _CHROMA), (lightness, _LIGHTNESS)):
        skin = skin * np.interp(values, bounds, (0, 1, 1, 0))
    return skin.astype(np.float32)


def is_grey(style: Image) -> bool:
    """Whether a style has hardly any colours, so that skin shall have none either.

    Args:
        style: `h w 3` in [0, 1].
    """
    lab = cv2.cvtColor(style, cv2.COLOR_RGB2LAB)
    return bool(np.hypot(lab[..., 1], lab[..., 2]).mean() < _GREY)


def without_skin(segments: Segments, skin: Image, style_skin: Image) -> Segments:
    """Leave skin out of what gets the colours of a style that shows none.

    Else hair and shadows would have to be all the more blue, the less faces may be.

    Args:
        segments: Which part of the content goes with which part of the style.
        skin: `H W` in [0, 1], where the content shows some.
        style_skin: `h w` in [0, 1], where the style does.

    Returns:
        The segments, without the content's skin where there is enough beside it.
    """
    free = skin.ravel() < _SKIN
    shown = style_skin.ravel()
    parts = [
        replace(part, content=part.content[free[part.content]])
        if shown[part.style].mean() < _STYLED and free[part.content].mean() > _REST
        else part
        for part in segments.parts
    ]
    return replace(segments, parts=tuple(parts))
