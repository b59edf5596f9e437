"""The patch discriminator: it tells photos from results, patch by patch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTHS = (32, 64, 128, 256)
"""Channels after each of the strided convolutions."""

SLOPE = 0.2


class PatchDiscriminator(nn.Module):
    """Score overlapping patches of 78 pixels, each by itself (Isola 2017).

    Spectral normalisation (Miyato 2018) bounds how fast a score may change, so its gradients stay
    useful to a generator. No other normalisation: statistics of the batch would tell patches about
    each other. It sees the picture alone, not what it was made from.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        """Make the network, with PyTorch's default weights.

        Args:
            widths: Channels after each strided convolution; each halves height and width.

        Raises:
            ValueError: They are none, or something else than positive integers.
        """
        super().__init__()
        if not widths or not all(type(width) is int and width > 0 for width in widths):
            raise ValueError(f"widths must be positive integers, not {list(widths)}")
        layers: list[nn.Module] = []
        inputs = 3
        for width in widths:
            layers.append(spectral_norm(nn.Conv2d(inputs, width, 4, stride=2, padding=1)))
            layers.append(nn.LeakyReLU(SLOPE))
            inputs = width
        layers.append(spectral_norm(nn.Conv2d(inputs, 1, 3, padding=1)))
        self.layers = nn.Sequential(*layers)

    def forward(self, photo: Tensor) -> Tensor:
        """Score photos.

        Args:
            photo: `B 3 H W`, sRGB, `H, W >= 2^len(widths)`.

        Returns:
            `B 1 h w`, one score for each patch: high for photos, low for results.
        """
        scores: Tensor = self.layers(2 * photo - 1)
        return scores
