"""The repair generator: a plain U-Net that takes noise, blocks or blur out of a photo."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTHS = (32, 64, 128)
"""Channels at 1/2, 1/4 and 1/8 of the photo's size; every 3x3 layer costs the same at each."""

ENCODER_BLOCKS = (1, 2, 3)
DECODER_BLOCKS = (1, 2)
"""Residual blocks at those scales on the way down, and at 1/2 and 1/4 on the way up."""


class RepairGenerator(nn.Module):
    """Predict what to add to a photo, from its surroundings at three scales.

    Pixel-unshuffle by 2 (Shi 2016, Zhang 2018), then residual blocks of two 3x3 convolutions at
    1/2, 1/4 and 1/8, with additive skips between the ways down and up (Zhang 2021, DRUNet). No
    normalisation: statistics of a tile would differ from those of its neighbour and show as a seam.
    42 thousand multiply-adds a pixel with the default widths.
    """

    multiple = 16
    """`forward` pads to multiples of this many pixels."""

    def __init__(
        self,
        widths: Sequence[int] = WIDTHS,
        encoder_blocks: Sequence[int] = ENCODER_BLOCKS,
        decoder_blocks: Sequence[int] = DECODER_BLOCKS,
    ) -> None:
        """Make the network; it starts as the identity.

        Args:
            widths: Channels at each scale.
            encoder_blocks: Residual blocks at each scale on the way down.
            decoder_blocks: Residual blocks on the way up, the coarsest scale excepted.

        Raises:
            ValueError: The lists do not fit together, or hold something else than positive
                integers.
        """
        super().__init__()
        for name, values, length in (
            ("widths", widths, len(widths)),
            ("encoder_blocks", encoder_blocks, len(widths)),
            ("decoder_blocks", decoder_blocks, len(widths) - 1),
        ):
            if len(values) != length or not all(type(v) is int and v > 0 for v in values):
                raise ValueError(f"{name} must be {length} positive integers, not {list(values)}")
        self.head = nn.Conv2d(12, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(map(_blocks, widths, encoder_blocks))
        self.decoder = nn.ModuleList(map(_blocks, widths, decoder_blocks))
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairs)
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(coarse, 4 * fine, 1), nn.PixelShuffle(2))
            for fine, coarse in pairs
        )
        self.tail = nn.Conv2d(widths[0], 12, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        for bias in (layer.bias for layer in self.modules() if isinstance(layer, nn.Conv2d)):
            if bias is not None:
                nn.init.zeros_(bias)

    def forward(self, photo: Tensor) -> Tensor:
        """Repair photos.

        Args:
            photo: `B 3 H W`, sRGB in `[0, 1]`.

        Returns:
            `B 3 H W`, not clipped.
        """
        height, width = photo.shape[2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        padded = F.pad(photo, padding, mode="replicate") if any(padding) else photo
        x = self.head(F.pixel_unshuffle(padded, 2))
        skips: list[Tensor] = []
        for blocks, down in zip(self.encoder, self.down, strict=False):
            x = blocks(x)
            skips.append(x)
            x = down(x)
        x = self.encoder[-1](x)
        for index in reversed(range(len(skips))):
            x = self.decoder[index](self.up[index](x) + skips[index])
        residual: Tensor = F.pixel_shuffle(self.tail(x), 2)
        return photo + residual[:, :, :height, :width]


class Residual(nn.Module):
    """Two 3x3 convolutions, whose result is added to their input, `B width H W`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Add the result, `B width H W`."""
        residual: Tensor = self.second(F.relu(self.first(x), inplace=True))
        return x + residual


def _blocks(width: int, count: int) -> nn.Module:
    return nn.Sequential(*(Residual(width) for _ in range(count)))
