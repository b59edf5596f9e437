"""The main job: one photo, the look of another, at full size."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photostyle.compiled import cpu_threads
from photostyle.device import operator_threads, resolve_device
from photostyle.errors import PhotoError, UsageError
from photostyle.image import Photo, read_photo, resize
from photostyle.progress import Progress, ProgressCallback, silent
from photostyle.registry import load_encoder
from photostyle.transfers.config import TransferConfig
from photostyle.transfers.segments import (
    Segments,
    check_mask_shape,
    segments_from_masks,
    single_segment,
)
from photostyle.transfers.solver import fit_look

Image = NDArray[np.float32]
Source = Photo | Path | str | NDArray[Any]

_SMALLEST = 16
_TERMS = 4  # of the objective that take time, and are computed side by side


@dataclass(frozen=True)
class TransferResult:
    """What a transfer returns."""

    photo: Photo
    """The content with its new look: full size, the content's metadata and bit depth."""

    warnings: tuple[str, ...]
    """What the user should know, one line each."""

    device: str
    """Where the look was fitted."""

    seconds: float
    """Wall time, reading included."""


def transfer(
    content: Source,
    style: Source,
    *,
    content_mask: Source | None = None,
    style_mask: Source | None = None,
    config: TransferConfig | None = None,
    progress: ProgressCallback = silent,
) -> TransferResult:
    """Give a photo the look of another one.

    Args:
        content: The photo to change: a path, a `Photo`, or an `H W 3` array (uint8, uint16, or
            floating point in [0, 1]), sRGB-encoded.
        style: The photo whose look is wanted, likewise.
        content_mask: Colour-coded segments of the content, any size of its shape; the colours are
            black, white, red, green, blue, yellow, magenta, cyan and grey.
        style_mask: The same for the style. The same colour means the same segment.
        config: Settings; the defaults when None.
        progress: Called with the stages `"fit"` and `"apply"`.

    Returns:
        The result.

    Raises:
        PhotoError: A photo cannot be read or is smaller than 16 pixels.
        UsageError: Only one mask is given, or a mask has not the shape of its photo.
        DeviceError: The device is not there.
    """
    start = time.perf_counter()
    config = config or TransferConfig()
    device = resolve_device(config.device)
    if (content_mask is None) != (style_mask is None):
        raise UsageError("give both masks, or none: segments are pairs")
    photo, style_photo = _photo(content, "content"), _photo(style, "style")
    small, small_style = (_shrunk(p.floats(), config.size) for p in (photo, style_photo))
    segments = _segments(photo, style_photo, small, small_style, content_mask, style_mask)
    encoder = load_encoder() if config.weights.texture or config.weights.content else None
    with operator_threads(max(1, cpu_threads() // _TERMS)):
        look = fit_look(small, small_style, segments, config, device, progress, encoder)

    height = len(photo.pixels)
    pixels = np.empty(photo.pixels.shape, np.float32)
    for first, block in look.blocks(photo.floats(), config.strength):
        pixels[first : first + len(block)] = block
        progress(Progress("apply", first + len(block), height))
    return TransferResult(
        photo=photo.with_pixels(pixels),
        warnings=(*photo.warnings, *style_photo.warnings, *segments.warnings),
        device=str(device),
        seconds=time.perf_counter() - start,
    )


def _photo(source: Source, what: str) -> Photo:
    if isinstance(source, np.ndarray):
        photo = Photo.from_array(source)
    else:
        photo = source if isinstance(source, Photo) else read_photo(source)
    height, width = photo.pixels.shape[:2]
    if min(height, width) < _SMALLEST:
        name = f" ({source})" if isinstance(source, Path | str) else ""
        raise PhotoError(
            f"the {what} photo{name} is {width}x{height} pixels: "
            f"at least {_SMALLEST}x{_SMALLEST} are needed"
        )
    return photo


def _shrunk(pixels: Image, size: int) -> Image:
    """A copy in [0, 1] with long side `size`; larger for a panorama, lest it become a thread."""
    longest, shortest = max(pixels.shape[:2]), min(pixels.shape[:2])
    small = resize(pixels, min(longest, max(size, -(-_SMALLEST * longest // shortest))))
    return np.require(np.clip(small, 0, 1), requirements=("C", "W"))


def _segments(
    content: Photo,
    style: Photo,
    small: Image,
    small_style: Image,
    content_mask: Source | None,
    style_mask: Source | None,
) -> Segments:
    if content_mask is None or style_mask is None:
        return single_segment(small, small_style)
    masks = []
    for source, photo, what in ((content_mask, content, "content"), (style_mask, style, "style")):
        mask = _photo(source, f"{what} mask").floats()
        check_mask_shape(mask, photo.pixels, what)
        masks.append(mask)
    return segments_from_masks(small, small_style, *masks)
