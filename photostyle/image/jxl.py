"""JPEG XL files, by the package pillow-jxl-plugin."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from photostyle.image.formats import JXL
from photostyle.image.jpeg import jpeg_metadata
from photostyle.image.jpeg_tail import lost_tail
from photostyle.image.jxl_header import read_jxl_header
from photostyle.image.optional import optional_module
from photostyle.image.stored import Samples, Stored, check_size, three_channels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photostyle.image.jxl_header import JxlHeader
    from photostyle.image.photo import Photo

_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_TIFF_OFFSET = 4  # bytes before the TIFF header of the Exif box


def _package() -> Any:
    return optional_module("pillow_jxl", "jxl", "JPEG XL photos need another package")


def read_jxl(data: bytes, max_pixels: int, notes: list[str]) -> Stored:
    """Decode a JPEG XL file.

    Args:
        data: The file.
        max_pixels: A header that claims more pixels is refused before decoding.
        notes: Filled with what cannot be kept.

    Raises:
        ValueError: The file is damaged, too large or of an unsupported kind, or pillow-jxl-plugin
            is not installed.
    """
    package = _package()
    header = read_jxl_header(data)
    check_size(header.width, header.height, max_pixels)
    if header.animated:
        notes.append("it holds several pictures: the first is kept, all others left out")
    try:
        is_jpeg, info, pixels, profile, boxes = package.Decoder(num_threads=-1)(data)
    except (RuntimeError, OSError) as error:
        raise ValueError("the file is damaged") from error
    if is_jpeg:
        return _read_jpeg(pixels, notes)
    metadata = _metadata(boxes, header)
    if info.mode == "I;16":
        grey = np.frombuffer(pixels, np.uint16).reshape(info.height, info.width)
        return Stored(three_channels(grey), None, True, profile or None, **metadata)
    if info.mode not in _CHANNELS:
        raise ValueError(f"its kind of pixels ({info.mode}) is not supported; save it as RGB")
    if header.bits > 8:
        notes.append(f"its {header.bits} bits a channel were reduced to 8")
    channels = _CHANNELS[info.mode]
    decoded: Samples = np.frombuffer(pixels, np.uint8).reshape(info.height, info.width, channels)
    return Stored(
        three_channels(decoded[..., 0]) if channels < 3 else decoded[..., :3],
        decoded[..., -1] if channels in (2, 4) else None,
        channels < 3,
        profile or None,
        **metadata,
    )


class _Metadata(TypedDict):
    exif: bytes | None
    xmp: bytes | None
    orientation: int
    turned: bool


def _metadata(boxes: Iterable[Any], header: JxlHeader) -> _Metadata:
    contents = {box.box_type: bytes(box.data) for box in boxes}
    exif = contents.get(b"Exif")
    if exif and exif[_TIFF_OFFSET : _TIFF_OFFSET + 2] in (b"II", b"MM"):
        exif = exif[_TIFF_OFFSET:]
    # libjxl turns the picture as the codestream says; EXIF only repeats that.
    return _Metadata(
        exif=exif or None,
        xmp=contents.get(b"xml ") or None,
        orientation=1,
        turned=header.orientation in (5, 6, 7, 8),
    )


def _read_jpeg(data: bytes, notes: list[str]) -> Stored:
    """What was a JPEG file before, and is again."""
    with JpegImageFile(io.BytesIO(data)) as image:
        if tail := lost_tail(data):
            notes.append(tail)
        return Stored(
            np.asarray(image.convert("RGB")),
            None,
            image.mode == "L",
            image.info.get("icc_profile"),
            **jpeg_metadata(image, notes),
        )


def encode_jxl(samples: Samples, photo: Photo, quality: int) -> bytes:
    """Encode H W C uint8, grey or RGB, maybe with alpha, in sRGB as JPEG XL.

    Raises:
        ValueError: pillow-jxl-plugin is not installed, or fails.
    """
    _package()
    buffer = io.BytesIO()
    try:
        Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples).save(
            buffer,
            JXL.name,
            quality=quality,
            lossless=quality == 100,
            effort=4,  # the default, 7, takes eight times as long and saves nothing on photos
            exif=bytes(_TIFF_OFFSET) + photo.exif if photo.exif else b"",
            xmp=photo.xmp or b"",
        )
    except RuntimeError as error:
        raise ValueError("JPEG XL encoding failed") from error
    return buffer.getvalue()
