"""Photos to train on, and random patches of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photostyle.errors import PhotoError, UsageError
from photostyle.image import PHOTO_SUFFIXES, read_photo, resize_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Pixels = NDArray[np.uint8]

SCALES = (1.0, 0.75, 0.55)
"""Photos are shrunk by these factors, so that texture comes in several sizes. Small ones are free
of what JPEG compression did to them; full-size ones have a camera's grain, to be left alone."""

LONGEST = 1600
"""Larger photos are first shrunk to this long side: more would be memory for nothing."""


def find_photos(folder: Path) -> list[Path]:
    """List the photos in a folder and its subfolders, in a fixed order.

    Args:
        folder: A folder, or one photo.

    Raises:
        UsageError: There are none, or there is no such folder.
    """
    if not folder.exists():
        raise UsageError(f"there is no folder '{folder}'")
    if folder.is_file():
        return [folder]
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)
    if not paths:
        raise UsageError(f"there are no photos in '{folder}'")
    return paths


def read_pyramids(
    paths: Sequence[Path], smallest: int, skipped: Callable[[PhotoError], None]
) -> list[list[Pixels]]:
    """Read photos at several scales.

    Args:
        paths: The files.
        smallest: Scales at which a side would be shorter than this many pixels are left out; a
            photo too small at any scale is enlarged to it.
        skipped: Told of each photo that cannot be read.

    Returns:
        For each readable photo its versions, `H W 3` each.

    Raises:
        UsageError: Not one photo can be read.
    """
    pyramids = []
    for path in paths:
        try:
            pixels = read_photo(path).floats()
        except PhotoError as error:
            skipped(error)
            continue
        height, width = pixels.shape[:2]
        shrink = min(1.0, LONGEST / max(height, width))
        scales = [s * shrink for s in SCALES if min(height, width) * s * shrink >= smallest]
        pyramids.append([_scaled(pixels, s) for s in scales or [smallest / min(height, width)]])
    if not pyramids:
        raise UsageError("not one of the photos can be read")
    return pyramids


def _scaled(pixels: NDArray[np.float32], scale: float) -> Pixels:
    height, width = (int(np.ceil(side * scale - 1e-6)) for side in pixels.shape[:2])
    return (255 * resize_to(pixels, height, width) + 0.5).astype(np.uint8)


def random_patch(
    pyramids: Sequence[Sequence[Pixels]], size: int, random: np.random.Generator
) -> NDArray[np.float32]:
    """Cut a random square from a random photo, turned, mirrored and with shuffled colours.

    Args:
        pyramids: As `read_pyramids` returns them.
        size: Side in pixels.
        random: Source of all random numbers.

    Returns:
        `size size 3` in `[0, 1]`.
    """
    versions = pyramids[int(random.integers(len(pyramids)))]
    # A version is chosen as often as it has area.
    areas = np.array([version.shape[0] * version.shape[1] for version in versions], float)
    photo = versions[random.choice(len(versions), p=areas / areas.sum())]
    top = random.integers(photo.shape[0] - size + 1)
    left = random.integers(photo.shape[1] - size + 1)
    patch = photo[top : top + size, left : left + size]
    patch = np.rot90(patch, int(random.integers(4)))
    if random.random() < 0.5:
        patch = patch[:, ::-1]
    if random.random() < 0.2:
        patch = patch[..., random.permutation(3)]
    return np.asarray(patch, np.float32) / np.float32(255)
