"""Photos to train on, and random patches of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photostyle.errors import PhotoError, UsageError
from photostyle.image import PHOTO_SUFFIXES, read_photo, resize_to

if TYPE_CHECKING:
    from collections.abc import Sequence

Pixels = NDArray[np.uint8]

SCALES = (1.0, 0.75, 0.55)
"""Photos are shrunk by these factors, so that texture comes in several sizes. Small ones are free
of what JPEG compression did to them; full-size ones have a camera's grain, to be left alone."""

LONGEST = 1600
"""Larger photos are first shrunk to this long side: more would be memory for nothing."""


SAME_SHAPE = 0.02
"""Ratios of height to width may differ by this share within a pair."""


def find_photos(folder: Path) -> list[Path]:
    """List the photos in a folder and its subfolders, in a fixed order.

    Links to folders are followed, each folder being listed once.

    Args:
        folder: A folder, or one photo.

    Raises:
        UsageError: There are none, or there is no such folder.
    """
    if not folder.exists():
        raise UsageError(f"there is no folder '{folder}'")
    if folder.is_file():
        return [folder]
    paths: list[Path] = []
    seen: set[Path] = set()
    for root, below, names in os.walk(folder, followlinks=True):
        here = Path(root)
        if here.resolve() in seen:
            below.clear()
            continue
        seen.add(here.resolve())
        below.sort()
        paths += (here / name for name in names if Path(name).suffix.lower() in PHOTO_SUFFIXES)
    if not paths:
        raise UsageError(f"there are no photos in '{folder}'")
    return sorted(paths)


def read_pair(path: Path, other: Path, smallest: int) -> list[Pixels]:
    """Read two photos that show the same, at several scales.

    Args:
        path: One of them.
        other: The other; it is scaled to the size of the first.
        smallest: As in `pyramid`.

    Returns:
        The versions, `H W 6` each: the channels of the first, then those of the other.

    Raises:
        PhotoError: One cannot be read, or they have not the same shape.
    """
    pixels, others = (read_photo(side).floats() for side in (path, other))
    (height, width), (rows, columns) = pixels.shape[:2], others.shape[:2]
    if abs(height * columns - width * rows) > SAME_SHAPE * height * columns:
        raise PhotoError(
            f"'{path}' has {width} x {height} pixels and '{other}' {columns} x {rows}: photos of a "
            "pair must have the same shape"
        )
    both = pyramid(pixels, smallest), pyramid(resize_to(others, height, width), smallest)
    return [np.concatenate(sides, axis=-1) for sides in zip(*both, strict=True)]


def pyramid(pixels: NDArray[np.float32], smallest: int) -> list[Pixels]:
    """Shrink a photo to several scales.

    Args:
        pixels: `H W 3` in `[0, 1]`.
        smallest: Scales at which a side would be shorter than this many pixels are left out; a
            photo too small at any scale is enlarged to it.

    Returns:
        Its versions, `h w 3` each.
    """
    height, width = pixels.shape[:2]
    shrink = min(1.0, LONGEST / max(height, width))
    scales = [s * shrink for s in SCALES if min(height, width) * s * shrink >= smallest]
    return [_scaled(pixels, s) for s in scales or [smallest / min(height, width)]]


def _scaled(pixels: NDArray[np.float32], scale: float) -> Pixels:
    height, width = (int(np.ceil(side * scale - 1e-6)) for side in pixels.shape[:2])
    # Colours of wide profiles lie outside of [0, 1].
    small = np.clip(resize_to(pixels, height, width), 0, 1)
    return (255 * small + 0.5).astype(np.uint8)


def random_patch(
    pyramids: Sequence[Sequence[Pixels]], size: int, random: np.random.Generator
) -> NDArray[np.float32]:
    """Cut a random square from a random photo, turned, mirrored and with shuffled colours.

    What comes in pairs of photos, six channels, is treated alike in both.

    Args:
        pyramids: Photos at several scales, as `pyramid` returns them.
        size: Side in pixels.
        random: Source of all random numbers.

    Returns:
        `size size C` in `[0, 1]`.
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
        of_each_photo = patch.reshape(size, size, -1, 3)[..., random.permutation(3)]
        patch = of_each_photo.reshape(patch.shape)
    return np.asarray(patch, np.float32) / np.float32(255)
