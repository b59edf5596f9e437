"""The tone generator: a small network that looks at a thumbnail and writes a bilateral grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

THUMBNAIL = 256
"""Height and width of the thumbnail the network sees; photos are squashed into this square."""

CELLS = 16
"""Cells of the grid along height and along width."""


class ToneGenerator(nn.Module):
    """Predict a bilateral grid of affine colour maps for a photo (Gharbi 2017, HDRNet).

    Four strided convolutions bring the thumbnail to one position per grid cell. Dilated ones, each
    reaching twice as far as the one before, then show every cell its surroundings: what is dark and
    plain is a sky if roofs are below it. One path stays local; another, down to a single vector of
    means and maxima, tells every cell what the whole photo is like. How high up a cell lies is told
    by one coordinate (Liu 2018, CoordConv). The sum of all three gives each cell's maps as an
    addition to the identity.
    """

    def __init__(self, width: int = 16, depth: int = 8, context: int = 0) -> None:
        """Make the network; it starts as the identity.

        Args:
            width: Channels after the first convolution; each following one doubles them.
            depth: Cells of the grid along luma.
            context: Dilated layers, 0 or more. New ones change nothing.

        Raises:
            ValueError: A value is no integer, or too small.
        """
        super().__init__()
        for name, value, least in (
            ("width", width, 1),
            ("depth", depth, 1),
            ("context", context, 0),
        ):
            if type(value) is not int or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")
        self.depth = depth
        inner = 8 * width
        self.encoder = nn.Sequential(
            *_layer(3, width, 2),
            *_layer(width, 2 * width, 2),
            *_layer(2 * width, 4 * width, 2),
            *_layer(4 * width, inner, 2),
        )
        self.context = nn.ModuleList(
            nn.Conv2d(inner, inner, 3, padding=2**step, dilation=2**step)
            for step in range(1, context + 1)
        )
        for weight in self.context.parameters():
            nn.init.zeros_(weight)
        self.local = nn.Sequential(*_layer(inner, inner), nn.Conv2d(inner, inner, 3, padding=1))
        self.overview = nn.Sequential(*_layer(inner, inner, 2), *_layer(inner, inner, 2))
        self.whole = nn.Sequential(
            nn.Linear(2 * inner, inner), nn.ReLU(inplace=True), nn.Linear(inner, inner)
        )
        self.descent = nn.Parameter(torch.zeros(inner))
        self.tail = nn.Conv2d(inner, 12 * depth, 1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, thumbnail: Tensor) -> Tensor:
        """Predict grids.

        Args:
            thumbnail: `B 3 256 256`, sRGB in `[0, 1]`.

        Returns:
            `B 16 16 depth 3 4`, as `affine.slice_apply` takes them.
        """
        x = self.encoder(2 * thumbnail - 1)
        for layer in self.context:
            x = torch.relu(x + layer(x))
        seen = self.overview(x)
        whole = self.whole(torch.cat([seen.mean(dim=(2, 3)), seen.amax(dim=(2, 3))], dim=1))
        down = torch.linspace(-1, 1, x.shape[2], dtype=x.dtype, device=x.device)
        place = self.descent[:, None, None] * down[:, None]
        maps = self.tail(torch.relu(self.local(x) + whole[:, :, None, None] + place))
        grid: Tensor = maps.permute(0, 2, 3, 1).unflatten(3, (self.depth, 3, 4))
        return grid + torch.eye(3, 4, dtype=grid.dtype, device=grid.device)


def _layer(inputs: int, outputs: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ReLU(inplace=True)
