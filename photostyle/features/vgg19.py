"""VGG-19: the features that style transfer began with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

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


class Vgg19(nn.Module):
    """VGG-19 (Simonyan and Zisserman 2015) up to relu5_1, as photos are compared with it.

    Layers are numbered as in torchvision, `features.0` to `features.29`, so that its weights fit.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        """Make the network, with PyTorch's default weights."""
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for width in LAYERS:
            if width == 0:
                layers.append(nn.MaxPool2d(2))
            else:
                # In place would overwrite a map that the gradient needs.
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
                inputs = width
        self.features = nn.Sequential(*layers)
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
        names = {index: name for name, index in MAPS.items()}
        x = (photo - self.mean) / self.std
        maps: dict[str, Tensor] = {}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in names:
                maps[names[index]] = x
        return maps
