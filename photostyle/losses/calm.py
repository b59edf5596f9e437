"""Nothing is invented where the content is calm: no soft blobs of colour in skies and walls."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class CalmPlaces:
    """Variation that the content's colours do not explain, where the content hardly varies.

    A window an eighth of the picture wide is fitted by one affine function of the content's
    colours, as the matting Laplacian does in tiny ones (He et al. 2010, Fast matting using large
    kernel matting Laplacian matrices). What is left over is invented. Each window counts the more,
    the calmer the content is in it.

    Args:
        content: `H W 3` in [0, 1].
        side: Long side in pixels, about, at which windows are compared.
        window: Width of a window at that size, in pixels.
        ridge: Added to the content's covariance: keeps noise from explaining anything.
    """

    def __init__(
        self, content: Tensor, *, side: int = 176, window: int = 23, ridge: float = 1e-5
    ) -> None:
        self._factor = max(1, round(max(content.shape[:2]) / side))
        self._content = self._shrink(content)
        window = min(window, *self._content.shape[2:])
        self._rows, self._columns = (
            _averages(size, window).to(content) for size in self._content.shape[2:]
        )
        self._mean = self._box(self._content)
        products = self._content[:, :, None] * self._content[:, None]
        squares = self._box(products.flatten(1, 2)).unflatten(1, (3, 3))
        covariance = (squares - self._mean[:, :, None] * self._mean[:, None])[0].permute(2, 3, 0, 1)
        identity = torch.eye(3, dtype=content.dtype, device=content.device)
        self._inverse = torch.linalg.inv(covariance + ridge * identity)
        variation = covariance.diagonal(dim1=-2, dim2=-1).sum(-1)
        calm = variation.quantile(0.25).clamp(min=1e-4)
        self._weight = calm / (calm + variation)
        self._weight = self._weight / self._weight.sum()

    def __call__(self, result: Tensor) -> Tensor:
        """Measure what a result invents.

        Args:
            result: `H W 3`, of the content's size.

        Returns:
            Scalar: unexplained variation, root mean square in units of the values.
        """
        image = self._shrink(result)
        mean = self._box(image)
        variance = (self._box(image.square()) - mean.square())[0]
        products = (self._content[:, :, None] * image[:, None]).flatten(1, 2)
        cross = self._box(products).unflatten(1, (3, 3)) - self._mean[:, :, None] * mean[:, None]
        slope = torch.einsum("yxij,icyx->jcyx", self._inverse, cross[0])
        unexplained = (variance - (slope * cross[0]).sum(0)).clamp(min=0).mean(0)
        invented: Tensor = (self._weight * (unexplained + 1e-8).sqrt()).sum()
        return invented

    def _shrink(self, image: Tensor) -> Tensor:
        return F.avg_pool2d(image.permute(2, 0, 1)[None], self._factor)

    def _box(self, maps: Tensor) -> Tensor:
        """Averages over windows, `1 C H W` -> `1 C h w`."""
        return self._rows @ maps @ self._columns.T


def _averages(size: int, window: int) -> Tensor:
    """`n size`: takes averages over windows along an axis, six windows to a window's width.

    A product of matrices; backwards, too, it is many times faster than pooling on the CPU.
    """
    starts = range(0, size - window + 1, max(1, window // 6))
    averages = torch.zeros(len(starts), size)
    for row, start in zip(averages, starts, strict=True):
        row[start : start + window] = 1 / window
    return averages
