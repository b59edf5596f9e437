"""The objective of Luan et al. 2017, as their code has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from photostyle.laplacian import matting_energy
from photostyle.losses.gram import gram_distance, segment_grams
from photostyle.transfers.layer_scales import CONTENT_LAYER, GRAM_DISTANCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from photostyle.features import Vgg19
    from photostyle.laplacian import MattingLaplacian

CONTENT = 5.0
"""Weight of the content: mean squared difference of relu4_2."""

STYLE = 100.0
"""Weight of the style: Gram matrices of relu1_1 to relu5_1, added up."""

PHOTOREALISM = 1e4
"""Weight of the matting Laplacian's energy, lambda in the paper; pixels in [0, 1]."""

NOISE = 1e-3 * 256**2 / 2
"""Weight of the squared differences between neighbouring pixels in [0, 1]. The paper does not
mention them; the code has them, with 1e-3 for pixels in [0, 256]."""


class LuanObjective:
    """Content, style in each segment, and photorealism if wanted.

    The gradient is that of the objective. In this the authors' code differs: its style gradient
    lacks one factor of the mask, which matters at the borders of segments.

    Args:
        network: VGG-19, on the device and in the precision of the photos, its weights frozen.
        scales: What its maps are multiplied by, see `layer_scales`.
        content: `1 3 H W` in [0, 1].
        style: `1 3 h w` in [0, 1].
        content_shares: `1 M H W`, each pixel's share in the M segments.
        style_shares: `1 M h w`, the same for the style.
        laplacian: Of the content; None leaves the photorealism out.
    """

    def __init__(
        self,
        network: Vgg19,
        scales: Mapping[str, float],
        content: Tensor,
        style: Tensor,
        content_shares: Tensor,
        style_shares: Tensor,
        laplacian: MattingLaplacian[Tensor] | None = None,
    ) -> None:
        self._network = network
        self._scales = scales
        self._laplacian = laplacian
        with torch.no_grad():
            self._shares = network.segments(content_shares)
            self._content = self._maps(content)[CONTENT_LAYER]
            shares, maps = network.segments(style_shares), self._maps(style)
            self._style = {
                layer: segment_grams(maps[layer], shares[layer]) for layer in GRAM_DISTANCES
            }

    def __call__(self, image: Tensor) -> Tensor:
        """Value at an image.

        Args:
            image: `1 3 H W`, nominally in [0, 1].

        Returns:
            Scalar.
        """
        maps = self._maps(image)
        total = CONTENT * F.mse_loss(maps[CONTENT_LAYER], self._content)
        for layer, target in self._style.items():
            grams = segment_grams(maps[layer], self._shares[layer])
            total = total + STYLE * gram_distance(grams, target, self._shares[layer])
        total = total + NOISE * (
            image.diff(dim=2).square().sum() + image.diff(dim=3).square().sum()
        )
        if self._laplacian is not None:
            total = total + PHOTOREALISM * matting_energy(image, self._laplacian)
        return total

    def _maps(self, image: Tensor) -> dict[str, Tensor]:
        maps = self._network(image)
        return {name: scale * maps[name] for name, scale in self._scales.items()}
