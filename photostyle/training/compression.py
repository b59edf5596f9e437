"""What JPEG does to photos."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


def compressed(photo: Image, quality: int, *, half_colour: bool) -> Image:
    """Compress a photo as JPEG, and decode it.

    Args:
        photo: `H W 3`, sRGB; what is outside of `[0, 1]` is clipped.
        quality: 1 to 100.
        half_colour: At half the size, 4:2:0; otherwise at full size, 4:4:4.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    full = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    half = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        half if half_colour else full,
    ]
    # OpenCV takes blue first.
    data = cv2.imencode(".jpg", to_uint8(photo)[..., ::-1], options)[1]
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.float32)
    return decoded / np.float32(255)


def to_uint8(photo: Image) -> NDArray[np.uint8]:
    """Quantise `[0, 1]` to 8 bits, clipped."""
    scaled: Image = np.clip(photo * 255 + np.float32(0.5), 0, 255)
    return scaled.astype(np.uint8)
