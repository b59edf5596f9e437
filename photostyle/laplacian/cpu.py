"""The matting Laplacian on the CPU: one fused pass over the photo, nothing stored per window.

Windows are fitted from running sums in double precision, so that no radius and no epsilon loses
accuracy, and only pixels are read and written: 36 bytes for three channels. Mean and covariance of
the guide are computed anew in every pass; that takes no longer than reading them would.

The photo is worked through in tiles, columns of it that are narrow enough for the buffers to stay
in the processor's cache. A buffer is flat, and its rows lie `_STRIDE` entries apart: a constant,
from which LLVM sees that they do not overlap, and vectorises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from photostyle.compiled import compiled, over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    _Pixels = NDArray[np.float32]
    _Sums = NDArray[np.float64]

MAX_RADIUS = 32
"""Largest radius these kernels take: tiles overlap by four radii."""

_STRIDE = 264
_GUIDE_SUMS = 9 * _STRIDE  # I0, I1, I2, I0 I0, I1 I0, I1 I1, I2 I0, I2 I1, I2 I2
_CHANNEL_SUMS = 4 * _STRIDE  # p, p I0, p I1, p I2; where energies are wanted, p p follows
_FACTORS = 9 * _STRIDE  # mean of I (3), then Delta = L D L^T: l10, l20, l21, 1/d0, 1/d1, 1/d2
_MAP = 4 * _STRIDE  # a (3) and b


class CpuBackend:
    """Compiled kernels for float32 tensors in main memory, spread over the processors.

    Args:
        guide: `B 3 H W`, float32.
        radius: Window radius, at most `MAX_RADIUS`.
        ridge: epsilon / n, added to the diagonal of every covariance.
    """

    def __init__(self, guide: Tensor, radius: int, ridge: float) -> None:
        height, width = guide.shape[2:]
        self._guide = guide.contiguous()
        self._radius = radius
        self._ridge = ridge
        # At index 2r + x, the weight of a pixel in the window that starts in column x.
        self._weights = np.zeros(2 * radius + width + _STRIDE)
        self._weights[2 * radius : width] = 1 / (2 * radius + 1) ** 2
        self._down = _windows_around(height, radius)
        self._across = _windows_around(width, radius)

    def matvec(self, p: Tensor) -> Tensor:
        """L p, `B C H W`."""
        out = torch.empty_like(p, memory_format=torch.contiguous_format)
        self._apply(p, out, p.new_empty(len(p), 0, 0))
        return out

    def window_energies(self, p: Tensor) -> Tensor:
        """p^T L p, window by window, `B H-2r W-2r`."""
        energies = self._empty_energies(p)
        self._apply(p, p.new_empty(len(p), 0, *p.shape[2:]), energies)
        return energies

    def matvec_and_energies(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Both of the above in one pass."""
        out = torch.empty_like(p, memory_format=torch.contiguous_format)
        energies = self._empty_energies(p)
        self._apply(p, out, energies)
        return out, energies

    def diagonal(self) -> Tensor:
        """Diagonal of L, `B 1 H W`."""
        out = torch.empty_like(self._guide[:, :1])
        for guide, planes in zip(self._guide.numpy(), out.numpy(), strict=True):
            arguments = guide, planes[0], self._weights, self._radius, self._ridge
            over_rows(_diagonal, guide.shape[1], *arguments)
        return out

    def _empty_energies(self, p: Tensor) -> Tensor:
        height, width = (size - 2 * self._radius for size in p.shape[2:])
        return p.new_empty(len(p), height, width)

    def _apply(self, p: Tensor, out: Tensor, energies: Tensor) -> None:
        constants = self._weights, self._down, self._across, self._radius, self._ridge
        batch = (x.numpy() for x in (self._guide, p.contiguous(), out, energies))
        for image in zip(*batch, strict=True):
            over_rows(_apply, p.shape[2], *image, *constants)


def _windows_around(size: int, radius: int) -> _Sums:
    """Number of windows, fully inside a line of `size` pixels, that contain each of them."""
    starts = np.ones(size - 2 * radius)
    return np.convolve(starts, np.ones(2 * radius + 1))


@compiled
def _load(image: _Pixels, y: int, first: int, last: int, rows: _Pixels) -> None:
    """Copy columns `first` to `last` of row y, one channel after the other."""
    for c in range(image.shape[0]):
        source, target = image[c, y, first:last], rows[c * _STRIDE :]
        for x in range(source.size):
            target[x] = source[x]


@compiled
def _slide_guide(count: int, new: _Pixels, old: _Pixels, columns: _Sums) -> None:
    """Move the guide's sums over 2r + 1 rows one row down: a new row enters, an old one leaves."""
    for x in range(count):
        i0, j0 = np.float64(new[x]), np.float64(old[x])
        i1, j1 = np.float64(new[_STRIDE + x]), np.float64(old[_STRIDE + x])
        i2, j2 = np.float64(new[2 * _STRIDE + x]), np.float64(old[2 * _STRIDE + x])
        columns[x] += i0 - j0
        columns[_STRIDE + x] += i1 - j1
        columns[2 * _STRIDE + x] += i2 - j2
        columns[3 * _STRIDE + x] += i0 * i0 - j0 * j0
        columns[4 * _STRIDE + x] += i1 * i0 - j1 * j0
        columns[5 * _STRIDE + x] += i1 * i1 - j1 * j1
        columns[6 * _STRIDE + x] += i2 * i0 - j2 * j0
        columns[7 * _STRIDE + x] += i2 * i1 - j2 * j1
        columns[8 * _STRIDE + x] += i2 * i2 - j2 * j2


@compiled
def _slide_channel(count: int, new: _Pixels, old: _Pixels, c: int, columns: _Sums) -> None:
    """The same for the sums of channel c of p; those of p p only if there is room for them."""
    new_p, old_p = new[(3 + c) * _STRIDE :], old[(3 + c) * _STRIDE :]
    for x in range(count):
        p, q = np.float64(new_p[x]), np.float64(old_p[x])
        columns[x] += p - q
        columns[_STRIDE + x] += p * new[x] - q * old[x]
        columns[2 * _STRIDE + x] += p * new[_STRIDE + x] - q * old[_STRIDE + x]
        columns[3 * _STRIDE + x] += p * new[2 * _STRIDE + x] - q * old[2 * _STRIDE + x]
    if columns.size > _CHANNEL_SUMS:
        for x in range(count):
            p, q = np.float64(new_p[x]), np.float64(old_p[x])
            columns[_CHANNEL_SUMS + x] += p * p - q * q


@compiled
def _box(count: int, rows: _Sums, step: int, radius: int, out: _Sums) -> None:
    """Sums of 2r + 1 entries that lie `step` apart, `count` of them in each row of out."""
    second, third = rows[step:], rows[2 * step :]
    for row in range(out.size // _STRIDE):
        for x in range(count):
            i = row * _STRIDE + x
            out[i] = rows[i] + second[i] + third[i]
    for shift in range(3, 2 * radius + 1, 2):
        second, third = rows[shift * step :], rows[(shift + 1) * step :]
        for row in range(out.size // _STRIDE):
            for x in range(count):
                i = row * _STRIDE + x
                out[i] += second[i] + third[i]


@compiled
def _factorise(count: int, sums: _Sums, weights: _Sums, ridge: float, factors: _Sums) -> None:
    """Mean and factors of Delta = covariance + ridge Id of each window in a row.

    Not Delta^-1: where colours lie on a line, its entries are huge and cancel; the factors do not.
    """
    for x in range(count):
        w = weights[x]
        m0, m1, m2 = w * sums[x], w * sums[_STRIDE + x], w * sums[2 * _STRIDE + x]
        v00 = w * sums[3 * _STRIDE + x] - m0 * m0 + ridge
        v10 = w * sums[4 * _STRIDE + x] - m1 * m0
        v11 = w * sums[5 * _STRIDE + x] - m1 * m1 + ridge
        v20 = w * sums[6 * _STRIDE + x] - m2 * m0
        v21 = w * sums[7 * _STRIDE + x] - m2 * m1
        v22 = w * sums[8 * _STRIDE + x] - m2 * m2 + ridge
        # Pivots are never smaller than the ridge; rounding must not say otherwise.
        i0 = 1.0 / max(v00, ridge)
        l10, l20 = v10 * i0, v20 * i0
        i1 = 1.0 / max(v11 - l10 * v10, ridge)
        u21 = v21 - l20 * v10
        l21 = u21 * i1
        i2 = 1.0 / max(v22 - l20 * v20 - l21 * u21, ridge)
        factors[x], factors[_STRIDE + x], factors[2 * _STRIDE + x] = m0, m1, m2
        factors[3 * _STRIDE + x] = l10
        factors[4 * _STRIDE + x] = l20
        factors[5 * _STRIDE + x] = l21
        factors[6 * _STRIDE + x] = i0
        factors[7 * _STRIDE + x] = i1
        factors[8 * _STRIDE + x] = i2


@compiled
def _fit(count: int, sums: _Sums, weights: _Sums, factors: _Sums, maps: _Sums) -> None:
    """Affine map of each window in a row, for one channel: a = Delta^-1 c, b = mean p - a . m."""
    for x in range(count):
        w = weights[x]
        mean = w * sums[x]
        m0, m1, m2 = factors[x], factors[_STRIDE + x], factors[2 * _STRIDE + x]
        l10, l20, l21 = factors[3 * _STRIDE + x], factors[4 * _STRIDE + x], factors[5 * _STRIDE + x]
        y0 = w * sums[_STRIDE + x] - mean * m0
        y1 = w * sums[2 * _STRIDE + x] - mean * m1 - l10 * y0
        y2 = w * sums[3 * _STRIDE + x] - mean * m2 - l20 * y0 - l21 * y1
        a2 = y2 * factors[8 * _STRIDE + x]
        a1 = y1 * factors[7 * _STRIDE + x] - l21 * a2
        a0 = y0 * factors[6 * _STRIDE + x] - l10 * a1 - l20 * a2
        maps[x], maps[_STRIDE + x], maps[2 * _STRIDE + x] = a0, a1, a2
        maps[3 * _STRIDE + x] = mean - a0 * m0 - a1 * m1 - a2 * m2


@compiled
def _add_unexplained(
    count: int, sums: _Sums, weights: _Sums, factors: _Sums, unexplained: _Sums
) -> None:
    """Add var p - c^T Delta^-1 c of one channel, for each window in a row."""
    for x in range(count):
        w = weights[x]
        mean = w * sums[x]
        m0, m1, m2 = factors[x], factors[_STRIDE + x], factors[2 * _STRIDE + x]
        l10, l20, l21 = factors[3 * _STRIDE + x], factors[4 * _STRIDE + x], factors[5 * _STRIDE + x]
        y0 = w * sums[_STRIDE + x] - mean * m0
        y1 = w * sums[2 * _STRIDE + x] - mean * m1 - l10 * y0
        y2 = w * sums[3 * _STRIDE + x] - mean * m2 - l20 * y0 - l21 * y1
        explained = y0 * y0 * factors[6 * _STRIDE + x] + y1 * y1 * factors[7 * _STRIDE + x]
        explained += y2 * y2 * factors[8 * _STRIDE + x]
        unexplained[x] += w * sums[4 * _STRIDE + x] - mean * mean - explained


@compiled
def _subtract_maps(
    guide: _Pixels, p: _Pixels, maps: _Sums, across: _Sums, down: float, out: _Pixels
) -> None:
    """(L p)_i = n_i p_i - A_i . I_i - B_i, where A and B sum the maps of the windows around i."""
    for x in range(out.size):
        out[x] = (
            down * across[x] * p[x]
            - maps[x] * guide[x]
            - maps[_STRIDE + x] * guide[_STRIDE + x]
            - maps[2 * _STRIDE + x] * guide[2 * _STRIDE + x]
            - maps[3 * _STRIDE + x]
        )


@compiled
def _tile_width(width: int, radius: int) -> int:
    """Width of the tiles when a photo is divided into as few equal ones as the buffers allow."""
    tiles = -(-width // (_STRIDE - 4 * radius))
    return -(-width // tiles)


@compiled
def _apply(
    first: int,
    last: int,
    guide: _Pixels,
    p: _Pixels,
    out: _Pixels,
    energies: _Pixels,
    weights: _Sums,
    down: _Sums,
    across: _Sums,
    radius: int,
    ridge: float,
) -> None:
    """L p and the energy of each window, for some rows of one photo.

    Args:
        first: First row of pixels, and of window centres.
        last: Row after the last one.
        guide: `3 H W`.
        p: `C H W`.
        out: Receives L p, `C H W`; or `0 H W` where it is not wanted.
        energies: Receives the energies, `H-2r W-2r`; or `0 0` where they are not wanted.
        weights: 1 / n at 2r + each column where a window starts, else 0.
        down: Number of window rows that contain each row of pixels, `H`.
        across: Number of window columns that contain each column of pixels, `W`.
        radius: Window radius r.
        ridge: epsilon / n.
    """
    channels, height, width = p.shape
    window = 2 * radius + 1
    row_size = (3 + channels) * _STRIDE
    pixels = np.zeros((window + 1) * row_size, np.float32)  # the last 2r + 2 rows of pixels
    guide_columns, guide_sums = np.zeros(_GUIDE_SUMS), np.zeros(_GUIDE_SUMS)
    sums_size = _CHANNEL_SUMS + (_STRIDE if energies.size else 0)
    columns, sums = np.zeros(channels * sums_size), np.zeros(sums_size)
    factors, unexplained, outside = np.zeros(_FACTORS), np.zeros(_STRIDE), np.zeros(_STRIDE)
    maps = np.zeros(out.shape[0] * window * _MAP)  # of the last 2r + 1 rows of windows
    map_columns, map_sums = np.zeros(_MAP), np.zeros(_MAP)

    top = max(first - 2 * radius, 0)
    tile = _tile_width(width, radius)
    count = tile + 4 * radius
    for x0 in range(0, width, tile):
        # Entry x of a buffer is column x0 - 2r + x of the photo, or the window that starts there.
        x1 = min(x0 + tile, width)
        begin, end = max(x0 - 2 * radius, 0), min(x1 + 2 * radius, width)
        pad = begin - (x0 - 2 * radius)
        pixels[:], guide_columns[:], columns[:], maps[:] = 0.0, 0.0, 0.0, 0.0

        # Row y enters, windows around row y - r are complete, and so is pixel row y - 2r of L p.
        for y in range(top, last + 2 * radius):
            new = pixels[y % (window + 1) * row_size :]
            old = pixels[(y + 1) % (window + 1) * row_size :]
            if y < height:
                _load(guide, y, begin, end, new[pad:])
                _load(p, y, begin, end, new[3 * _STRIDE + pad :])
            centre, i = y - radius, y - 2 * radius
            exist = weights[x0 : x0 + _STRIDE] if centre < height - radius else outside
            here = pixels[i % (window + 1) * row_size + 2 * radius :]

            _slide_guide(count, new, old, guide_columns)
            _box(count - 2 * radius, guide_columns, 1, radius, guide_sums)
            _factorise(count, guide_sums, exist, ridge, factors)
            unexplained[:] = 0.0
            for c in range(channels):
                of_channel = columns[c * sums_size : (c + 1) * sums_size]
                _slide_channel(count, new, old, c, of_channel)
                _box(count - 2 * radius, of_channel, 1, radius, sums)
                if energies.size:
                    _add_unexplained(count, sums, exist, factors, unexplained)
                if c < out.shape[0] and centre >= top + radius:
                    map_rows = maps[c * window * _MAP : (c + 1) * window * _MAP]
                    _fit(count, sums, exist, factors, map_rows[centre % window * _MAP :])
                    if i >= first:
                        _box(count, map_rows, _MAP, radius, map_columns)
                        _box(count - 2 * radius, map_columns, 1, radius, map_sums)
                        row = out[c, i, x0:x1]
                        here_p = here[(3 + c) * _STRIDE :]
                        _subtract_maps(here, here_p, map_sums, across[x0:x1], down[i], row)

            if energies.size and max(first, radius) <= centre < min(last, height - radius):
                for x in range(max(x0, radius), min(x1, width - radius)):
                    energy = window * window * unexplained[x - x0 + radius]
                    energies[centre - radius, x - radius] = max(energy, 0.0)


@compiled
def _diagonal(
    first: int,
    last: int,
    guide: _Pixels,
    out: _Pixels,
    weights: _Sums,
    radius: int,
    ridge: float,
) -> None:
    """Diagonal of L for some rows: sum of 1 - (1 + (I_i - m)^T Delta^-1 (I_i - m)) / n.

    Args:
        first: First row.
        last: Row after the last one.
        guide: `3 H W`.
        out: Receives the diagonal, `H W`.
        weights: As for `_apply`.
        radius: Window radius r.
        ridge: epsilon / n.
    """
    _, height, width = guide.shape
    window = 2 * radius + 1
    pixels = np.zeros((window + 1) * 3 * _STRIDE, np.float32)
    columns, sums, diagonal = np.zeros(_GUIDE_SUMS), np.zeros(_GUIDE_SUMS), np.zeros(_STRIDE)
    factors = np.zeros(window * _FACTORS)  # of the last 2r + 1 rows of windows

    top = max(first - 2 * radius, 0)
    tile = _tile_width(width, radius)
    count = tile + 4 * radius
    for x0 in range(0, width, tile):
        x1 = min(x0 + tile, width)
        begin, end = max(x0 - 2 * radius, 0), min(x1 + 2 * radius, width)
        exist = weights[x0 : x0 + _STRIDE]
        pixels[:], columns[:] = 0.0, 0.0
        for y in range(top, last + 2 * radius):
            centre, i = y - radius, y - 2 * radius
            new = pixels[y % (window + 1) * 3 * _STRIDE :]
            old = pixels[(y + 1) % (window + 1) * 3 * _STRIDE :]
            if y < height:
                _load(guide, y, begin, end, new[begin - (x0 - 2 * radius) :])
                _slide_guide(count, new, old, columns)
                _box(count - 2 * radius, columns, 1, radius, sums)
                _factorise(count, sums, exist, ridge, factors[centre % window * _FACTORS :])
            if i < first:
                continue
            here = pixels[i % (window + 1) * 3 * _STRIDE + 2 * radius :]
            diagonal[:] = 0.0
            for k in range(max(i - radius, radius), min(i + radius, height - 1 - radius) + 1):
                for shift in range(window):
                    f, w = factors[k % window * _FACTORS + shift :], exist[shift:]
                    for x in range(x1 - x0):
                        y0 = here[x] - f[x]
                        y1 = here[_STRIDE + x] - f[_STRIDE + x] - f[3 * _STRIDE + x] * y0
                        y2 = here[2 * _STRIDE + x] - f[2 * _STRIDE + x]
                        y2 -= f[4 * _STRIDE + x] * y0 + f[5 * _STRIDE + x] * y1
                        length = y0 * y0 * f[6 * _STRIDE + x] + y1 * y1 * f[7 * _STRIDE + x]
                        length += y2 * y2 * f[8 * _STRIDE + x]
                        diagonal[x] += w[x] * (window * window - 1.0 - length)
            for x in range(x1 - x0):
                out[i, x0 + x] = diagonal[x]
