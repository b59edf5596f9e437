"""HEIC files (HEIF with HEVC), by the package pillow-heif."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from photostyle.image import cicp, isobmff
from photostyle.image.optional import optional_module
from photostyle.image.rounding import as_fewer_bits, as_full_range
from photostyle.image.stored import (
    Coding,
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
    if isobmff.has_film(data):
        notes.append("the film that its file holds behind the photo is not kept")
    info = image.info
    profile = info.get("icc_profile") or None
    if profile is None and properties.nclx and (loss := cicp.loss_of(*properties.nclx)):
        notes.append(loss)
    coding = None
    if decoded.dtype == np.uint16:
        bits = info["bit_depth"]
        decoded = as_full_range(decoded.view(np.uint16) >> (16 - bits), bits)
        coding = Coding(bits, properties.subsampled)
    alpha = decoded[..., 3] if decoded.ndim == 3 and decoded.shape[2] == 4 else None
    samples = three_channels(decoded) if decoded.ndim == 2 else decoded[..., :3]
    if alpha is not None and image.premultiplied_alpha:
        samples = divided_by_alpha(samples, alpha)
    return Stored(
        samples,
        alpha,
        decoded.ndim == 2 or properties.grey,  # with alpha it makes RGB of grey
        profile,
        coding=coding,
        exif=info.get("exif") or None,
        xmp=info.get("xmp") or None,
        orientation=1,  # libheif turns the picture as the file says; EXIF then only repeats that
        turned=properties.turned,
    )


_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def encode_heif(samples: Samples, photo: Photo, quality: int) -> bytes:
    """Encode a photo as HEIC without subsampling of the colours (4:4:4).

    Args:
        samples: H W C, grey or RGB, with or without alpha; uint8, or uint16 for the bits a channel
            that the photo's coding tells.
        photo: The photo.
        quality: 1 to 100.

    Raises:
        ValueError: pillow-heif is not installed, or fails.
    """
    package = _package()
    height, width, channels = samples.shape
    mode, bits = _MODES[channels], 8
    if samples.dtype == np.uint16 and photo.coding:
        bits = photo.coding.bits
        mode += f";{bits}"
        samples = as_fewer_bits(samples.view(np.uint16), bits)
    buffer = io.BytesIO()
    try:
        package.from_bytes(mode, (width, height), samples.tobytes()).save(
            buffer,
            quality=quality,
            chroma=444,
            # The default takes seven times as long and saves nothing at high quality.
            enc_params={"preset": "ultrafast"},
            bit_depth=bits,
            exif=photo.exif,
            icc_profile=photo.icc_profile,
            xmp=photo.xmp,
        )
    except RuntimeError as error:
        raise ValueError("HEIC encoding failed") from error
    return buffer.getvalue()
