"""HEIC files (HEIF with HEVC), by the package pillow-heif."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from photostyle.image import cicp, isobmff
from photostyle.image.formats import HEIF
from photostyle.image.optional import optional_module
from photostyle.image.rounding import as_full_range
from photostyle.image.stored import (
    Samples,
    Stored,
    check_size,
    divided_by_alpha,
    of_many,
    three_channels,
)

if TYPE_CHECKING:
    from photostyle.image.photo import Photo


def _package() -> Any:
    return optional_module("pillow_heif", "heif", "HEIC photos need another package")


def read_heif(data: bytes, max_pixels: int, notes: list[str]) -> Stored:
    """Decode a HEIC file; of 10 and 12 bits a channel to 16 bits.

    Args:
        data: The file.
        max_pixels: A header that claims more pixels is refused before decoding.
        notes: Filled with what cannot be kept.

    Raises:
        ValueError: The file is damaged or too large, or pillow-heif is not installed.
    """
    package = _package()
    properties = isobmff.properties(data)
    check_size(properties.width, properties.height, max_pixels)
    try:
        file = package.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
        if len(file) > 1:
            notes.append(of_many(len(file)))
        image = file[file.primary_index]
        width, height = image.size
        check_size(width, height, max_pixels)
        decoded: Samples = np.asarray(image)
    except (RuntimeError, SyntaxError, EOFError) as error:
        raise ValueError("the file is damaged") from error
    info = image.info
    profile = info.get("icc_profile") or None
    if profile is None and properties.nclx and (loss := cicp.loss_of(*properties.nclx)):
        notes.append(loss)
    if decoded.dtype == np.uint16:
        bits = info["bit_depth"]
        decoded = as_full_range(decoded.view(np.uint16) >> (16 - bits), bits)
    grey = decoded.ndim == 2
    alpha = decoded[..., 3] if not grey and decoded.shape[2] == 4 else None
    samples = three_channels(decoded) if grey else decoded[..., :3]
    if alpha is not None and image.premultiplied_alpha:
        samples = divided_by_alpha(samples, alpha)
    return Stored(
        samples,
        alpha,
        grey,
        profile,
        exif=info.get("exif") or None,
        xmp=info.get("xmp") or None,
        orientation=1,  # libheif turns the picture as the file says; EXIF then only repeats that
        turned=properties.turned,
    )


def encode_heif(samples: Samples, photo: Photo, quality: int) -> bytes:
    """Encode H W 3 or H W 4 uint8 as HEIC without subsampling of the colours (4:4:4).

    Raises:
        ValueError: pillow-heif is not installed, or fails.
    """
    package = _package()
    package.register_heif_opener()
    buffer = io.BytesIO()
    try:
        Image.fromarray(samples).save(
            buffer,
            HEIF.name,
            quality=quality,
            chroma=444,
            # The default takes seven times as long and saves nothing at high quality.
            enc_params={"preset": "ultrafast"},
            exif=photo.exif,
            icc_profile=photo.icc_profile,
            xmp=photo.xmp,
        )
    except RuntimeError as error:
        raise ValueError("HEIC encoding failed") from error
    return buffer.getvalue()
