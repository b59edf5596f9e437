"""Edges stay where they were, as strong beside each other as they were."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)
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
        horizontal = content.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
        self._sobel = torch.stack([horizontal, horizontal.T])[:, None]
        window = torch.exp(-((torch.arange(11, device=content.device) - 5.0) ** 2) / 4.5)
        self._window = (window / window.sum()).to(content.dtype)
        self._edges = self._edge_map(content)
        self._mean = self._blur(self._edges)
        self._variance = self._blur(self._edges.square()) - self._mean.square()

    def __call__(self, result: Tensor) -> Tensor:
        """Compare a result with the content.

        Args:
            result: `H W 3`, of the content's size.

        Returns:
            Scalar in [0, 2]; 0 means the same edges.
        """
        edges = self._edge_map(result)
        moments = self._blur(torch.cat([edges, edges.square(), self._edges * edges], 1))
        mean, square, product = moments[:, :1], moments[:, 1:2], moments[:, 2:]
        variance, covariance = square - mean.square(), product - self._mean * mean
        c1, c2 = _STABILISERS
        similarity = (2 * self._mean * mean + c1) * (2 * covariance + c2)
        norm = (self._mean.square() + mean.square() + c1) * (self._variance + variance + c2)
        lost: Tensor = 1 - (similarity / norm).mean()
        return lost

    def _edge_map(self, image: Tensor) -> Tensor:
        luma = (image @ image.new_tensor(_LUMA))[None, None]
        gradient = F.conv2d(F.pad(luma, (1, 1, 1, 1), mode="replicate"), self._sobel)
        magnitude = (gradient.square().sum(1, keepdim=True) + 1e-6).sqrt()
        return magnitude / (magnitude.std() + 1e-3)

    def _blur(self, maps: Tensor) -> Tensor:
        channels = maps.shape[1]
        kernel = self._window.expand(channels, 1, 1, 11)
        maps = F.conv2d(F.pad(maps, (5, 5, 0, 0), mode="replicate"), kernel, groups=channels)
        maps = F.pad(maps, (0, 0, 5, 5), mode="replicate")
        return F.conv2d(maps, kernel.transpose(2, 3), groups=channels)
