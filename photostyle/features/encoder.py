"""The encoder: a small plain convolutional network that sees a photo at four scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANNELS = ((16,), (48, 48), (96, 96, 96), (160, 160, 160))
"""Output channels of the 3x3 convolutions at 1, 1/2, 1/4 and 1/8 of the photo's size."""

SLOPE = 0.1
"""Slope of the leaky rectifier below zero. Positively homogeneous, so that a channel's scale can be
moved through it into the weights; never flat, so that every channel passes gradients on."""

_MEAN = 0.45
_STD = 0.27


class Encoder(nn.Module):
    """A VGG-like network: 3x3 convolutions, leaky rectifiers, average pooling, nothing else.

    There are no residuals, which flatten the statistics a style loss compares (Wang 2021), and no
    normalisation by the picture's own statistics, which would hide its look. Average pooling gives
    smoother style gradients than maxima do (Gatys 2016). Borders are replicated: zeros would put
    an edge around every photo.
    """

    def __init__(self, channels: Sequence[Sequence[int]] = CHANNELS) -> None:
        """Make the network, with PyTorch's default weights.

        Args:
            channels: For each scale, the output channels of its convolutions. Each scale has half
                the size of the one before.
        """
        super().__init__()
        self.widths = [scale[-1] for scale in channels]
        """Channels of the feature maps that `forward` returns."""
        self.pool = nn.AvgPool2d(2, ceil_mode=True)
        self.scales = nn.ModuleList()
        inputs = 3
        for scale in channels:
            layers: list[nn.Module] = []
            for width in scale:
                layers.append(nn.Conv2d(inputs, width, 3, padding=1, padding_mode="replicate"))
                layers.append(nn.LeakyReLU(SLOPE))
                inputs = width
            self.scales.append(nn.Sequential(*layers))

    def forward(self, photo: Tensor) -> list[Tensor]:
        """Compute the features of photos.

        Args:
            photo: `B 3 H W`, sRGB in `[0, 1]`, `H, W >= 16`.

        Returns:
            One map per scale, `B C_s H_s W_s` with `H_s = ceil(H / 2^s)`: what the last convolution
            of the scale gives after its rectifier. In a calibrated network every channel has
            variance 1 over photos.
        """
        # This layout makes convolutions on the CPU, forward and backward, the fastest.
        x = ((photo - _MEAN) / _STD).contiguous(memory_format=torch.channels_last)
        maps: list[Tensor] = []
        for scale in self.scales:
            x = scale(self.pool(x) if maps else x)
            maps.append(x)
        return maps
