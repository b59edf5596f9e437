"""Crops of photos whose places have names, for training the scene parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from photostyle.features.scene_parser import KINDS
from photostyle.training.scene_photos import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from photostyle.training.scene_photos import NamedPhoto

CLOSE = 0.4
"""Least share of a photo's shorter side that is the side of a varied crop."""

ROLL = 0.06
"""Standard deviation of the angles by which varied crops are turned, in radians."""

PASTED = (0.4, 0.6)
"""Shares of the crops over which subjects of another are pasted, and of its kinds that are."""

_SUBJECTS = torch.tensor(
    [
        name in {"person", "animal", "object", "furniture", "building", "rock", "trees", "light"}
        for name in KINDS
    ]
    + [False] * (UNKNOWN + 1 - len(KINDS))
)
_SIZES = (0.03, 0.7)  # shares of a crop that what is pasted may cover


def random_crops(
    photos: Sequence[NamedPhoto],
    count: int,
    size: int,
    random: np.random.Generator,
    *,
    varied: bool = False,
) -> tuple[Tensor, Tensor]:
    """Draw photos, and of each nearly as much as a square holds, perhaps mirrored.

    Args:
        photos: What to draw from.
        count: Photos to draw, B.
        size: Height and width of a crop, S.
        random: Source of all random numbers.
        varied: Some crops are of less, down to `CLOSE`, and all are turned a little.

    Returns:
        Crops, `B 3 S S` in `[0, 1]`, and their labels, `B S S`, int64.
    """
    crops, maps = [], []
    for index in random.choice(len(photos), count, replace=count > len(photos)):
        photo = photos[index]
        height, width = photo.kinds.shape
        share = CLOSE ** random.uniform() ** 1.5 if varied else random.uniform(0.75, 1.0)
        side = share * min(height, width)
        stretch = random.uniform(0.85, 1.18)
        across, down = (
            min(side * stretch**sign, limit) for sign, limit in ((1, width), (-1, height))
        )
        left, top = random.uniform(0, width - across), random.uniform(0, height - down)
        matrix = np.array([[across / size, 0, left], [0, down / size, top]])
        if varied:
            matrix = matrix @ _turn(random.normal(0, ROLL), size / 2)
        if random.random() < 0.5:
            matrix = matrix @ np.array([[-1, 0, size - 1], [0, 1, 0], [0, 0, 1]])
        crops.append(_warped(photo.pixels, matrix, size, cv2.INTER_LINEAR))
        maps.append(_warped(photo.kinds, matrix, size, cv2.INTER_NEAREST))
    return (
        torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2) / 255,
        torch.from_numpy(np.stack(maps)).long(),
    )


def pasted(crops: Tensor, kinds: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Paste what some kinds show of a crop over another one (Olsson et al. 2021, ClassMix).

    A subject is to be known by itself, not by what it stands before in a thousand photos.

    Args:
        crops: `B 3 S S`.
        kinds: Their labels, `B S S`.
        random: Source of all random numbers.

    Returns:
        Crops, of which some have subjects of the one before them, and their labels.
    """
    others, names = crops.roll(1, 0), kinds.roll(1, 0)
    chosen = _SUBJECTS & (torch.rand(len(crops), len(_SUBJECTS), generator=random) < PASTED[1])
    taking = torch.rand(len(crops), generator=random) < PASTED[0]
    inside = chosen.gather(1, names.flatten(1)).view(names.shape)
    share = inside.float().mean((1, 2))
    taking &= (share > _SIZES[0]) & (share < _SIZES[1])
    inside &= taking[:, None, None]
    soft = np.stack([cv2.GaussianBlur(mask, (0, 0), 1.0) for mask in inside.float().numpy()])
    mixed = torch.lerp(crops, others, torch.from_numpy(soft)[:, None])
    return mixed, torch.where(inside, names, kinds)


def _turn(angle: float, middle: float) -> NDArray[np.float64]:
    """`3 3`: a turn about the middle of a crop."""
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D((middle, middle), float(np.degrees(angle)), 1)
    return matrix


def _warped(
    picture: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, method: int
) -> NDArray[np.uint8]:
    flags, border = cv2.WARP_INVERSE_MAP | method, cv2.BORDER_REPLICATE
    warped = cv2.warpAffine(picture, matrix, (size, size), flags=flags, borderMode=border)
    return np.asarray(warped, np.uint8)
