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

from photostyle.compiled import compiled, compiled_part, over_rows
from photostyle.laplacian.tensor import TensorBackend

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    _Pixels = NDArray[np.float32]
    _Sums = NDArray[np.float64]

MAX_RADIUS = 32
"""Largest radius these kernels take: tiles overlap by four radii."""

_STRIDE = 520
_GUIDE_SUMS = 9 * _STRIDE  # I0, I1, I2, I0 I0, I1 I0, I1 I1, I2 I0, I2 I1, I2 I2
_CHANNEL_SUMS = 4 * _STRIDE  # p, p I0, p I1, p I2
_FACTORS = 9 * _STRIDE  # mean of I (3), then Delta = L D L^T: l10, l20, l21, 1/d0, 1/d1, 1/d2
_MAP = 4 * _STRIDE  # a (3) and b

_DIAGONAL_PIXELS = 500_000  # of a strip of the photo


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
        tiles = -(-width // (_STRIDE - 4 * radius))
        self._tile = -(-width // tiles)

    def matvec(self, p: Tensor) -> Tensor:
        """L p, `B C H W`."""
        return self.matvec_and_energy(p)[0]

    def energy(self, p: Tensor) -> Tensor:
        """p^T L p of each image, `B`, float64."""
        return self._apply(p, p.new_empty(len(p), 0, *p.shape[2:]))

    def matvec_and_energy(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Both of the above in one pass."""
        # From numpy, which asks for huge pages: mapping 12 MP in small ones takes as long as L p.
        out = torch.from_numpy(np.empty(p.shape, np.float32))
        return out, self._apply(p, out)

    def diagonal(self) -> Tensor:
        """Diagonal of L, `B 1 H W`. Needed once, it is left to tensors, a strip at a time."""
        height, width = self._guide.shape[2:]
        margin = 2 * self._radius
        rows = max(_DIAGONAL_PIXELS // width, margin + 1)
        strips = []
        for first in range(0, height, rows):
            above = min(first, margin)
            strip = self._guide[:, :, first - above : first + rows + margin].double()
            diagonal = TensorBackend(strip, self._radius, self._ridge).diagonal()
            strips.append(diagonal[:, :, above : above + rows].float())
        return torch.cat(strips, 2)

    def _apply(self, p: Tensor, out: Tensor) -> Tensor:
        """Write L p to out unless it has no channels; the energy of each image, in any case."""
        energies = np.zeros((len(p), p.shape[2]))
        constants = self._weights, self._down, self._across, self._tile, self._radius, self._ridge
        batch = self._guide.numpy(), p.contiguous().numpy(), out.numpy(), energies
        for image in zip(*batch, strict=True):
            over_rows(_apply, p.shape[2], *image, *constants)
        return torch.from_numpy(energies.sum(1)).clamp_(min=0)


def _windows_around(size: int, radius: int) -> _Sums:
    """Number of windows, fully inside a line of `size` pixels, that contain each of them."""
    starts = np.ones(size - 2 * radius)
    return np.convolve(starts, np.ones(2 * radius + 1))


@compiled_part
def _load(image: _Pixels, y: int, first: int, last: int, rows: _Pixels) -> None:
    """Copy columns `first` to `last` of row y, one channel after the other."""
    for c in range(image.shape[0]):
        source, target = image[c, y, first:last], rows[c * _STRIDE :]
        for x in range(source.size):
            target[x] = source[x]


@compiled_part
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


@compiled_part
def _slide_channel(count: int, new: _Pixels, old: _Pixels, c: int, columns: _Sums) -> None:
    """The same for the sums of channel c of p."""
    new_p, old_p = new[(3 + c) * _STRIDE :], old[(3 + c) * _STRIDE :]
    for x in range(count):
        p, q = np.float64(new_p[x]), np.float64(old_p[x])
        columns[x] += p - q
        columns[_STRIDE + x] += p * new[x] - q * old[x]
        columns[2 * _STRIDE + x] += p * new[_STRIDE + x] - q * old[_STRIDE + x]
        columns[3 * _STRIDE + x] += p * new[2 * _STRIDE + x] - q * old[2 * _STRIDE + x]


@compiled_part
def _box(count: int, rows: _Sums, radius: int, out: _Sums) -> None:
    """Sums of 2r + 1 neighbours in each row: `out[x] = sum(rows[x : x + 2r + 1])` for x < count."""
    for row in range(out.size // _STRIDE):
        for x in range(count):
            i = row * _STRIDE + x
            out[i] = rows[i] + rows[i + 1] + rows[i + 2]
    for shift in range(3, 2 * radius + 1, 2):
        shifted = rows[shift:]
        for row in range(out.size // _STRIDE):
            for x in range(count):
                i = row * _STRIDE + x
                out[i] += shifted[i] + shifted[i + 1]


@compiled_part
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


@compiled_part
def _fit(
    count: int, sums: _Sums, weights: _Sums, factors: _Sums, maps: _Sums, totals: _Sums
) -> None:
    """Affine map of each window in a row, for one channel: a = Delta^-1 c, b = mean p - a . m.

    Args:
        count: Number of windows.
        sums: `_CHANNEL_SUMS` over windows.
        weights: 1 / n where a window exists, else 0: then its map is 0.
        factors: From `_factorise`.
        maps: The maps of the row of windows that is 2r + 1 further up, replaced by the new ones.
        totals: Sums of the maps of 2r + 1 rows, brought up to date.
    """
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
        b = mean - a0 * m0 - a1 * m1 - a2 * m2
        totals[x] += a0 - maps[x]
        totals[_STRIDE + x] += a1 - maps[_STRIDE + x]
        totals[2 * _STRIDE + x] += a2 - maps[2 * _STRIDE + x]
        totals[3 * _STRIDE + x] += b - maps[3 * _STRIDE + x]
        maps[x], maps[_STRIDE + x], maps[2 * _STRIDE + x] = a0, a1, a2
        maps[3 * _STRIDE + x] = b


@compiled_part
def _subtract_maps(
    guide: _Pixels, p: _Pixels, maps: _Sums, across: _Sums, down: float, out: _Pixels
) -> float:
    """Write (L p)_i = n_i p_i - A_i . I_i - B_i, where A, B sum the maps of the windows around i.

    Returns:
        Sum of p_i (L p)_i, before L p is rounded.
    """
    energy = 0.0
    for x in range(out.size):
        product = (
            down * across[x] * p[x]
            - maps[x] * guide[x]
            - maps[_STRIDE + x] * guide[_STRIDE + x]
            - maps[2 * _STRIDE + x] * guide[2 * _STRIDE + x]
            - maps[3 * _STRIDE + x]
        )
        out[x] = product
        energy += product * p[x]
    return energy


@compiled
def _apply(
    first: int,
    last: int,
    guide: _Pixels,
    p: _Pixels,
    out: _Pixels,
    energies: _Sums,
    weights: _Sums,
    down: _Sums,
    across: _Sums,
    tile: int,
    radius: int,
    ridge: float,
) -> None:
    """L p and p^T L p for some rows of one photo.

    Args:
        first: First row.
        last: Row after the last one.
        guide: `3 H W`.
        p: `C H W`.
        out: Receives L p, `C H W`; or `0 H W` where it is not wanted.
        energies: Receives the sum over each row of p times L p, `H`; zero before.
        weights: 1 / n at 2r + each column where a window starts, else 0.
        down: Number of window rows that contain each row of pixels, `H`.
        across: Number of window columns that contain each column of pixels, `W`.
        tile: Width of a tile.
        radius: Window radius r.
        ridge: epsilon / n.
    """
    channels, height, width = p.shape
    window = 2 * radius + 1
    row_size = (3 + channels) * _STRIDE
    pixels = np.zeros((window + 1) * row_size, np.float32)  # the last 2r + 2 rows of pixels
    unwanted = np.zeros(_STRIDE, np.float32)
    guide_columns, guide_sums = np.zeros(_GUIDE_SUMS), np.zeros(_GUIDE_SUMS)
    columns, sums = np.zeros(channels * _CHANNEL_SUMS), np.zeros(_CHANNEL_SUMS)
    factors, nowhere = np.zeros(_FACTORS), np.zeros(_STRIDE)
    maps = np.zeros(channels * window * _MAP)  # of the last 2r + 1 rows of windows
    map_columns, map_sums = np.zeros(channels * _MAP), np.zeros(_MAP)

    top = max(first - 2 * radius, 0)
    count = tile + 4 * radius
    for x0 in range(0, width, tile):
        # Entry x of a buffer is column x0 - 2r + x of the photo, or the window that starts there.
        x1 = min(x0 + tile, width)
        begin, end = max(x0 - 2 * radius, 0), min(x1 + 2 * radius, width)
        pad = begin - (x0 - 2 * radius)
        inside, around = weights[x0 : x0 + _STRIDE], across[x0:x1]
        pixels[:], guide_columns[:], columns[:] = 0.0, 0.0, 0.0
        maps[:], map_columns[:] = 0.0, 0.0

        # Row y enters, windows around row y - r are complete, and so is row i = y - 2r of L p.
        for y in range(top, last + 2 * radius):
            i = y - 2 * radius
            new = pixels[y % (window + 1) * row_size :]
            old = pixels[(y + 1) % (window + 1) * row_size :]
            if y < height:
                _load(guide, y, begin, end, new[pad:])
                _load(p, y, begin, end, new[3 * _STRIDE + pad :])
            exist = inside if top <= i < height - 2 * radius else nowhere
            here = pixels[i % (window + 1) * row_size + 2 * radius :]

            _slide_guide(count, new, old, guide_columns)
            _box(count - 2 * radius, guide_columns, radius, guide_sums)
            _factorise(count, guide_sums, exist, ridge, factors)
            for c in range(channels):
                of_channel = columns[c * _CHANNEL_SUMS : (c + 1) * _CHANNEL_SUMS]
                _slide_channel(count, new, old, c, of_channel)
                _box(count - 2 * radius, of_channel, radius, sums)
                leaving = maps[(c * window + y % window) * _MAP :]
                totals = map_columns[c * _MAP : (c + 1) * _MAP]
                _fit(count, sums, exist, factors, leaving, totals)
                if i >= first:
                    _box(count - 2 * radius, totals, radius, map_sums)
                    row = out[c, i, x0:x1] if c < out.shape[0] else unwanted[: x1 - x0]
                    here_p = here[(3 + c) * _STRIDE :]
                    energies[i] += _subtract_maps(here, here_p, map_sums, around, down[i], row)
