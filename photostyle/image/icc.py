"""ICC colour profiles made of a matrix and curves, in floating point.

A value of the file goes through the curve of its channel to a linear value, the three linear
values through a matrix to XYZ (under D50, where profiles meet), and back the same way into sRGB.
Nearly every profile of a camera, a phone or a monitor is of this kind.

Colours outside of sRGB have values below 0 or above 1 there. Curves go on beyond their ends: below
0 as the mirror image of what is above it (as in IEC 61966-2-2, scRGB), above 1 as a line; that of
sRGB itself as a power.

Reference: ICC.1:2022, sections 8.3 (matrix and curves), 8.4 (grey), 10.6 and 10.18 (curves);
IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
DoubleArray = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]

CODES = 1 << 16
"""A curve is stored as its values at this many equal steps: every value of a 16-bit file."""

_STEPS = np.linspace(0, 1, CODES)

_D50 = np.array([0.9642, 1.0, 0.8249])


def _primaries_to_xyz(columns: npt.ArrayLike) -> DoubleArray:
    """Matrix from linear RGB to XYZ, its columns the primaries.

    White is white in every profile, but for the rounding of the primaries. That is undone here, so
    that greys keep three exactly equal values.
    """
    matrix: DoubleArray = np.array(columns, np.float64).T
    matrix *= (_D50 / matrix.sum(axis=1))[:, None]
    return matrix


# Primaries of sRGB adapted to D50 (Bradford), as its ICC profiles have them.
_SRGB_TO_XYZ = _primaries_to_xyz(
    [[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]]
)

# A profile this close to sRGB is sRGB: less than half a step of 8 bits.
_SRGB_TOLERANCE = 1.5e-3

_INVERSE_STEPS = 1 << 16

# A power has no slope at 0 to go back by: there, rounding to float32 would come out as 40 steps of
# 16 bits. So curves rise by at least this, which moves no colour by more than 0.04 steps of 8 bits.
_LEAST_SLOPE = 1 / 256


def srgb_to_linear(values: Array) -> Array:
    """Linear light of sRGB-encoded values of any sign; same shape and type."""
    size = np.abs(values)
    linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return np.copysign(linear, values, out=linear)


def linear_to_srgb(values: Array) -> Array:
    """Encoding in sRGB of linear values of any sign; same shape and type."""
    size = np.abs(values)
    encoded = np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return np.copysign(encoded, values, out=encoded)


@dataclass(frozen=True, eq=False)
class MatrixProfile:
    """An RGB profile of three curves and a matrix."""

    curves: DoubleArray
    """3 x `CODES`: linear value in [0, 1] of every value a file can hold."""

    matrix: DoubleArray
    """3 x 3: linear RGB to XYZ under D50."""

    @cached_property
    def is_srgb(self) -> bool:
        """Whether the profile says what sRGB says, so that nothing need be converted."""
        same_primaries = np.abs(self.matrix - _SRGB_TO_XYZ).max() < _SRGB_TOLERANCE
        return bool(same_primaries) and is_srgb_curve(self.curves)

    @cached_property
    def _to_srgb_matrix(self) -> DoubleArray:
        # Transposed: pixels are rows.
        matrix: DoubleArray = (np.linalg.inv(_SRGB_TO_XYZ) @ self.matrix).T
        return matrix

    @cached_property
    def _from_srgb_matrix(self) -> DoubleArray:
        matrix: DoubleArray = (np.linalg.inv(self.matrix) @ _SRGB_TO_XYZ).T
        return matrix

    @cached_property
    def _end_slopes(self) -> DoubleArray:
        """By how much the linear values rise with those of the file above 1."""
        slopes: DoubleArray = (self.curves[:, -1] - self.curves[:, -2]) * (CODES - 1)
        return np.maximum(slopes, _LEAST_SLOPE)

    @cached_property
    def _inverse_curves(self) -> DoubleArray:
        """3 x steps + 1: encoded values at equal steps of the linear value's square root.

        Encodings are close to a square root, so this spacing is fine where they are steep.
        """
        linear = np.linspace(0, 1, _INVERSE_STEPS + 1) ** 2
        return np.stack([np.interp(linear, curve, _STEPS) for curve in self.curves])

    def to_srgb(self, samples: Array) -> FloatArray:
        """Convert a file's values to sRGB.

        Args:
            samples: H W 3, uint8, uint16, or float32, in which black is 0 and white 1.

        Returns:
            H W 3, sRGB encoded; outside of [0, 1] where sRGB does not reach.
        """
        linear = np.empty(samples.shape, np.float64)
        for channel, curve in enumerate(self.curves):
            values = samples[..., channel]
            if values.dtype == np.float32:
                linear[..., channel] = _beyond(values, curve, self._end_slopes[channel])
            else:
                step = (CODES - 1) // np.iinfo(values.dtype).max
                linear[..., channel] = curve[::step].take(values)
        result: FloatArray = linear_to_srgb(linear @ self._to_srgb_matrix).astype(np.float32)
        return result

    def from_srgb(self, pixels: FloatArray) -> FloatArray:
        """Convert sRGB to values of a file of this profile.

        Args:
            pixels: H W 3, sRGB encoded.

        Returns:
            H W 3, in [0, 1] for the colours of the profile, to be multiplied by the largest value
            of the file's type.
        """
        linear = srgb_to_linear(pixels.astype(np.float64)) @ self._from_srgb_matrix
        result = np.empty(pixels.shape, np.float32)
        position = np.sqrt(np.minimum(np.abs(linear), 1))
        position *= _INVERSE_STEPS
        index = np.minimum(position.astype(np.int32), _INVERSE_STEPS - 1)
        position -= index
        for channel, curve in enumerate(self._inverse_curves):
            low = curve.take(index[..., channel])
            high = curve.take(index[..., channel] + 1)
            value = low + position[..., channel] * (high - low)
            excess = np.maximum(np.abs(linear[..., channel]) - 1, 0)
            value += excess / self._end_slopes[channel]
            result[..., channel] = np.copysign(value, linear[..., channel])
        return result


def is_srgb_curve(curve: DoubleArray) -> bool:
    """Whether a curve, or each of several, is that of sRGB."""
    return bool(np.abs(linear_to_srgb(curve) - _STEPS).max() < _SRGB_TOLERANCE)


def grey_to_srgb(samples: Array, curve: DoubleArray) -> FloatArray:
    """Convert the values of a grey file to sRGB.

    Args:
        samples: uint8, uint16, or float32, in which black is 0 and white 1; of any shape.
        curve: See `grey_curve`.

    Returns:
        The same shape, sRGB encoded.
    """
    if samples.dtype == np.float32:
        slope = max((curve[-1] - curve[-2]) * (CODES - 1), _LEAST_SLOPE)
        encoded: FloatArray = linear_to_srgb(_beyond(samples, curve, slope)).astype(np.float32)
        return encoded
    step = (CODES - 1) // np.iinfo(samples.dtype).max
    table: FloatArray = linear_to_srgb(curve[::step]).astype(np.float32)
    return table.take(samples)


def _beyond(values: Array, curve: DoubleArray, slope: float) -> DoubleArray:
    """Linear values of floating point ones, by a curve that goes on beyond its ends."""
    size = np.abs(values).astype(np.float64)
    linear = np.interp(size, _STEPS, curve) + np.maximum(size - 1, 0) * slope
    return np.copysign(linear, values)


def colour_space(profile: bytes) -> str:
    """What the profile's files hold: `"RGB"`, `"GRAY"`, `"CMYK"` and so on."""
    return profile[16:20].decode("latin-1").strip()


def has_tables(profile: bytes) -> bool:
    """Whether the profile has tables, which then count; a matrix beside them is a fallback.

    Raises:
        ValueError: It is damaged.
    """
    return "A2B0" in _tags(profile)


@lru_cache(maxsize=8)  # photos of one camera have one
def parse_matrix_profile(profile: bytes) -> MatrixProfile:
    """Read an RGB profile of three curves and a matrix.

    Raises:
        ValueError: It is of another kind, or damaged.
    """
    tags = _tags(profile)
    if colour_space(profile) != "RGB" or has_tables(profile):
        raise ValueError("not a profile of a matrix and curves")
    try:
        curves = np.stack([_curve(tags[name]) for name in ("rTRC", "gTRC", "bTRC")])
        columns = [struct.unpack_from(">3i", tags[name], 8) for name in ("rXYZ", "gXYZ", "bXYZ")]
    except (KeyError, struct.error) as error:
        raise ValueError("not a profile of a matrix and curves") from error
    primaries = np.array(columns) / 65536
    # XYZ of white has to be near D50, and three colours on one line would not make a profile.
    if np.abs(primaries.sum(axis=0) - _D50).max() > 0.2 or np.linalg.cond(primaries) > 1e4:
        raise ValueError("the profile's primaries are senseless")
    curves = np.maximum(curves, _LEAST_SLOPE * _STEPS)
    return MatrixProfile(curves, _primaries_to_xyz(primaries))


def grey_curve(profile: bytes) -> DoubleArray:
    """The curve of a grey profile: linear value of each of `CODES` equal steps.

    Raises:
        ValueError: It is of another kind, or damaged.
    """
    tags = _tags(profile)
    if colour_space(profile) != "GRAY" or "kTRC" not in tags:
        raise ValueError("not a grey profile with a curve")
    return _curve(tags["kTRC"])


def _tags(profile: bytes) -> dict[str, bytes]:
    """The profile's tagged elements, by signature."""
    try:
        (number,) = struct.unpack_from(">I", profile, 128)
        entries = [
            struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(number, 1000))
        ]
    except struct.error as error:
        raise ValueError("the profile is damaged") from error
    return {
        signature.decode("latin-1"): profile[start : start + size]
        for signature, start, size in entries
    }


def _curve(element: bytes) -> DoubleArray:
    """A curve's linear values at `CODES` equal steps, in [0, 1] and never falling."""
    x = _STEPS
    try:
        if element[:4] == b"curv":
            y = _sampled_curve(element, x)
        elif element[:4] == b"para":
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # is found below
                y = _parametric_curve(element, x)
        else:
            raise ValueError("unknown kind of curve")
    except struct.error as error:
        raise ValueError("a curve of the profile is damaged") from error
    # Coefficients are rounded, so a curve of two pieces may fall a little where they meet.
    if not np.isfinite(y).all() or (np.diff(y) < -1e-4).any() or y[-1] - y[0] < 0.5:
        raise ValueError("a curve of the profile cannot be inverted")
    rising: DoubleArray = np.maximum.accumulate(np.clip(y, 0, 1))
    return rising


def _sampled_curve(element: bytes, x: DoubleArray) -> DoubleArray:
    (number,) = struct.unpack_from(">I", element, 8)
    if number == 0:
        return x
    if number == 1:
        gamma: int = struct.unpack_from(">H", element, 12)[0]
        return x ** (gamma / 256)
    points = struct.unpack_from(f">{number}H", element, 12)
    return np.interp(x, np.linspace(0, 1, number), np.array(points) / 65535)


def _parametric_curve(element: bytes, x: DoubleArray) -> DoubleArray:
    """Y = (a X + b)^g + e from X = d on, c X + f below; each kind states the first few of them."""
    (kind,) = struct.unpack_from(">H", element, 8)
    if kind > 4:
        raise ValueError("unknown kind of curve")
    number = (1, 3, 4, 5, 7)[kind]
    values = [value / 65536 for value in struct.unpack_from(f">{number}i", element, 12)]
    g, a, b, c, d, e, f = values + [0.0] * (7 - number)
    if kind == 0:
        a = 1.0
    if kind in (1, 2):
        if a == 0:
            raise ValueError("a curve of the profile is senseless")
        c, d, e, f = 0.0, -b / a, c, c
    y: DoubleArray = np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
    return y
