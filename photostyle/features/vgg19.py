"""VGG-19: the features that style transfer began with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

LAYERS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512)
"""Output channels of the 3x3 convolutions up to conv5_1; 0 is a pooling."""

MAPS = {
    "relu1_1": 1,
    "relu2_1": 6,
    "relu3_1": 11,
    "relu4_1": 20,
    "relu4_2": 22,
    "relu5_1": 29,
}
"""Where in the stack Luan 2017 takes maps; relu4_2 is for content, the others are for style."""

_NAMES = {index: name for name, index in MAPS.items()}


class Vgg19(nn.Module):
    """VGG-19 (Simonyan and Zisserman 2015) up to relu5_1, as photos are compared with it.

    Layers are numbered as in torchvision, `features.0` to `features.29`, so that its weights fit.
    They want RGB in [0, 1], less ImageNet's mean, over its deviation. Gatys 2016 and Luan 2017 used
    the authors' own weights in Caffe: BGR in [0, 255] less a mean colour, not divided. Those were
    trained apart, and their maps are larger, each by a factor of its own: weights of losses do not
    carry over from one to the other.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, layers: Sequence[int] = LAYERS) -> None:
        """Make the network, with PyTorch's default weights.

        Args:
            layers: Output channels, poolings in the places of those of `LAYERS`: VGG-19, or a
                network of its shape that is less wide.

        Raises:
            ValueError: The poolings are elsewhere, or a width is not positive.
        """
        super().__init__()
        if [width > 0 for width in layers] != [width > 0 for width in LAYERS]:
            raise ValueError(f"layers must be {len(LAYERS)} widths with poolings as in VGG-19")
        modules: list[nn.Module] = []
        inputs = 3
        for width in layers:
            if width == 0:
                modules.append(nn.MaxPool2d(2))
            else:
                # In place would overwrite a map that the gradient needs.
                modules += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
                inputs = width
        self.features = nn.Sequential(*modules)
        # ImageNet's, per channel. No part of the weights: files of VGG-19 do not hold them.
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, photo: Tensor) -> dict[str, Tensor]:
        """Compute the features of photos.

        Args:
            photo: `B 3 H W`, sRGB in `[0, 1]`, `H, W >= 16`.

        Returns:
            The maps of `MAPS` by name, `B C_s H_s W_s` with `H_s = floor(H / 2^s)`; `s` is 0 for
            relu1_1 and 4 for relu5_1.
        """
        x = (photo - self.mean) / self.std
        maps: dict[str, Tensor] = {}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in _NAMES:
                maps[_NAMES[index]] = x
        return maps

    def segments(self, shares: Tensor) -> dict[str, Tensor]:
        """Bring the segments of photos to the sizes of the maps.

        Masks go the way of the photo, as Luan 2017 has it: halved by every pooling, and averaged
        over 3x3 places by every convolution, zeros beyond the border. So a place of a map counts
        to a segment by what it has seen of it.

        Args:
            shares: `B M H W`, each pixel's share in the M segments of the photo.

        Returns:
            `B M H_s W_s` for the maps of `MAPS` by name.
        """
        masks: dict[str, Tensor] = {}
        for index, layer in enumerate(self.features):
            if isinstance(layer, nn.MaxPool2d):
                height, width = shares.shape[2:]
                shares = F.interpolate(shares, (height // 2, width // 2), mode="area")
            elif isinstance(layer, nn.Conv2d):
                shares = F.avg_pool2d(shares, 3, stride=1, padding=1)
            if index in _NAMES:
                masks[_NAMES[index]] = shares
        return masks
