"""Photos whose places have names, for training the scene parser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import cv2
import numpy as np

from photostyle.errors import UsageError
from photostyle.features.scene_parser import KINDS
from photostyle.image import fit_size, read_photo, resize_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

UNKNOWN = 255
"""Label of places that show several kinds, or nobody knows what."""


@dataclass(frozen=True, slots=True)
class NamedPhoto:
    """A photo and what its places show."""

    pixels: NDArray[np.uint8]
    """`H W 3`."""

    kinds: NDArray[np.uint8]
    """`H W`: indices of kinds, or `UNKNOWN`."""

    folder: str = ""
    """Where it lies: the first part of its name."""

    def shrunk(self, long_side: int) -> NamedPhoto:
        """Make a copy whose long side has so many pixels."""
        height, width = fit_size(self.kinds.shape[0], self.kinds.shape[1], long_side)
        if (height, width) == self.kinds.shape:
            return self
        pixels = cv2.resize(self.pixels, (width, height), interpolation=cv2.INTER_AREA)
        kinds = cv2.resize(self.kinds, (width, height), interpolation=cv2.INTER_NEAREST)
        return NamedPhoto(np.asarray(pixels, np.uint8), np.asarray(kinds, np.uint8), self.folder)


def read_named_photos(root: Path, labels: Path, long_side: int) -> list[NamedPhoto]:
    """Read the photos that a file of labels names.

    Args:
        root: The folder in which they lie.
        labels: An `npz` file: for each photo's path below the folder a map of labels, of any size
            of the photo's shape.
        long_side: Pixels of the long side to which they are brought.

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
    return [
        _named(root / name, kinds, long_side, name.partition("/")[0])
        for name, kinds in names.items()
    ]


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


def _named(path: Path, kinds: NDArray[np.uint8], long_side: int, folder: str) -> NamedPhoto:
    photo = read_photo(path)
    height, width = fit_size(photo.height, photo.width, long_side)
    small = np.clip(resize_to(photo.floats(), height, width), 0, 1)
    return NamedPhoto(
        (255 * small).round().astype(np.uint8),
        np.asarray(cv2.resize(kinds, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8),
        folder,
    )
