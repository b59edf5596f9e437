"""One look for a whole shoot: fitted to all of its photos at once, and the same for each.

Photos of a shoot must agree with one another: what had one colour in two of them must have one
colour afterwards. So the look is a function of colour alone, affine maps along a curve of luma, and
neither the photo nor the place in it plays a part (Reinhard et al. 2001, Color transfer between
images; Pitie et al. 2007, Automated colour grading using colour distribution transfer). It is
fitted to a mosaic of the photos, whose colours together are brought to those of the style.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from photostyle.compiled import cpu_threads
from photostyle.device import operator_threads, resolve_device
from photostyle.errors import PhotoError
from photostyle.image import MAX_PIXELS, Photo, as_floats, fit_size, read_photo, resize
from photostyle.networks import GlobalLook
from photostyle.progress import Progress, ProgressCallback, silent
from photostyle.registry import load_encoder
from photostyle.transfers.config import TransferConfig
from photostyle.transfers.solver import fit_luma_maps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Image = NDArray[np.float32]

FRAMES = 16
"""Photos a look is fitted to, at most: more would say little that these do not."""

_SIDE = 352  # long side of the copies that are kept of them, in pixels
_COLOURS = 1 << 16  # pixels that are kept as they are, of each
_TERMS = 4  # of the objective that are computed side by side


@dataclass(frozen=True)
class Frame:
    """What is kept of a photo that a look is fitted to."""

    small: Image
    """`h w 3` in [0, 1], a small copy."""

    colours: Image
    """`N 3` in [0, 1], some pixels of the photo itself."""


def frame_of(photo: Photo) -> Frame:
    """Take down what a fit needs to know of a photo.

    Args:
        photo: The photo, with pixels of any type.
    """
    pixels = photo.pixels
    height, width = pixels.shape[:2]
    if max(height, width) > _SIDE:
        rows, columns = fit_size(height, width, _SIDE)
        pixels = np.asarray(cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA))
    step = max(1, round((height * width / _COLOURS) ** 0.5))
    colours = as_floats(photo.pixels[::step, ::step]).reshape(-1, 3)
    return Frame(np.clip(as_floats(pixels), 0, 1), np.clip(colours, 0, 1))


def read_frames(
    paths: Sequence[Path],
    *,
    most: int = FRAMES,
    jobs: int | None = None,
    max_pixels: int | None = None,
    progress: ProgressCallback = silent,
) -> list[Frame]:
    """Read the photos that stand for a shoot: all, or some that are spread evenly over it.

    Which these are depends on the paths alone. A photo that cannot be read is passed over, and one
    of the others takes its place.

    Args:
        paths: The photos of the shoot, in order.
        most: Photos to take, at most.
        jobs: Photos read at a time; the number of processors when None.
        max_pixels: A photo with more pixels cannot be read; the limit of `read_photo` when None.
        progress: Called with stage `"read"`.

    Returns:
        A frame of each, in order; none if no photo can be read.
    """
    count = min(most, len(paths))
    chosen = sorted({round(place) for place in np.linspace(0, len(paths) - 1, count)})
    read = partial(_frame, max_pixels=max_pixels or MAX_PIXELS)
    frames: dict[int, Frame] = {}
    with ThreadPoolExecutor(jobs or cpu_threads()) as pool:
        for index, frame in zip(chosen, pool.map(read, [paths[i] for i in chosen]), strict=True):
            if frame is not None:
                frames[index] = frame
            progress(Progress("read", len(frames), count))
    for index in [i for i in range(len(paths)) if i not in set(chosen)]:
        if len(frames) == count:
            break
        if (frame := read(paths[index])) is not None:
            frames[index] = frame
    return [frames[index] for index in sorted(frames)]


def fit_shoot(
    frames: Sequence[Image],
    style: Image,
    config: TransferConfig | None = None,
    *,
    progress: ProgressCallback = silent,
) -> GlobalLook:
    """Fit one look that brings the colours of all photos together to those of a style.

    Args:
        frames: Small copies of the photos, each `h w 3` in [0, 1]; all count the same.
        style: `H W 3` in [0, 1], the photo whose look is wanted, of any size.
        config: Settings; `strength` 0 makes the identity, `refine` has no meaning here.
        progress: Called with stage `"fit"`.

    Returns:
        The look, on the CPU.

    Raises:
        PhotoError: There are no frames.
        DeviceError: The device is not there.
    """
    if not frames:
        raise PhotoError("there is no photo that a look could be fitted to")
    config = config or TransferConfig()
    device = resolve_device(config.device)
    content = mosaic(frames, config.size)
    small_style = np.clip(resize(style, min(max(style.shape[:2]), config.size)), 0, 1)
    encoder = load_encoder() if config.weights.texture or config.weights.content else None
    with operator_threads(max(1, cpu_threads() // _TERMS)):
        maps = fit_luma_maps(content, small_style, config, device, progress, encoder)
    look = GlobalLook(len(maps))
    with torch.no_grad():
        look.maps.lerp_(torch.from_numpy(maps), config.strength)
    return look.requires_grad_(False)


def mosaic(frames: Sequence[Image], size: int) -> Image:
    """Lay photos side by side in rows, all with the same area and nothing between them.

    Photos are squashed to the shape of their place: colours are what counts. A row with more photos
    is the higher for it.

    Args:
        frames: Each `h w 3`.
        size: Long side at which a single photo is fitted, in pixels. Several photos share twice
            the area.

    Returns:
        `H W 3`.
    """
    count = len(frames)
    if count == 1:
        height, width = frames[0].shape[:2]
        height, width = fit_size(height, width, min(size, max(height, width)))
    else:
        height, width = round(2**0.5 * size * 3 / 4), round(2**0.5 * size)
    rows = round(count**0.5)
    edges = [round(count * row / rows) for row in range(rows + 1)]  # photos before each row
    bands = []
    for first, last in pairwise(edges):
        high = round(height * last / count) - round(height * first / count)
        columns = [round(width * column / (last - first)) for column in range(last - first + 1)]
        places = zip(frames[first:last], pairwise(columns), strict=True)
        band = [_squashed(frame, high, right - left) for frame, (left, right) in places]
        bands.append(np.concatenate(band, axis=1))
    return np.require(np.concatenate(bands), np.float32, ("C", "W"))


def _squashed(frame: Image, height: int, width: int) -> Image:
    small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _frame(path: Path, *, max_pixels: int) -> Frame | None:
    try:
        return frame_of(read_photo(path, max_pixels=max_pixels, floating=False))
    except PhotoError:
        return None
