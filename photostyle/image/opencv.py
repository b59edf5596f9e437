"""Samples of more than 8 bits a channel, as OpenCV decodes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from photostyle.image.blocks import row_blocks

if TYPE_CHECKING:
    from photostyle.image.stored import Samples


def reordered(samples: Samples) -> Samples:
    """H W C, grey or RGB with or without alpha, in the order of channels that OpenCV has."""
    channels = samples.shape[2]
    if channels == 1:
        return samples
    return cast(
        "Samples",
        cv2.cvtColor(samples, cv2.COLOR_RGBA2BGRA if channels == 4 else cv2.COLOR_RGB2BGR),
    )


def decode_deep(data: bytes | bytearray) -> Samples:
    """Decode a PNG, TIFF or AVIF file of more than 8 bits a channel.

    Args:
        data: The file; of interleaved samples if it is a TIFF file.

    Returns:
        H W C, with 1 (grey), 3 (RGB) or 4 (RGB, alpha) channels, uint16 or float32. Those of an
        AVIF file are in as many of the lower bits as it has, and not turned.

    Raises:
        ValueError: The file is damaged or has samples of another kind.
    """
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError("the file is damaged") from error
    if decoded is None:
        raise ValueError("the file is damaged")
    if decoded.dtype == np.float64:
        with np.errstate(over="ignore"):  # such values become infinite
            decoded = decoded.astype(np.float32)
    if decoded.dtype not in (np.uint16, np.float32):
        raise ValueError("its kind of pixels is not supported; save it as RGB")
    samples = cast("Samples", decoded)
    if samples.ndim == 2:
        return samples[..., None]
    # Blue comes first. In place and in blocks, because a copy would be as large as the photo.
    code = cv2.COLOR_BGR2RGB if samples.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    for rows in row_blocks(*samples.shape[:2]):
        samples[rows] = cv2.cvtColor(samples[rows], code)
    return samples
