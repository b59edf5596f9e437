"""From values in [0, 1] to the integers of a file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def quantise(values: FloatArray, out: npt.NDArray[np.uint8 | np.uint16]) -> None:
    """Clip values to [0, 1] and round them to the nearest integers over the type's range.

    Args:
        values: float32, of any shape.
        out: uint8 or uint16 of the same shape, filled.

    Raises:
        ValueError: There are values that are no numbers.
    """
    if not np.isfinite(values).all():
        raise ValueError("the result has values that are no numbers")
    scaled = np.clip(values, 0, 1)
    scaled *= np.float32(np.iinfo(out.dtype).max)
    scaled += np.float32(0.5)
    out[...] = scaled


def as_uint16(values: FloatArray) -> npt.NDArray[np.uint16]:
    """Quantise to 16 bits.

    Args:
        values: float32 in [0, 1], of any shape.
    """
    result = np.empty(values.shape, np.uint16)
    quantise(values, result)
    return result
