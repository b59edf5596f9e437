"""Subjects before plain and blurred backgrounds, put together from photos, for training.

In photos of landscapes what is plain and bright is sky. In a studio it is paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.features.scene_parser import KINDS
from photostyle.training.scene_photos import UNKNOWN, NamedPhoto, random_piece

if TYPE_CHECKING:
    from collections.abc import Sequence

Image = NDArray[np.float32]

SIZE = 288
"""Height and width of a picture."""

_PERSON, _ANIMAL, _OBJECT, _BACKGROUND = (
    KINDS.index(name) for name in ("person", "animal", "object", "background")
)
_SHARES = (0.06, 0.7)  # of the photo that a subject covers
_UNKNOWN_BORDER = 5  # pixels around a subject whose kind is not said


def cut_outs(count: int, photos: Sequence[NamedPhoto], seed: int) -> list[NamedPhoto]:
    """Put subjects before other backgrounds.

    Half of the subjects are people, animals and objects of the photos; half are solids, round as
    turned ones are, that pieces of photos cover.

    Args:
        count: How many.
        photos: What subjects, surfaces and blurred backgrounds are taken from.
        seed: The same seed and photos give the same pictures.

    Returns:
        The pictures.
    """
    subjects = [
        (index, kind)
        for index, photo in enumerate(photos)
        for kind in (_PERSON, _ANIMAL, _OBJECT)
        if _SHARES[0] < (photo.kinds == kind).mean() < _SHARES[1]
    ]
    pictures = []
    for number in range(count):
        random = np.random.default_rng([seed, number])
        if subjects and random.uniform() < 0.5:
            index, kind = subjects[int(random.integers(len(subjects)))]
            picture, alpha = _subject(photos[index], kind, random)
        else:
            picture, alpha = _solid(photos, random)
            kind = _OBJECT
        pictures.append(_before(picture, alpha, _background(photos, random), kind, random))
    return pictures


def _subject(photo: NamedPhoto, kind: int, random: np.random.Generator) -> tuple[Image, Image]:
    """The largest piece of a kind: picture and opacity, `S S 3` and `S S`."""
    _, parts, table, _ = cv2.connectedComponentsWithStats((photo.kinds == kind).astype(np.uint8))
    best = 1 + int(table[1:, cv2.CC_STAT_AREA].argmax())
    left, top, width, height = (int(value) for value in table[best, :4])
    scale = SIZE * random.uniform(0.5, 0.95) / max(width, height)
    x = (SIZE - scale * width) / 2 + random.uniform(-0.1, 0.1) * SIZE
    bottomed = top + height >= photo.kinds.shape[0] - 4  # cut off by the photo's border
    y = SIZE - scale * height if bottomed else (SIZE - scale * height) * random.uniform(0.4, 0.9)
    matrix = np.array([[scale, 0, x - scale * left], [0, scale, y - scale * top]])
    picture = cv2.warpAffine(
        photo.pixels.astype(np.float32) / 255, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE
    )
    shape = cv2.warpAffine((parts == best).astype(np.float32), matrix, (SIZE, SIZE))
    # Regions were named coarsely: their outlines become smooth and a little narrower.
    outline = cv2.GaussianBlur(shape, (0, 0), 3)
    return np.asarray(picture, np.float32), np.clip((outline - 0.6) * 6 + 0.5, 0, 1)


def _solid(photos: Sequence[NamedPhoto], random: np.random.Generator) -> tuple[Image, Image]:
    """One to three bodies with round outlines and shading."""
    picture, alpha = np.zeros((SIZE, SIZE, 3), np.float32), np.zeros((SIZE, SIZE), np.float32)
    y, x = (np.mgrid[:SIZE, :SIZE].astype(np.float32) + 0.5) / SIZE * 2 - 1
    count = int(random.choice([1, 1, 1, 2, 3]))
    light = random.normal(0, 1, 3) + np.array([0, -1, 1.5])
    light /= np.linalg.norm(light)
    for index in range(count):
        place = (index - (count - 1) / 2) * 1.3 / count
        size = random.uniform(0.3, 0.8) / count**0.7
        tall = random.uniform(0.6, 1.7)
        across = (x - place - random.uniform(-0.1, 0.1)) / size
        down = (y - random.uniform(-0.15, 0.35)) / (size * tall)
        angle = np.arctan2(down, across)
        waves = [
            random.normal(0, 0.13 / order) * np.sin(order * angle + random.uniform(0, 6.3))
            for order in range(2, 7)
        ]
        reach = np.hypot(across, down) ** random.uniform(0.8, 2) / np.exp(sum(waves))
        own = np.clip((1 - reach) * size * SIZE / 4, 0, 1)
        if random.uniform() < 0.25:
            own *= np.clip((reach - random.uniform(0.2, 0.6)) * size * SIZE / 4, 0, 1)  # a handle
        away = np.sqrt(np.clip(1 - reach**2, 0, 1))
        shade = across * light[0] + down * light[1] + away * light[2]
        shade = random.uniform(0.05, 0.3) + np.maximum(shade, 0)
        surface = _piece(photos, random) ** random.uniform(0.1, 1)
        surface = surface / surface.max() * np.exp(random.normal(-0.6, 0.5, 3))
        lit = surface * shade[..., None] + (
            random.uniform(0, 0.8) * np.clip(shade - 0.9, 0, 1)[..., None] ** 2 * 4
        )
        picture += own[..., None] * (np.clip(lit, 0, 1) - picture)
        alpha = np.maximum(alpha, own)
    return picture.astype(np.float32), alpha.astype(np.float32)


def _piece(photos: Sequence[NamedPhoto], random: np.random.Generator) -> Image:
    piece = random_piece(photos, 0.2, SIZE, random)
    return piece.astype(np.float32) / np.float32(255) + np.float32(0.01)


def _background(photos: Sequence[NamedPhoto], random: np.random.Generator) -> Image:
    """Paper with a course of light, or a photo out of focus, `S S 3`."""
    u = random.uniform
    if u() < 0.4:
        blurred = cv2.GaussianBlur(_piece(photos, random), (0, 0), u(6, 25))
        return np.asarray(np.clip(blurred * u(0.3, 1.2), 0, 1), np.float32)
    y, x = (np.mgrid[:SIZE, :SIZE].astype(np.float32) + 0.5) / SIZE * 2 - 1
    grey = (u(0.9, 1), u(0, 0.08), u(0.1, 0.9))[int(random.integers(3))]
    colour = grey * np.exp(random.normal(0, 0.15 if u() < 0.6 else 0, 3))
    course = np.exp(
        u(-0.5, 0.5) * y
        + u(-0.3, 0.3) * x
        - u(0, 0.8) * ((x - u(-1, 1)) ** 2 + (y - u(-1, 1)) ** 2) / 2
    )
    if u() < 0.3:  # a table's edge, blurred
        course = course * (1 + u(-0.6, 0.3) * (1 + np.tanh((y - u(0.2, 0.8)) * u(4, 30))) / 2)
    return np.asarray(np.clip(colour * course[..., None], 0, 1), np.float32)


def _before(
    picture: Image, alpha: Image, background: Image, kind: int, random: np.random.Generator
) -> NamedPhoto:
    """A subject before a background, on which a shadow may fall."""
    if random.uniform() < 0.6:
        move = np.array([[1, 0, random.uniform(-0.06, 0.06) * SIZE], [0, 1, 0.04 * SIZE]])
        shadow = cv2.warpAffine(alpha, move, (SIZE, SIZE))
        shadow = cv2.GaussianBlur(shadow, (0, 0), random.uniform(3, 16))
        background = background * (1 - random.uniform(0.1, 0.7) * shadow)[..., None]
    together = background + alpha[..., None] * (picture - background)
    kinds = np.where(alpha > 0.5, kind, _BACKGROUND).astype(np.uint8)
    border = np.ones((_UNKNOWN_BORDER,) * 2, np.uint8)
    inner = (alpha > 0.5).astype(np.uint8)
    kinds[cv2.dilate(inner, border) != cv2.erode(inner, border)] = UNKNOWN
    return NamedPhoto((255 * np.clip(together, 0, 1)).round().astype(np.uint8), kinds, "cut-outs")
