"""ICC colour profiles made of curves, and of a matrix where they are for RGB, in floating point.

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

D50 = np.array([0.9642, 1.0, 0.8249])
"""XYZ of white, under the light where profiles meet."""


def _primaries_to_xyz(columns: npt.ArrayLike) -> DoubleArray:
    """Matrix from linear RGB to XYZ, its columns the primaries.

    White is white in every profile, but for the rounding of the primaries. That is undone here, so
    that greys keep three exactly equal values.
    """
    matrix: DoubleArray = np.array(columns, np.float64).T
    matrix *= (D50 / matrix.sum(axis=1))[:, None]
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


def srgb_to_xyz(pixels: Array) -> DoubleArray:
    """XYZ under D50 of sRGB-encoded colours, N 3."""
    xyz: DoubleArray = srgb_to_linear(pixels.astype(np.float64)) @ _SRGB_TO_XYZ.T
    return xyz


def xyz_to_srgb(xyz: DoubleArray) -> FloatArray:
    """The way back; outside of [0, 1] where sRGB does not reach."""
    pixels: FloatArray = linear_to_srgb(xyz @ np.linalg.inv(_SRGB_TO_XYZ).T).astype(np.float32)
    return pixels


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
        return np.array([_end_slope(curve) for curve in self.curves])

    @cached_property
    def _inverse_curves(self) -> DoubleArray:
        return np.stack([_inverse(curve) for curve in self.curves])

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
        for channel, curve in enumerate(self._inverse_curves):
            result[..., channel] = _encoded(linear[..., channel], curve, self._end_slopes[channel])
        return result


def is_srgb_curve(curve: DoubleArray) -> bool:
    """Whether a curve, or each of several, is that of sRGB."""
    return bool(np.abs(linear_to_srgb(curve) - _STEPS).max() < _SRGB_TOLERANCE)


@dataclass(frozen=True, eq=False)
class GreyProfile:
    """A profile of a single curve."""

    curve: DoubleArray
    """`CODES`: linear value in [0, 1] of every value a file can hold."""

    @cached_property
    def is_srgb(self) -> bool:
        """Whether the curve is that of sRGB, so that nothing need be converted."""
        return is_srgb_curve(self.curve)

    @cached_property
    def _inverse(self) -> DoubleArray:
        return _inverse(self.curve)

    def to_srgb(self, samples: Array) -> FloatArray:
        """Convert a file's values to sRGB.

        Args:
            samples: uint8, uint16, or float32, in which black is 0 and white 1; of any shape.

        Returns:
            The same shape, sRGB encoded.
        """
        if samples.dtype == np.float32:
            linear = _beyond(samples, self.curve, _end_slope(self.curve))
            encoded: FloatArray = linear_to_srgb(linear).astype(np.float32)
            return encoded
        step = (CODES - 1) // np.iinfo(samples.dtype).max
        table: FloatArray = linear_to_srgb(self.curve[::step]).astype(np.float32)
        return table.take(samples)

    def from_srgb(self, pixels: FloatArray) -> FloatArray:
        """Convert sRGB to values of a file of this profile.

        Args:
            pixels: Of any shape, sRGB encoded.

        Returns:
            The same shape, in [0, 1] for what is neither darker than black nor lighter than white.
        """
        linear = srgb_to_linear(pixels.astype(np.float64))
        return _encoded(linear, self._inverse, _end_slope(self.curve)).astype(np.float32)


def _inverse(curve: DoubleArray) -> DoubleArray:
    """Encoded values at equal steps of the linear value's square root.

    Encodings are close to a square root, so this spacing is fine where they are steep.
    """
    linear = np.linspace(0, 1, _INVERSE_STEPS + 1) ** 2
    return np.interp(linear, curve, _STEPS)


def _end_slope(curve: DoubleArray) -> float:
    """By how much a curve rises above 1."""
    return max(float(curve[-1] - curve[-2]) * (CODES - 1), _LEAST_SLOPE)


def _encoded(linear: DoubleArray, inverse: DoubleArray, slope: float) -> DoubleArray:
    """Encoded values of linear ones, of any shape, by a curve's inverse and its end's slope."""
    size = np.abs(linear)
    position = np.sqrt(np.minimum(size, 1)) * _INVERSE_STEPS
    index = np.minimum(position.astype(np.int32), _INVERSE_STEPS - 1)
    low = inverse.take(index)
    value = low + (position - index) * (inverse.take(index + 1) - low)
    value += np.maximum(size - 1, 0) / slope
    return np.copysign(value, linear)


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
    return "A2B0" in tags(profile)


@lru_cache(maxsize=8)  # photos of one camera have one
def parse_matrix_profile(profile: bytes) -> MatrixProfile:
    """Read an RGB profile of three curves and a matrix.

    Raises:
        ValueError: It is of another kind, or damaged.
    """
    elements = tags(profile)
    if colour_space(profile) != "RGB" or has_tables(profile):
        raise ValueError("not a profile of a matrix and curves")
    try:
        curves = np.stack([_curve(elements[name]) for name in ("rTRC", "gTRC", "bTRC")])
        columns = [
            struct.unpack_from(">3i", elements[name], 8) for name in ("rXYZ", "gXYZ", "bXYZ")
        ]
    except (KeyError, struct.error) as error:
        raise ValueError("not a profile of a matrix and curves") from error
    primaries = np.array(columns) / 65536
    # XYZ of white has to be near D50, and three colours on one line would not make a profile.
    if np.abs(primaries.sum(axis=0) - D50).max() > 0.2 or np.linalg.cond(primaries) > 1e4:
        raise ValueError("the profile's primaries are senseless")
    curves = np.maximum(curves, _LEAST_SLOPE * _STEPS)
    return MatrixProfile(curves, _primaries_to_xyz(primaries))


@lru_cache(maxsize=8)
def parse_grey_profile(profile: bytes) -> GreyProfile:
    """Read a grey profile.

    Raises:
        ValueError: It is of another kind, or damaged.
    """
    elements = tags(profile)
    if colour_space(profile) != "GRAY" or "kTRC" not in elements:
        raise ValueError("not a grey profile with a curve")
    curve = _curve(elements["kTRC"])
    if profile[20:24] == b"Lab ":  # then it gives lightness, not luminance
        root = (100 * curve + 16) / 116
        curve = np.where(root > 6 / 29, root**3, (root - 4 / 29) * 108 / 841)
    return GreyProfile(np.maximum(curve, _LEAST_SLOPE * _STEPS))


def tags(profile: bytes) -> dict[str, bytes]:
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
    y, _ = curve_values(element)
    # Coefficients are rounded, so a curve of two pieces may fall a little where they meet.
    if (np.diff(y) < -1e-4).any() or y[-1] - y[0] < 0.5:
        raise ValueError("a curve of the profile cannot be inverted")
    rising: DoubleArray = np.maximum.accumulate(np.clip(y, 0, 1))
    return rising


def curve_values(element: bytes) -> tuple[DoubleArray, int]:
    """A curve's values at `CODES` equal steps, and the length of its element in bytes.

    Raises:
        ValueError: It is damaged.
    """
    x = _STEPS
    try:
        if element[:4] == b"curv":
            y, length = _sampled_curve(element, x)
        elif element[:4] == b"para":
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # is found below
                y, length = _parametric_curve(element, x)
        else:
            raise ValueError("unknown kind of curve")
    except struct.error as error:
        raise ValueError("a curve of the profile is damaged") from error
    if not np.isfinite(y).all():
        raise ValueError("a curve of the profile is senseless")
    return y, length


def _sampled_curve(element: bytes, x: DoubleArray) -> tuple[DoubleArray, int]:
    (number,) = struct.unpack_from(">I", element, 8)
    length = 12 + 2 * number
    if number == 0:
        return x, length
    if number == 1:
        gamma: int = struct.unpack_from(">H", element, 12)[0]
        return x ** (gamma / 256), length
    points = struct.unpack_from(f">{number}H", element, 12)
    return np.interp(x, np.linspace(0, 1, number), np.array(points) / 65535), length


def _parametric_curve(element: bytes, x: DoubleArray) -> tuple[DoubleArray, int]:
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
    return y, 12 + 4 * number
