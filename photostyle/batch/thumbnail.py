"""Small copies of photos, for a report."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from photostyle.batch.config import PIXELS_PER_BYTE
from photostyle.errors import PhotoError
from photostyle.image import Photo, fit_size, read_photo

if TYPE_CHECKING:
    from pathlib import Path

_QUALITIES = (85, 75, 60, 45, 30)


def thumbnail(photo: Photo, long_side: int) -> bytes:
    """A small copy of a photo, as a JPEG file without metadata.

    Transparent parts are white. Where a photo is full of fine detail, quality is lowered until the
    file has at most a byte for every 6 pixels of a square of that side, if it can be.

    Args:
        photo: The photo.
        long_side: Length of the copy's longer side in pixels; smaller photos keep their size.
    """
    height, width = photo.height, photo.width
    if max(height, width) > long_side:
        height, width = fit_size(height, width, long_side)
    pixels = photo.pixels
    if pixels.shape[:2] != (height, width):
        resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        pixels = np.asarray(resized, pixels.dtype)
    small = photo.with_pixels(pixels)
    colours = small.floats()
    if small.alpha is not None:
        colours = 1 + (colours - 1) * small.alpha[..., None]
    image = Image.fromarray(np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8))
    for quality in _QUALITIES:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= long_side**2 // PIXELS_PER_BYTE:
            break
    return file.getvalue()


def thumbnail_of_file(path: Path, long_side: int, *, max_pixels: int) -> bytes | None:
    """A small copy of a photo file; None where it cannot be read."""
    try:
        return thumbnail(read_photo(path, max_pixels=max_pixels, floating=False), long_side)
    except PhotoError:
        return None
