"""The texture of the style, as statistics of an encoder's features in each segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Encoder = Callable[[Tensor], Sequence[Tensor]]


class Texture:
    """Distance between the second moments of features of a result and of a style.

    The augmented Gram matrices of Luan et al. 2017 (Deep photo style transfer): features are
    weighted by the segment at every scale, so that sky is compared with sky. Divided by the
    segment's area, a Gram matrix does not depend on how large the segment is.

    Args:
        encoder: Takes `1 3 H W` in [0, 1]; returns one `1 C h w` map per scale, each channel of
            variance about 1 over photos.
        style: `h w 3` in [0, 1].
        style_shares: `h w M`, each pixel's share in the M segments.
        content_shares: `H W M`, the same for the content.
        side: Long side in pixels, about, at which the encoder looks.
    """

    def __init__(
        self,
        encoder: Encoder,
        style: Tensor,
        style_shares: Tensor,
        content_shares: Tensor,
        *,
        side: int = 176,
    ) -> None:
        self._encoder = encoder
        self._factor = max(1, round(max(content_shares.shape[:2]) / side))
        self._shares = content_shares.permute(2, 0, 1)[None]
        self._area = self._shares.mean((0, 2, 3))
        with torch.no_grad():
            self._target = self._moments(style, style_shares.permute(2, 0, 1)[None])

    def __call__(self, result: Tensor) -> Tensor:
        """Compare a result with the style.

        Args:
            result: `H W 3`, of the content's size.

        Returns:
            Scalar >= 0: mean absolute difference of the Gram matrices, averaged over scales,
            segments weighted by their area.
        """
        total = result.new_zeros(())
        for ours, theirs in zip(self._moments(result, self._shares), self._target, strict=True):
            total = total + (self._area * (ours - theirs).abs().mean((1, 2))).sum()
        return total / len(self._target)

    def _moments(self, image: Tensor, shares: Tensor) -> list[Tensor]:
        """`M C C` per scale."""
        moments = []
        small_image = F.avg_pool2d(image.permute(2, 0, 1)[None], self._factor, ceil_mode=True)
        for features in self._encoder(small_image):
            small = F.interpolate(shares, features.shape[2:], mode="bilinear", antialias=True)
            flat, weight = features[0].flatten(1), small[0].flatten(1)
            area = weight.sum(1).clamp(min=1)
            moments.append(
                torch.stack([(flat * w) @ flat.T / a for w, a in zip(weight, area, strict=True)])
            )
        return moments
