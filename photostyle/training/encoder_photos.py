"""Photos for training the encoder, and pairs of overlapping views of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.errors import UsageError
from photostyle.image import PHOTO_SUFFIXES, fit_size, read_photo, resize_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Pixels = NDArray[np.uint8]

Scene = list[Pixels]
"""Aligned photos of one place, `H W 3` each: a single one, or frames of a fixed camera."""

SCALE = 0.6
"""Photos are shrunk by this much, so that the blocks of their JPEG compression vanish ..."""

LONG_SIDE = 320
"""... and at least to this long side, about the size at which the encoder will be used."""


@dataclass(frozen=True, slots=True)
class Views:
    """Two overlapping views of each photo of a batch, and points seen in both."""

    first: Tensor
    """`B 3 S S` in `[0, 1]`."""

    second: Tensor
    """`B 3 S S` in `[0, 1]`: shifted, scaled, turned and perhaps mirrored against the first."""

    first_points: Tensor
    """`B N 2`: x, y in the first view, as `grid_sample` counts them (-1 to 1 from edge to edge)."""

    second_points: Tensor
    """`B N 2`: the same places in the second view."""

    heights: Tensor
    """`B N`: where the points are in the whole photo, 0 at its top and 1 at its bottom."""


def read_scenes(photos: Sequence[Path], cameras: Sequence[Path] = ()) -> list[Scene]:
    """Read photos for training.

    Args:
        photos: Photos, and folders to search for photos at any depth.
        cameras: Folders of photos that a fixed camera took at different times, one camera each.

    Returns:
        Each photo as a scene of its own, and the photos of each camera as one scene.

    Raises:
        PhotoError: A photo cannot be read.
        UsageError: There are no photos.
    """
    scenes = [[_shrunk(path)] for path in _find(photos)]
    for camera in cameras:
        frames: Scene = []
        for path in _find([camera]):
            frames.append(_shrunk(path, frames[0].shape[:2] if frames else None))
        if frames:
            scenes.append(frames)
    if not scenes:
        raise UsageError("no photos to train on: give photos, or folders of photos")
    return scenes


def random_views(
    scenes: Sequence[Scene],
    count: int,
    size: int,
    points: int,
    random: np.random.Generator,
) -> Views:
    """Draw scenes, and for each two overlapping views, of any two of its frames.

    Every photo is as likely as any other, so a camera comes up as often as it has frames.

    Args:
        scenes: What to draw from.
        count: Scenes to draw, B.
        size: Height and width of a view, S.
        points: Points seen in both views, N.
        random: Source of all random numbers.

    Returns:
        The views.
    """
    firsts, seconds, first_points, second_points, heights = [], [], [], [], []
    frames_of = np.array([len(scene) for scene in scenes])
    for index in random.choice(len(scenes), count, p=frames_of / frames_of.sum()):
        frames = scenes[index]
        a, b = (frames[i] for i in random.integers(len(frames), size=2))
        height, width = a.shape[:2]
        zoom = random.uniform(0.75, 1.3)
        half = min(zoom * size, height, width) / 2
        centre = np.array([random.uniform(half, width - half), random.uniform(half, height - half)])
        to_first = _view(centre, zoom, 0, random.random() < 0.5, size)
        shift = random.uniform(-0.2, 0.2, 2) * zoom * size
        to_second = _view(
            centre + shift,
            zoom * random.uniform(0.8, 1.25),
            random.uniform(-0.15, 0.15),
            random.random() < 0.5,
            size,
        )
        p = random.uniform(4, size - 5, (8 * points, 2))
        places = p @ to_first[:, :2].T + to_first[:, 2]
        q = (places - to_second[:, 2]) @ np.linalg.inv(to_second[:, :2]).T
        seen = np.flatnonzero(((q >= 4) & (q <= size - 5)).all(axis=1))
        chosen = random.choice(seen, points, replace=len(seen) < points)
        firsts.append(_warp(a, to_first, size))
        seconds.append(_warp(b, to_second, size))
        first_points.append((2 * p[chosen] + 1) / size - 1)
        second_points.append((2 * q[chosen] + 1) / size - 1)
        heights.append(places[chosen, 1] / height)

    def pictures(views: list[Pixels]) -> Tensor:
        return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2) / 255

    def numbers(values: list[NDArray[np.float64]]) -> Tensor:
        return torch.from_numpy(np.stack(values)).float()

    return Views(
        pictures(firsts),
        pictures(seconds),
        numbers(first_points),
        numbers(second_points),
        numbers(heights).clamp(0, 1),
    )


def _find(paths: Sequence[Path]) -> list[Path]:
    """Return the photos among files and in folders, in an order that every machine agrees on."""
    found: list[Path] = []
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [file for file in files if file.suffix.lower() in PHOTO_SUFFIXES]
    return found


def _shrunk(path: Path, size: tuple[int, ...] | None = None) -> Pixels:
    """Read a photo, `H W 3`, at the size used for training unless another is given."""
    photo = read_photo(path)
    long_side = min(round(SCALE * max(photo.height, photo.width)), LONG_SIDE)
    height, width = size or fit_size(photo.height, photo.width, long_side)
    small = np.clip(resize_to(photo.floats(), height, width), 0, 1)
    return (255 * small).round().astype(np.uint8)


def _view(
    centre: NDArray[np.float64], zoom: float, angle: float, mirrored: bool, size: int
) -> NDArray[np.float64]:
    """Return the 2x3 matrix that takes pixels of a view to pixels of the photo."""
    cosine, sine = zoom * np.cos(angle), zoom * np.sin(angle)
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    if mirrored:
        matrix[:, 0] *= -1
    return np.column_stack([matrix, centre - matrix @ np.full(2, (size - 1) / 2)])


def _warp(photo: Pixels, view: NDArray[np.float64], size: int) -> Pixels:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REFLECT_101
    return cv2.warpAffine(photo, view, (size, size), flags=flags, borderMode=border).astype(
        np.uint8, copy=False
    )
