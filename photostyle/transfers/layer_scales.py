"""Factors that give the maps of any VGG-19 the size they have in the one of Gatys and Luan.

The weights of their objective (5 for content, 100 for style, 10^4 for photorealism) were chosen for
the Caffe weights of VGG-19, on BGR in [0, 256] less a mean colour. Torchvision's weights take
inputs 58 times smaller and make maps that are smaller too, by another factor in every layer; since
a style loss grows with the fourth power of its map and the photorealism with none, the objective
would become another one. So each map is multiplied by one number, such that the first losses from a
grey start are those that Johnson's implementation, which Luan's is made from, prints with the Caffe
weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from photostyle.losses.gram import segment_grams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from photostyle.features import Vgg19

CONTENT_LAYER = "relu4_2"
"""Where content is compared."""

GRAM_DISTANCES = {
    "relu1_1": 300.21,
    "relu2_1": 7003.5,
    "relu3_1": 1530.3,
    "relu4_1": 124050.0,
    "relu5_1": 6.5686,
}
"""Mean squared difference of Gram matrices between a painting and grey with the Caffe weights: a
hundredth of the style losses at iteration 1 in INSTALL.md of jcjohnson/neural-style. The layers are
those where style is compared."""

CONTENT_DISTANCE = 418240.0
"""Mean squared difference of relu4_2 between a photo and grey, likewise: a fifth of the content
loss."""

GREY = (0.4852, 0.4562, 0.4060)
"""R, G and B of the grey that descents start from: the mean colour that Caffe's inputs lack."""


@torch.no_grad()
def layer_scales(network: Vgg19, photos: Sequence[Tensor]) -> dict[str, float]:
    """Measure by how much the maps of a network are to be multiplied.

    Args:
        network: VGG-19 with any weights.
        photos: The content and the style, `1 3 H W` in [0, 1].

    Returns:
        A factor for every map that is compared: with it the distances from grey, averaged over the
        photos, are `GRAM_DISTANCES` and `CONTENT_DISTANCE`.
    """
    distances = dict.fromkeys((*GRAM_DISTANCES, CONTENT_LAYER), 0.0)
    for photo in photos:
        everywhere = network.segments(torch.ones_like(photo[:, :1]))
        grey = photo.new_tensor(GREY).view(1, 3, 1, 1).expand_as(photo)
        maps, grey_maps = network(photo), network(grey)
        for name in GRAM_DISTANCES:
            grams, grey_grams = (
                segment_grams(m[name], everywhere[name]) for m in (maps, grey_maps)
            )
            distances[name] += float(F.mse_loss(grams, grey_grams)) / len(photos)
        content = F.mse_loss(maps[CONTENT_LAYER], grey_maps[CONTENT_LAYER])
        distances[CONTENT_LAYER] += float(content) / len(photos)
    scales = {
        name: (wanted / max(distances[name], 1e-12)) ** 0.25
        for name, wanted in GRAM_DISTANCES.items()
    }
    return scales | {
        CONTENT_LAYER: (CONTENT_DISTANCE / max(distances[CONTENT_LAYER], 1e-12)) ** 0.5
    }
