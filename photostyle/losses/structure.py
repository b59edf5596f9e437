"""Edges stay where they were, as strong beside each other as they were."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from photostyle.affine.luma import LUMA
from photostyle.losses.blur import gaussian_blur

_STABILISERS = (0.01, 0.09)


class EdgeStructure:
    """One minus the structural similarity of the edge maps of a content and a result.

    The edge maps are Sobel gradient magnitudes of luma, scaled to unit standard deviation, so that
    a change of overall contrast costs nothing but a lost or an invented edge does. Similarity is
    SSIM in Gaussian windows (Wang et al. 2004, Image quality assessment), sigma 1.5.

    Args:
        content: `H W 3` in [0, 1], at least 6 pixels each way.
    """

    def __init__(self, content: Tensor) -> None:
        self._luma = content.new_tensor(LUMA)
        self._edges = self._edge_map(content)
        self._mean, square = gaussian_blur(torch.stack([self._edges, self._edges.square()]))
        self._variance = square - self._mean.square()

    def __call__(self, result: Tensor) -> Tensor:
        """Compare a result with the content.

        Args:
            result: `H W 3`, of the content's size.

        Returns:
            Scalar in [0, 2]; 0 means the same edges.
        """
        edges = self._edge_map(result)
        moments = torch.stack([edges, edges.square(), self._edges * edges])
        mean, square, product = gaussian_blur(moments)
        variance, covariance = square - mean.square(), product - self._mean * mean
        c1, c2 = _STABILISERS
        similarity = (2 * self._mean * mean + c1) * (2 * covariance + c2)
        norm = (self._mean.square() + mean.square() + c1) * (self._variance + variance + c2)
        lost: Tensor = 1 - (similarity / norm).mean()
        return lost

    def _edge_map(self, image: Tensor) -> Tensor:
        """`H W`."""
        luma = F.pad((image @ self._luma)[None], (1, 1, 1, 1), mode="replicate")[0]
        # Sums of shifted maps are faster than a convolution, on the CPU many times.
        right, down = luma[:, 2:] - luma[:, :-2], luma[2:] - luma[:-2]
        horizontal = right[:-2] + 2 * right[1:-1] + right[2:]
        vertical = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
        magnitude = (horizontal.square() + vertical.square() + 1e-6).sqrt()
        return magnitude / (magnitude.std() + 1e-3)
