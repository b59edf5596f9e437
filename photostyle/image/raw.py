"""Cameras' raw data, developed by LibRaw through the package rawpy."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from photostyle.image import exif
from photostyle.image.optional import optional_module
from photostyle.image.signature import TIFF_HEADERS
from photostyle.image.stored import Samples, Stored, check_size

if TYPE_CHECKING:
    from pathlib import Path

# LibRaw raises the brightness until this share of the pixels is white; its own 1 % is more than
# the sky of many photos can bear.
_WHITE_SHARE = 0.001

_SRGB_CURVE = (2.4, 12.92)


def read_raw(data: bytes, max_pixels: int, notes: list[str]) -> Stored:
    """Develop a camera's raw data: the camera's white balance, sRGB, 16 bits.

    Args:
        data: The file.
        max_pixels: A header that claims more pixels is refused before decoding.
        notes: Filled with what cannot be kept.

    Raises:
        ValueError: The file is damaged, too large or of an unknown camera, or rawpy is not
            installed.
    """
    rawpy = _package()
    try:
        with rawpy.imread(io.BytesIO(data)) as file:
            check_size(file.sizes.width, file.sizes.height, max_pixels)
            samples: Samples = file.postprocess(
                use_camera_wb=True,
                output_color=rawpy.ColorSpace.sRGB,
                output_bps=16,
                gamma=_SRGB_CURVE,
                auto_bright_thr=_WHITE_SHARE,
            )
            block = _exif(data) or _exif_of_preview(rawpy, file)
    except rawpy.LibRawError as error:
        raise ValueError(
            f"its raw data cannot be developed ({_text(error)}); save it as TIFF or JPEG"
        ) from error
    if block is None:
        notes.append("its EXIF data cannot be read and are not kept")
    if samples.ndim == 2 or samples.shape[2] == 1:
        samples = np.repeat(samples.reshape(*samples.shape[:2], 1), 3, axis=2)
    # LibRaw turns the picture.
    return Stored(samples, exif=block, orientation=1)


def raw_size(path: Path) -> int:
    """Number of pixels of a camera's raw data.

    Raises:
        ValueError: The file is damaged or of an unknown camera, or rawpy is not installed.
    """
    rawpy = _package()
    try:
        with rawpy.imread(str(path)) as file:
            return int(file.sizes.width * file.sizes.height)
    except rawpy.LibRawError as error:
        raise ValueError(f"the raw data cannot be read ({_text(error)})") from error


def _package() -> Any:
    return optional_module("rawpy", "raw", "a camera's raw data need another package")


def _text(error: Exception) -> str:
    text: Any = error.args[0] if error.args else "unknown reason"
    return text.decode("latin-1") if isinstance(text, bytes) else str(text)


def _exif(data: bytes) -> bytes | None:
    """EXIF of raw files that are TIFF files, as most are."""
    if data[:4] not in TIFF_HEADERS:
        return None
    try:
        return exif.from_tiff(data)
    except ValueError:
        return None


def _exif_of_preview(rawpy: Any, file: Any) -> bytes | None:
    """EXIF of the JPEG preview in a raw file."""
    try:
        preview = file.extract_thumb()
    except rawpy.LibRawError:
        return None
    if preview.format != rawpy.ThumbFormat.JPEG:
        return None
    data, position = preview.data, 2
    while data[position : position + 1] == b"\xff" and data[position + 1] != 0xDA:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position + 4 : position + 2 + length]
        if data[position + 1] == 0xE1 and segment.startswith(b"Exif\0\0"):
            return bytes(segment[6:])
        position += 2 + length
    return None
