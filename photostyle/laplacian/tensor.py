"""The matting Laplacian in PyTorch: any device, float32 or float64.

Windows are put together first along rows, then along columns, in 2 (2r + 1) steps. Their moments
are merged from differences to the mean of the pixels at hand (Chan, Golub & LeVeque 1983,
Algorithms for computing the sample variance), never as mean of products minus product of means:
in float32 that difference is lost where epsilon is small.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_ROWS, _COLUMNS = -2, -1


class TensorBackend:
    """Plain tensor operations, on the device and in the precision of the guide.

    Keeps mean and factorised covariance of the guide, 9 planes; a product takes about 20 planes a
    channel of p in passing.

    Args:
        guide: `B 3 H W`, float32 or float64.
        radius: Window radius.
        ridge: epsilon / n, added to the diagonal of every covariance.
    """

    def __init__(self, guide: Tensor, radius: int, ridge: float) -> None:
        self._guide = guide
        self._radius = radius
        self._area = (2 * radius + 1) ** 2
        self._mean = _window_mean(guide, radius)
        # The factors decide how accurate all else is: double precision, where there is one.
        precise = guide if guide.device.type == "mps" else guide.double()
        covariance = _comoment(precise[:, :, None], precise[:, None], radius) / self._area
        self._factors = _factorise(covariance, ridge).to(guide.dtype)

    def matvec(self, p: Tensor) -> Tensor:
        """L p, `B C H W`."""
        return self._subtract_maps(p, self._project(p))

    def energy(self, p: Tensor) -> Tensor:
        """p^T L p of each image, `B`."""
        return self._unexplained(p, self._project(p))

    def matvec_and_energy(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Both of the above from one fit of the windows."""
        y = self._project(p)
        return self._subtract_maps(p, y), self._unexplained(p, y)

    def diagonal(self) -> Tensor:
        """Diagonal of L, `B 1 H W`: sum of 1 - (1 + (I_i - m)^T Delta^-1 (I_i - m)) / n."""
        out = torch.zeros_like(self._guide[:, :1])
        members = zip(_members(self._guide, self._radius), _members(out, self._radius), strict=True)
        for pixels, entries in members:
            y = self._factors.forward((pixels - self._mean)[:, :, None])
            entries.add_(1 - (1 + self._factors.squared_length(y)) / self._area)
        return out

    def _project(self, p: Tensor) -> Tensor:
        """L^-1 cov(I, p) of each window (with Delta = L D L^T), `B 3 C H-2r W-2r`."""
        comoment = _comoment(self._guide[:, :, None], p[:, None], self._radius)
        return self._factors.forward(comoment / self._area)

    def _unexplained(self, p: Tensor, y: Tensor) -> Tensor:
        """N (var p - cov^T Delta^-1 cov), summed over windows and channels: nothing cancels."""
        energy = _comoment(p, p, self._radius) - self._area * self._factors.squared_length(y)
        return energy.clamp_(min=0).sum((1, 2, 3))

    def _subtract_maps(self, p: Tensor, y: Tensor) -> Tensor:
        """(L p)_i = n_i p_i - A . I_i - B, where A and B sum a and b of the windows around i."""
        a = self._factors.backward(y)
        b = _window_mean(p, self._radius) - (a * self._mean[:, :, None]).sum(1)
        around = _sum_around(torch.ones_like(b[:, :1]), self._radius)
        guide = self._guide[:, :, None]
        return (
            around * p
            - (_sum_around(a, self._radius) * guide).sum(1)
            - _sum_around(b, self._radius)
        )


class _Factors(NamedTuple):
    """Delta = L D L^T of each window: unit lower triangular L and diagonal D, `B 1 H-2r W-2r`."""

    l10: Tensor
    l20: Tensor
    l21: Tensor
    d0: Tensor
    d1: Tensor
    d2: Tensor

    def to(self, dtype: torch.dtype) -> _Factors:
        """The same in another precision."""
        return _Factors(*(factor.to(dtype) for factor in self))

    def forward(self, c: Tensor) -> Tensor:
        """Solve L y = c along dimension 1 of `B 3 C H-2r W-2r`."""
        y0 = c[:, 0]
        y1 = c[:, 1] - self.l10 * y0
        y2 = c[:, 2] - self.l20 * y0 - self.l21 * y1
        return torch.stack((y0, y1, y2), 1)

    def backward(self, y: Tensor) -> Tensor:
        """Solve D L^T a = y along dimension 1 of `B 3 C H-2r W-2r`."""
        a2 = y[:, 2] / self.d2
        a1 = y[:, 1] / self.d1 - self.l21 * a2
        a0 = y[:, 0] / self.d0 - self.l10 * a1 - self.l20 * a2
        return torch.stack((a0, a1, a2), 1)

    def squared_length(self, y: Tensor) -> Tensor:
        """c^T Delta^-1 c = y^T D^-1 y, `B C H-2r W-2r`."""
        return y[:, 0] ** 2 / self.d0 + y[:, 1] ** 2 / self.d1 + y[:, 2] ** 2 / self.d2


def _factorise(covariance: Tensor, ridge: float) -> _Factors:
    """Factors of covariance + ridge Id, from `B 3 3 H-2r W-2r`.

    Not its inverse: where colours lie on a line, its entries are huge and cancel; these do not.
    """
    rows = [[covariance[:, i, j, None] for j in range(i + 1)] for i in range(3)]
    # Pivots are never smaller than the ridge; rounding must not say otherwise.
    d0 = (rows[0][0] + ridge).clamp(min=ridge)
    l10, l20 = rows[1][0] / d0, rows[2][0] / d0
    d1 = (rows[1][1] + ridge - l10 * rows[1][0]).clamp(min=ridge)
    u21 = rows[2][1] - l20 * rows[1][0]
    l21 = u21 / d1
    d2 = (rows[2][2] + ridge - l20 * rows[2][0] - l21 * u21).clamp(min=ridge)
    return _Factors(l10, l20, l21, d0, d1, d2)


def _shifts(x: Tensor, radius: int, dim: int) -> list[Tensor]:
    """First, second, ... member of all windows along a dimension, as views."""
    windows = x.shape[dim] - 2 * radius
    return [x.narrow(dim, shift, windows) for shift in range(2 * radius + 1)]


def _members(x: Tensor, radius: int) -> list[Tensor]:
    """First, second, ... member of all windows, as views: `... H W` -> n of `... H-2r W-2r`."""
    return [m for row in _shifts(x, radius, _ROWS) for m in _shifts(row, radius, _COLUMNS)]


def _sum(x: Tensor, radius: int, dim: int) -> Tensor:
    """Sum over windows along one dimension."""
    return reduce(torch.add, _shifts(x, radius, dim))


def _window_mean(x: Tensor, radius: int) -> Tensor:
    """Mean over each window, `... H W` -> `... H-2r W-2r`."""
    return _sum(_sum(x, radius, _COLUMNS), radius, _ROWS) / (2 * radius + 1) ** 2


def _sum_around(x: Tensor, radius: int) -> Tensor:
    """Sum of the windows that contain each pixel, `... H-2r W-2r` -> `... H W`."""
    padded = F.pad(x, (2 * radius,) * 4)
    return _sum(_sum(padded, radius, _COLUMNS), radius, _ROWS)


def _comoment(u: Tensor, v: Tensor, radius: int) -> Tensor:
    """Sum of (u - mean u) (v - mean v) over each window, `... H W` -> `... H-2r W-2r`.

    The leading dimensions of u and v broadcast.
    """
    in_rows, u_row, v_row = _line_comoment(u, v, radius, _COLUMNS)
    of_rows, _, _ = _line_comoment(u_row, v_row, radius, _ROWS)
    return _sum(in_rows, radius, _ROWS) + (2 * radius + 1) * of_rows


def _line_comoment(u: Tensor, v: Tensor, radius: int, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same over windows along one dimension, with the means of u and v."""
    u_mean, v_mean = (_sum(x, radius, dim) / (2 * radius + 1) for x in (u, v))
    members = zip(_shifts(u, radius, dim), _shifts(v, radius, dim), strict=True)
    return reduce(torch.add, ((a - u_mean) * (b - v_mean) for a, b in members)), u_mean, v_mean
