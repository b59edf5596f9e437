"""UPerNet as a scene parser: the 150 classes of ADE20K, put together to a parser's kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photostyle.features.scene_parser import KINDS
from photostyle.features.upernet import CLASSES

if TYPE_CHECKING:
    from photostyle.features.upernet import UperNet

CLASSES_OF = {
    "sky": (2,),
    "water": (21, 26, 60, 104, 109, 113, 128),
    "trees": (4, 17, 66, 72),
    "grass": (9, 29),
    "rock": (16, 34, 68),
    "earth": (6, 11, 13, 46, 52, 53, 54, 59, 91, 94, 101, 121, 140),
    "building": (1, 25, 32, 38, 40, 42, 48, 51, 61, 79, 84, 86, 88, 95, 96, 106, 114),
    "person": (12, 92),
    "animal": (126,),
    "indoor wall": (0, 5, 14, 18, 58, 63),
    "indoor floor": (3, 28),
    "furniture": (
        7, 10, 15, 19, 23, 24, 30, 31, 33, 35, 37, 39, 44, 45, 47, 49, 50, 56, 57, 62, 64, 65, 69,
        70, 71, 73, 75, 77, 97, 99, 107, 110, 117, 118, 129, 131, 133, 145, 146,
    ),
    "light": (8, 36, 82, 85, 87, 134),
}  # fmt: skip
"""Classes of ADE20K by kind; what is left is objects."""


class AdeKinds(nn.Module):
    """Says what places of photos show, as a scene parser does."""

    kinds: Tensor

    def __init__(self, network: UperNet) -> None:
        """Wrap a network.

        Args:
            network: Trained on ADE20K.
        """
        super().__init__()
        self.network = network
        kinds = torch.full((CLASSES,), KINDS.index("object"))
        for name, classes in CLASSES_OF.items():
            kinds[list(classes)] = KINDS.index(name)
        self.register_buffer("kinds", kinds, persistent=False)

    def forward(self, photo: Tensor) -> Tensor:
        """Say what the places of photos show.

        Args:
            photo: `B 3 H W`, sRGB in `[0, 1]`, `H, W >= 32`.

        Returns:
            `B K h w`, with `h = ceil(H / 8)`: logarithms of how likely the kinds are.
        """
        size = [-(-side // 8) for side in photo.shape[2:]]
        chances = self.network(photo).softmax(1)
        shares = chances.new_zeros(len(photo), len(KINDS), *chances.shape[2:])
        shares.index_add_(1, self.kinds, chances)
        return F.interpolate(shares, size, mode="bilinear", antialias=True).clamp_min(1e-6).log()
