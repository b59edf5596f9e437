"""ICC colour profiles made of tables, in floating point: those of presses, scanners, some monitors.

A file's values go through curves, through a table of colours between whose points they are
interpolated, and through curves again to a colour under D50, where profiles meet. Other tables lead
back. Of the tables for several purposes those are taken that measure colours (relative
colorimetric). The darkest colour of a profile becomes black in sRGB, and black the darkest colour
(black point compensation), or else paper would have no shadows.

Reference: ICC.1:2022, sections 6.3.4 (encodings of colours), 10.10 and 10.11 (tables of 16 and 8
bits), 10.12 and 10.13 (tables of version 4).
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from photostyle.compiled import compiled, over_rows
from photostyle.image import icc

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

_Step = Callable[[FloatArray], FloatArray]
"""From values, N C, to others."""

_CHANNELS = {"RGB": 3, "CMYK": 4}
_NO_PHOTOS = (b"link", b"abst", b"nmcl")  # classes of profiles that no photo is in

_XYZ_RANGE = 65535 / 32768
_LAB_RANGE, _LAB_START = (100.0, 255.0, 255.0), (0.0, -128.0, -128.0)
# Tables of 16 bits state Lab in a way of their own.
_LAB16_RANGE = (100 * 65535 / 65280, 65535 / 256, 65535 / 256)

_LIGHTEST_BLACK = 50.0  # lightness; what is lighter is no black


@dataclass(frozen=True, eq=False)
class TableProfile:
    """An RGB or CMYK profile of tables."""

    channels: int
    """Of its files: 3 or 4."""

    to_xyz: tuple[_Step, ...]
    """From a file's values in [0, 1] to XYZ under D50."""

    from_xyz: tuple[_Step, ...] | None
    """The way back; None where there is none, as in profiles of scanners."""

    black: float
    """Luminance of the darkest colour."""

    is_srgb = False
    """Tables are never taken for sRGB."""

    def to_srgb(self, samples: Array) -> FloatArray:
        """Convert a file's values to sRGB.

        Args:
            samples: H W C, uint8, uint16, or float32, in which 1 is the end of the range. Of CMYK
                the amounts of ink.

        Returns:
            H W 3, sRGB encoded; outside of [0, 1] where sRGB does not reach.
        """
        top = 1 if samples.dtype == np.float32 else np.iinfo(samples.dtype).max
        values = samples.reshape(-1, self.channels).astype(np.float32) / np.float32(top)
        xyz = _run(self.to_xyz, values).astype(np.float64)
        pixels = icc.xyz_to_srgb((xyz - self.black * icc.D50) / (1 - self.black))
        return pixels.reshape(*samples.shape[:2], 3)

    def from_srgb(self, pixels: FloatArray) -> FloatArray:
        """Convert sRGB to values of a file of this profile.

        Args:
            pixels: H W 3, sRGB encoded. Colours that the profile does not reach become near ones.

        Returns:
            H W C in [0, 1].

        Raises:
            ValueError: The profile has no tables for this direction.
        """
        if self.from_xyz is None:
            raise ValueError("the colour profile can only be read with")
        xyz = icc.srgb_to_xyz(pixels.reshape(-1, 3)) * (1 - self.black) + self.black * icc.D50
        values = _run(self.from_xyz, xyz.astype(np.float32))
        return values.reshape(*pixels.shape[:2], self.channels)


@lru_cache(maxsize=4)  # photos of one source have one
def parse_table_profile(profile: bytes) -> TableProfile:
    """Read an RGB or CMYK profile of tables.

    Raises:
        ValueError: It is of another kind, or damaged.
    """
    tags, channels = icc.tags(profile), _CHANNELS.get(icc.colour_space(profile))
    colours = profile[20:24]
    if channels is None or colours not in (b"Lab ", b"XYZ ") or profile[12:16] in _NO_PHOTOS:
        raise ValueError("not a profile of tables")
    try:
        to_xyz = _to_xyz(tags.get("A2B1", tags["A2B0"]), channels, colours)
        from_xyz = perceptual = None
        if "B2A0" in tags:
            perceptual = _from_xyz(tags["B2A0"], channels, colours)
            from_xyz = _from_xyz(tags.get("B2A1", tags["B2A0"]), channels, colours)
    except (KeyError, struct.error) as error:
        raise ValueError("a table of the profile is damaged") from error
    darkest = np.full((1, channels), channels == 4, np.float32)
    if perceptual and channels == 4:  # no press takes all the ink there is
        darkest = _run(perceptual, np.zeros((1, 3), np.float32))
    luminance = float(_run(to_xyz, darkest)[0, 1])
    lightest = float(_lab_to_xyz(np.array([[_LIGHTEST_BLACK, 0, 0]], np.float32))[0, 1])
    return TableProfile(channels, to_xyz, from_xyz, min(max(luminance, 0.0), lightest))


def _to_xyz(element: bytes, channels: int, colours: bytes) -> tuple[_Step, ...]:
    """From values of a file to XYZ, by a table element that gives Lab or XYZ as `colours` says."""
    steps = _steps(element, channels, 3)
    if colours == b"XYZ ":
        return (*steps, partial(np.multiply, np.float32(_XYZ_RANGE)))
    scale = np.array(_lab_range(element), np.float32)
    start = np.array(_LAB_START, np.float32)
    return (*steps, lambda values: _lab_to_xyz(values * scale + start))


def _from_xyz(element: bytes, channels: int, colours: bytes) -> tuple[_Step, ...]:
    """From XYZ to values of a file, by a table element that takes Lab or XYZ as `colours` says."""
    steps = _steps(element, 3, channels)
    if colours == b"XYZ ":
        return (partial(np.multiply, np.float32(1 / _XYZ_RANGE)), *steps)
    scale = np.array(_lab_range(element), np.float32)
    start = np.array(_LAB_START, np.float32)
    return (lambda xyz: (_xyz_to_lab(xyz) - start) / scale, *steps)


def _lab_range(element: bytes) -> tuple[float, float, float]:
    return _LAB16_RANGE if element[:4] == b"mft2" else _LAB_RANGE


def _run(steps: tuple[_Step, ...], values: FloatArray) -> FloatArray:
    return reduce(lambda given, step: step(given), steps, values)


def _lab_to_xyz(lab: FloatArray) -> FloatArray:
    """CIE 1976, under D50; N 3."""
    y = (lab[:, 0] + 16) / 116
    f = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    linear = np.where(f > 6 / 29, f**3, (f - np.float32(4 / 29)) * np.float32(108 / 841))
    return linear * icc.D50.astype(np.float32)


def _xyz_to_lab(xyz: FloatArray) -> FloatArray:
    ratio = xyz / icc.D50.astype(np.float32)
    f = np.where(
        ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * np.float32(841 / 108) + np.float32(4 / 29)
    )
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


def _steps(element: bytes, inputs: int, outputs: int) -> tuple[_Step, ...]:
    """What a table element does with values in [0, 1].

    Raises:
        ValueError: It is of another kind, or damaged.
        struct.error: It is damaged.
    """
    kind = element[:4]
    if tuple(element[8:10]) != (inputs, outputs):
        raise ValueError("a table of the profile is for other channels")
    if kind in (b"mft1", b"mft2"):
        return _steps_of_numbers(element, inputs, outputs)
    if kind in (b"mAB ", b"mBA "):
        return _steps_of_parts(element, inputs, outputs)
    raise ValueError("a table of the profile is of an unknown kind")


def _steps_of_numbers(element: bytes, inputs: int, outputs: int) -> tuple[_Step, ...]:
    """Of tables of 8 and 16 bits: a matrix, curves, the table, curves."""
    points = element[10]
    matrix = np.array(struct.unpack_from(">9i", element, 12)).reshape(3, 3) / 65536
    if element[:4] == b"mft1":
        before, after, position, kind = 256, 256, 48, ">u1"
    else:
        before, after = struct.unpack_from(">HH", element, 48)
        position, kind = 52, ">u2"
    if min(before, after, points) < 2:
        raise ValueError("a table of the profile is senseless")
    sizes = (inputs * before, points**inputs * outputs, outputs * after)
    numbers = np.frombuffer(element, kind, sum(sizes), position).astype(np.float32)
    numbers /= np.float32(np.iinfo(kind).max)
    first, table, last = np.split(numbers, np.cumsum(sizes)[:-1])
    steps: list[_Step] = []
    if inputs == 3 and not np.array_equal(matrix, np.eye(3)):
        steps.append(_matrix_step(matrix, np.zeros(3)))
    steps.append(_curve_step(first.reshape(inputs, before)))
    steps.append(_table_step(table.reshape(*(points,) * inputs, outputs)))
    steps.append(_curve_step(last.reshape(outputs, after)))
    return tuple(steps)


def _steps_of_parts(element: bytes, inputs: int, outputs: int) -> tuple[_Step, ...]:
    """Of version 4: curves, a table, curves, a matrix, curves; or all that in reverse."""
    near, matrix, middle, table, far = struct.unpack_from(">5I", element, 12)
    device = inputs if element[:4] == b"mAB " else outputs
    steps: list[_Step] = []
    if far:
        steps.append(_curve_step(_curves(element, far, device)))
    if table:
        precision = element[table + 16]
        sizes = (*element[table : table + inputs], outputs)
        if precision not in (1, 2) or min(sizes) < 2:
            raise ValueError("a table of the profile is senseless")
        kind = f">u{precision}"
        numbers = np.frombuffer(element, kind, math.prod(sizes), table + 20).astype(np.float32)
        numbers /= np.float32(np.iinfo(kind).max)
        steps.append(_table_step(numbers.reshape(sizes)))
    elif inputs != outputs:
        raise ValueError("a table of the profile is missing")
    if middle:
        steps.append(_curve_step(_curves(element, middle, 3)))
    if matrix:
        numbers12 = np.array(struct.unpack_from(">12i", element, matrix)) / 65536
        steps.append(_matrix_step(numbers12[:9].reshape(3, 3), numbers12[9:]))
    if near:
        steps.append(_curve_step(_curves(element, near, 3)))
    return tuple(steps if element[:4] == b"mAB " else reversed(steps))


def _curves(element: bytes, position: int, number: int) -> FloatArray:
    """Curves that stand one behind the other, each at `icc.CODES` equal steps."""
    curves = []
    for _ in range(number):
        curve, length = icc.curve_values(element[position:])
        curves.append(curve)
        position += length + -length % 4
    return np.stack(curves).astype(np.float32)


def _curve_step(curves: FloatArray) -> _Step:
    """Curves, C by points: one for each channel."""
    curves = np.ascontiguousarray(curves)

    def step(values: FloatArray) -> FloatArray:
        result = np.empty_like(values)
        over_rows(_look_up, len(values), values, curves, result)
        return result

    return step


def _matrix_step(matrix: DoubleArray, offset: DoubleArray) -> _Step:
    return lambda values: np.ascontiguousarray(values @ matrix.T + offset, np.float32)


def _table_step(table: FloatArray) -> _Step:
    """A table, with one axis for each channel and one for what it gives."""
    *points, outputs = table.shape
    flat = np.ascontiguousarray(table).reshape(-1, outputs)
    strides = [math.prod(points[axis + 1 :]) for axis in range(len(points))]
    # Of the cell that a value lies in: where its corners are, counted from the first.
    corners = np.array(
        [sum(itertools.compress(strides, choice)) for choice in _choices(len(points))]
    )

    def step(values: FloatArray) -> FloatArray:
        result = np.empty((len(values), outputs), np.float32)
        shape = np.array(points), np.array(strides), corners
        over_rows(_interpolate, len(values), values, flat, *shape, result)
        return result

    return step


def _choices(channels: int) -> list[tuple[int, ...]]:
    """Every corner of a cell, as whether it is the upper one of each channel."""
    return list(itertools.product((0, 1), repeat=channels))


@compiled
def _look_up(
    first: int, last: int, values: FloatArray, curves: FloatArray, result: FloatArray
) -> None:
    """Interpolate linearly between the points of each channel's curve."""
    points = curves.shape[1]
    for row in range(first, last):
        for channel in range(len(curves)):
            place = min(max(values[row, channel], 0.0), 1.0) * (points - 1)
            index = min(int(place), points - 2)
            low, high = curves[channel, index], curves[channel, index + 1]
            result[row, channel] = low + (place - index) * (high - low)


@compiled
def _interpolate(
    first: int,
    last: int,
    values: FloatArray,
    table: FloatArray,
    points: npt.NDArray[np.int64],
    strides: npt.NDArray[np.int64],
    corners: npt.NDArray[np.int64],
    result: FloatArray,
) -> None:
    """Interpolate linearly along every axis of a table, points by outputs."""
    channels = len(points)
    parts = np.empty(channels, np.float32)
    for row in range(first, last):
        start = 0
        for channel in range(channels):
            place = min(max(values[row, channel], 0.0), 1.0) * (points[channel] - 1)
            index = min(int(place), points[channel] - 2)
            parts[channel] = place - index
            start += index * strides[channel]
        result[row] = 0
        for corner in range(len(corners)):
            weight = np.float32(1)
            for channel in range(channels):
                upper = corner >> (channels - 1 - channel) & 1
                weight *= parts[channel] if upper else 1 - parts[channel]
            if weight > 0:
                at = start + corners[corner]
                for output in range(table.shape[1]):
                    result[row, output] += weight * table[at, output]
