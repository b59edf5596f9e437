"""The content's structure, as an encoder sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Encoder = Callable[[Tensor], Sequence[Tensor]]


class ContentFeatures:
    """Mean angle between the features of a result and those of the content, place by place.

    Directions, not lengths, of features are compared: brightness and contrast change lengths
    first. With an encoder that was taught to see the same in every light this is free to change
    the look, and only the look.

    Args:
        encoder: Takes `1 3 H W` in [0, 1]; returns one `1 C h w` map per scale.
        content: `H W 3` in [0, 1].
        side: Long side in pixels, about, at which the encoder looks.
    """

    def __init__(self, encoder: Encoder, content: Tensor, *, side: int = 176) -> None:
        self._encoder = encoder
        self._factor = max(1, round(max(content.shape[:2]) / side))
        with torch.no_grad():
            self._target = self._directions(content)

    def __call__(self, result: Tensor) -> Tensor:
        """Compare a result with the content.

        Args:
            result: `H W 3`, of the content's size.

        Returns:
            Scalar >= 0: 1 - cosine, averaged over places and scales.
        """
        directions = self._directions(result)
        distances = [
            1 - (ours * theirs).sum(1).mean()
            for ours, theirs in zip(directions, self._target, strict=True)
        ]
        return torch.stack(distances).mean()

    def _directions(self, image: Tensor) -> list[Tensor]:
        small = F.avg_pool2d(image.permute(2, 0, 1)[None], self._factor, ceil_mode=True)
        return [F.normalize(features, dim=1) for features in self._encoder(small)[1:]]
