"""Photos whose places have names, for training the scene parser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import cv2
import numpy as np
import torch
from torch import Tensor

from photostyle.errors import UsageError
from photostyle.features.scene_parser import KINDS
from photostyle.image import fit_size, read_photo, resize_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

UNKNOWN = 255
"""Label of places that show several kinds, or nobody knows what."""

LONG_SIDE = 352
"""Photos are brought to this long side, about the size at which they will be parsed."""


@dataclass(frozen=True, slots=True)
class NamedPhoto:
    """A photo and what its places show."""

    pixels: NDArray[np.uint8]
    """`H W 3`."""

    kinds: NDArray[np.uint8]
    """`H W`: indices of kinds, or `UNKNOWN`."""

    folder: str = ""
    """Where it lies: the first part of its name."""


def read_named_photos(root: Path, labels: Path) -> list[NamedPhoto]:
    """Read the photos that a file of labels names.

    Args:
        root: The folder in which they lie.
        labels: An `npz` file: for each photo's path below the folder a map of labels, of any size
            of the photo's shape.

    Returns:
        The photos, in the order of their names.

    Raises:
        UsageError: The file cannot be read, names no photos, or has a map that is none.
        PhotoError: A photo cannot be read.
    """
    try:
        with labels.open("rb") as file, np.load(file) as maps:
            names = {name: maps[name] for name in sorted(maps.files)}
    except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise UsageError(f"{labels} is no file of labels (npz): {error}") from error
    if not names:
        raise UsageError(f"{labels} names no photos")
    for name, kinds in names.items():
        if kinds.ndim != 2 or kinds.dtype != np.uint8 or kinds.size == 0:
            raise UsageError(f"{labels}: the labels of {name} are no map of bytes")
        if kinds[kinds != UNKNOWN].max(initial=0) >= len(KINDS):
            raise UsageError(f"{labels}: {name} has a label that is no kind")
    return [_named(root / name, kinds, name.partition("/")[0]) for name, kinds in names.items()]


def split(photos: Sequence[NamedPhoto], folder: str) -> tuple[list[NamedPhoto], list[NamedPhoto]]:
    """Put photos aside that training does not see.

    Args:
        photos: The photos.
        folder: The one from which some are put aside; it should hold no two photos of one place.

    Returns:
        Photos to train on, and every eighth of the folder's.
    """
    own = [photo for photo in photos if photo.folder == folder]
    aside = {id(photo) for photo in own[7::8]}
    return [photo for photo in photos if id(photo) not in aside], own[7::8]


def random_crops(
    photos: Sequence[NamedPhoto], count: int, size: int, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Draw photos, and of each nearly as much as a square holds, perhaps mirrored.

    Args:
        photos: What to draw from.
        count: Photos to draw, B.
        size: Height and width of a crop, S.
        random: Source of all random numbers.

    Returns:
        Crops, `B 3 S S` in `[0, 1]`, and their labels, `B S S`, int64.
    """
    crops, maps = [], []
    for index in random.choice(len(photos), count, replace=count > len(photos)):
        photo = photos[index]
        height, width = photo.kinds.shape
        side = min(height, width) * random.uniform(0.75, 1.0)
        stretch = random.uniform(0.85, 1.18)
        across, down = (
            min(side * stretch**sign, limit) for sign, limit in ((1, width), (-1, height))
        )
        left, top = random.uniform(0, width - across), random.uniform(0, height - down)
        matrix = np.array([[across / size, 0, left], [0, down / size, top]])
        if random.random() < 0.5:
            matrix[0] = [-across / size, 0, left + across - 1]
        crops.append(_warped(photo.pixels, matrix, size, cv2.INTER_LINEAR))
        maps.append(_warped(photo.kinds, matrix, size, cv2.INTER_NEAREST))
    return (
        torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2) / 255,
        torch.from_numpy(np.stack(maps)).long(),
    )


def random_piece(
    photos: Sequence[NamedPhoto], least: float, size: int, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Cut a square out of one of some photos.

    Args:
        photos: What to draw from.
        least: Share of the photo's shorter side that the square's sides have at least.
        size: Height and width it is brought to, S.
        random: Source of all random numbers.

    Returns:
        `S S 3`.
    """
    photo = photos[int(random.integers(len(photos)))].pixels
    side = int(random.uniform(least, 1) * min(photo.shape[:2]))
    top, left = (int(random.integers(extent - side + 1)) for extent in photo.shape[:2])
    piece = cv2.resize(photo[top : top + side, left : left + side], (size, size))
    return np.asarray(piece, np.uint8)


def _warped(
    picture: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, method: int
) -> NDArray[np.uint8]:
    flags, border = cv2.WARP_INVERSE_MAP | method, cv2.BORDER_REPLICATE
    warped = cv2.warpAffine(picture, matrix, (size, size), flags=flags, borderMode=border)
    return np.asarray(warped, np.uint8)


def _named(path: Path, kinds: NDArray[np.uint8], folder: str) -> NamedPhoto:
    photo = read_photo(path)
    height, width = fit_size(photo.height, photo.width, LONG_SIDE)
    small = np.clip(resize_to(photo.floats(), height, width), 0, 1)
    return NamedPhoto(
        (255 * small).round().astype(np.uint8),
        np.asarray(cv2.resize(kinds, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8),
        folder,
    )
