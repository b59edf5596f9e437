"""The scene parser: says what every place of a photo shows, sky or water, wall or face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photostyle.features.encoder import CHANNELS, SLOPE, Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = (
    "sky",
    "water",
    "trees",
    "grass",
    "rock",
    "earth",
    "building",
    "person",
    "animal",
    "object",
    "indoor wall",
    "indoor floor",
    "furniture",
    "light",
    "background",
)
"""What a place may show: earth is all bare ground, roads and snow with it; light is a lamp or a
window seen from inside; background is what lies plain or blurred behind a subject."""


class SceneParser(nn.Module):
    """An encoder, two coarser scales that see most of the photo, and the way back up.

    What a place shows is seldom to be told from the place alone: a grey surface is sky, water,
    road or wall by what is around it. Half of the parameters are in the two coarsest scales, where
    they cost little time (Ronneberger et al. 2015, U-Net; Zhao et al. 2017, Pyramid scene parsing).
    """

    def __init__(
        self,
        channels: Sequence[Sequence[int]] = CHANNELS,
        context: tuple[int, int] = (128, 192),
        kinds: int = len(KINDS),
        dropout: float = 0.0,
    ) -> None:
        """Make the network, with PyTorch's default weights.

        Args:
            channels: Those of the encoder.
            context: Channels at 1/16 and at 1/32 of the photo's size.
            kinds: What a place may show.
            dropout: Share of the coarsest channels that training leaves out, and of the finest two
                thirds of it.
        """
        super().__init__()
        self.encoder = Encoder(channels)
        self._dropout = dropout
        fine, (middle, coarse) = self.encoder.widths[-1], context
        self.pool = nn.AvgPool2d(2, ceil_mode=True)
        self.down = nn.Sequential(_convolution(fine + 2, middle), _Residual(middle))
        self.bottom = nn.Sequential(_convolution(middle, coarse), _Residual(coarse))
        self.whole = nn.Linear(coarse, coarse, bias=False)
        self.middle = _convolution(coarse + middle, middle, 1)
        self.fine = _convolution(middle + fine, middle, 1)
        self.last = nn.Sequential(_convolution(middle, middle), nn.Conv2d(middle, kinds, 1))

    def forward(self, photo: Tensor) -> Tensor:
        """Say what the places of photos show.

        Args:
            photo: `B 3 H W`, sRGB in `[0, 1]`, `H, W >= 32`.

        Returns:
            `B K h w`, with `h = ceil(H / 8)`: logits of the kinds.
        """
        fine = self.encoder(photo)[-1]
        middle = self.down(self.pool(torch.cat([fine, _position(fine)], 1)))
        coarse = F.dropout2d(self.bottom(self.pool(middle)), self._dropout, self.training)
        coarse = coarse + self.whole(coarse.mean((2, 3)))[..., None, None]
        middle = self.middle(torch.cat([_enlarged(coarse, middle), middle], 1))
        both = torch.cat([_enlarged(middle, fine), fine], 1)
        both = F.dropout2d(both, self._dropout * 2 / 3, self.training)
        logits: Tensor = self.last(self.fine(both))
        return logits


class _Residual(nn.Module):
    """Two convolutions, the second a dilated one, and what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = _convolution(width, width, dilation=2)

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = features + self.second(self.first(features))
        return result


def _convolution(inputs: int, outputs: int, size: int = 3, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (size // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(SLOPE),
    )


def _position(features: Tensor) -> Tensor:
    """`B 2 H W`: height in the photo, and distance from its middle, from -1 to 1."""
    count, _, height, width = features.shape
    y = (torch.arange(height, device=features.device) + 0.5) / height * 2 - 1
    x = (torch.arange(width, device=features.device) + 0.5) / width * 2 - 1
    planes = torch.stack(torch.meshgrid(y, x.abs() * 2 - 1, indexing="ij"))
    return planes.to(features.dtype).expand(count, 2, height, width)


def _enlarged(features: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(features, like.shape[2:], mode="bilinear", align_corners=False)
