"""From values in [0, 1] to the integers of a file."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def quantise(values: FloatArray, out: npt.NDArray[np.uint8 | np.uint16 | np.float32]) -> None:
    """Clip values to [0, 1] and round them to the nearest integers over the type's range.

    Floating point values are stored as they are.

    Args:
        values: float32, of any shape.
        out: uint8, uint16 or float32 of the same shape, filled.

    Raises:
        ValueError: There are values that are no numbers.
    """
    # OpenCV reads the values once, and makes no further copies of them.
    row = np.ascontiguousarray(values).reshape(1, -1)
    if row.size and not cv2.checkRange(row)[0]:
        raise ValueError("the result has values that are no numbers")
    if out.dtype == np.float32 or not row.size:
        out[...] = values
        return
    depth = cv2.CV_8U if out.dtype == np.uint8 else cv2.CV_16U
    scale = np.array([2.0 ** (8 * out.itemsize) - 1])
    out[...] = cv2.multiply(row, scale, dtype=depth).reshape(values.shape)


def clip_like(values: FloatArray, before: FloatArray) -> FloatArray:
    """Clip the result of an edit to [0, 1], or to where the photo had been outside of it.

    So colours outside of sRGB stay possible where there were some, and an edit that changes nothing
    changes nothing. No colour moves farther out.

    Args:
        values: float32, of any shape; changed and returned.
        before: The values before the edit, of the same shape.
    """
    return np.clip(values, np.minimum(before, 0), np.maximum(before, 1), out=values)


def as_uint16(values: FloatArray) -> npt.NDArray[np.uint16]:
    """Quantise to 16 bits.

    Args:
        values: float32 in [0, 1], of any shape.
    """
    result = np.empty(values.shape, np.uint16)
    quantise(values, result)
    return result


def as_fewer_bits(samples: npt.NDArray[np.uint16], bits: int) -> npt.NDArray[np.uint16]:
    """Round samples over the range of 16 bits to fewer; the other way than `as_full_range`.

    Args:
        samples: Of any shape.
        bits: How many, 8 to 16.

    Returns:
        The same shape, in the lower bits.
    """
    top = (1 << bits) - 1
    codes = (np.arange(1 << 16, dtype=np.uint32) * top + 32767) // 65535
    return np.take(codes.astype(np.uint16), samples)


def as_full_range(
    samples: npt.NDArray[np.uint16], bits: int
) -> npt.NDArray[np.uint8 | np.uint16 | np.float32]:
    """Spread samples of fewer bits over the whole range of 16.

    Args:
        samples: In the lower bits, of any shape.
        bits: How many there are, 8 to 16.
    """
    top = (1 << bits) - 1
    codes = np.minimum(np.arange(1 << 16, dtype=np.uint32), top)
    return np.take(((codes * 65535 + top // 2) // top).astype(np.uint16), samples)
