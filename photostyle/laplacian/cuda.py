"""The matting Laplacian on NVIDIA GPUs: one fused pass, nothing of a window leaves the registers.

Every sum has a fixed order: equal inputs give equal bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from photostyle.fused import launch
from photostyle.laplacian import cuda_kernels

if TYPE_CHECKING:
    from torch import Tensor

_COLUMNS = 32  # of a program, the outermost two for its neighbours
_CHANNELS = 3  # at once
_STRIPS = 4096  # enough to keep any GPU busy
_SHORTEST, _LONGEST = 8, 64  # rows of a strip
_LARGE = 4_000_000  # pixels: here saving a tenth of the instructions is worth a long compilation
_BLOCK = 256  # pixels of a program, where each pixel is on its own


class CudaBackend:
    """Fused kernels of radius 1 for float32 tensors on an NVIDIA GPU.

    Args:
        guide: `B 3 H W`, float32.
        epsilon: Added to the diagonal of n times every covariance.
        stored: Keep mean and factorised covariance of every window of the guide, 36 bytes a pixel,
            instead of computing them anew in every product.
    """

    def __init__(self, guide: Tensor, epsilon: float, *, stored: bool = False) -> None:
        self._guide = guide.contiguous()
        self._epsilon = epsilon
        self._stored = self._statistics() if stored else None

    def matvec(self, p: Tensor) -> Tensor:
        """L p, `B C H W`."""
        out = torch.empty_like(p, memory_format=torch.contiguous_format)
        self._apply(p, out, energy=False)
        return out

    def energy(self, p: Tensor) -> Tensor:
        """p^T L p of each image, `B`, float64."""
        return self._apply(p, None, energy=True).sum((0, 2, 3), dtype=torch.float64)

    def matvec_and_energy(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Both of the above in one pass."""
        out = torch.empty_like(p, memory_format=torch.contiguous_format)
        parts = self._apply(p, out, energy=True)
        return out, parts.sum((0, 2, 3), dtype=torch.float64)

    def diagonal(self) -> Tensor:
        """Diagonal of L, `B 1 H W`: sum of 1 - (1 + (I_i - m)^T Delta^-1 (I_i - m)) / n."""
        batch, _, height, width = self._guide.shape
        statistics = self._statistics() if self._stored is None else self._stored
        out = torch.empty_like(self._guide[:, :1])
        launch(
            cuda_kernels.diagonal,
            (-(-height * width // _BLOCK), batch),
            self._guide,
            statistics,
            out,
            height,
            width,
            BLOCK=_BLOCK,
        )
        return out

    def _statistics(self) -> Tensor:
        """Mean and factors of the guide's windows, `B 9 H W`, each at its middle pixel."""
        batch, _, height, width = self._guide.shape
        out = self._guide.new_empty(batch, 9, height, width)
        launch(
            cuda_kernels.fit_guide,
            (-(-height * width // _BLOCK), batch),
            self._guide,
            out,
            height,
            width,
            self._epsilon,
            BLOCK=_BLOCK,
        )
        return out

    def _apply(self, p: Tensor, out: Tensor | None, *, energy: bool) -> Tensor:
        """Fill `out` with L p, if given; the parts of p^T L p, `G B Y X`, if wanted."""
        batch, channels, height, width = p.shape
        p = p.contiguous()
        tiles = -(-width // (_COLUMNS - 2))
        rows = min(max(height * tiles * batch // _STRIPS, _SHORTEST), _LONGEST)
        strips = -(-height // rows)
        groups = -(-channels // _CHANNELS)
        parts = p.new_empty(groups, batch, strips, tiles)
        for group in range(groups):
            first = group * _CHANNELS
            launch(
                cuda_kernels.product,
                (tiles, strips, batch),
                self._guide,
                p[:, first:],
                self._guide if self._stored is None else self._stored,
                p if out is None else out[:, first:],
                parts[group],
                channels,
                height,
                width,
                rows,
                self._epsilon,
                warps=1,
                COLUMNS=_COLUMNS,
                CHANNELS=min(_CHANNELS, channels - first),
                STORED=self._stored is not None,
                PRODUCT=out is not None,
                ENERGY=energy,
                UNROLL=2 if height * width >= _LARGE else 1,
            )
        return parts
