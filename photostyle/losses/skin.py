"""Skin stays skin: nobody's face turns blue or green because a style's sky is."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from photostyle.losses.lab import rgb_to_lab

_TURN = math.tan(math.radians(15))
"""How far hue may turn."""

_LEAST, _MOST = 0.65, 1.3
"""How many times as colourful as in the content, relative to its lightness, skin may be."""

_FREE = 2.0
"""Lab units that are not seen."""


class SkinTone:
    """How far the colours of skin leave the hues that skin has in the content.

    Lightness is free; darker skin is less colourful.

    Args:
        content: `H W 3`, sRGB-encoded in [0, 1].
        skin: `H W` in [0, 1], how surely each pixel shows skin.
    """

    def __init__(self, content: Tensor, skin: Tensor) -> None:
        self._places = skin.flatten().nonzero()[:, 0]
        self._weight = skin.flatten()[self._places] / skin.numel()
        lab = rgb_to_lab(content.reshape(-1, 3)[self._places])
        chroma = lab[:, 1:].norm(dim=1).clamp(min=1e-3)
        self._hue = lab[:, 1:] / chroma[:, None]
        self._chroma = chroma / lab[:, 0].clamp(min=10)

    def __call__(self, result: Tensor) -> Tensor:
        """Measure.

        Args:
            result: `H W 3`, of the content's size.

        Returns:
            Scalar: Lab units outside of what skin may become, averaged over the photo.
        """
        lightness, a, b = rgb_to_lab(result.reshape(-1, 3)[self._places]).unbind(1)
        along = a * self._hue[:, 0] + b * self._hue[:, 1]
        aside = (b * self._hue[:, 0] - a * self._hue[:, 1]).abs()
        usual = self._chroma * lightness.detach().clamp(min=0)
        turned = F.relu(aside - _TURN * F.relu(along) - _FREE)
        gaudy = F.relu(along - _MOST * usual - _FREE)
        pale = F.relu(_LEAST * usual - along)
        return (self._weight * (turned + gaudy + pale)).sum()
