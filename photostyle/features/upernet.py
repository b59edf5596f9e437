"""UPerNet on ConvNeXt: what every place of a photo shows, in the 150 classes of ADE20K."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

CLASSES = 150
"""Of ADE20K (Zhou et al. 2017), in the order of its list of the most frequent ones."""

_POOLED = (1, 2, 3, 6)  # cells along each side, of the pyramid's levels
_NORM = 1e-6


class UperNet(nn.Module):
    """A backbone at four scales and a head that brings them together.

    ConvNeXt (Liu et al. 2022, A ConvNet for the 2020s); the coarsest map sees the whole photo by
    pyramid pooling, and is added to the finer ones from the top down (Xiao et al. 2018, Unified
    perceptual parsing). Weights are named as in the files of transformers'
    `UperNetForSemanticSegmentation`, whose auxiliary head, for training alone, is left out.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        widths: Sequence[int] = (96, 192, 384, 768),
        depths: Sequence[int] = (3, 3, 9, 3),
        head: int = 512,
        classes: int = CLASSES,
    ) -> None:
        """Make the network, with PyTorch's default weights; those of ConvNeXt-T unless told.

        Args:
            widths: Channels at 1/4, 1/8, 1/16 and 1/32 of the photo's size.
            depths: Blocks of the backbone at each of these scales.
            head: Channels of the head.
            classes: What it tells apart.
        """
        super().__init__()
        self.backbone = _Backbone(widths, depths)
        self.decode_head = _Head(widths, head, classes)
        # ImageNet's, per channel. No part of the weights: their files do not hold them.
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, photo: Tensor) -> Tensor:
        """Tell what photos show.

        Args:
            photo: `B 3 H W`, sRGB in `[0, 1]`, `H, W >= 32`.

        Returns:
            Logits of the classes, `B K H/4 W/4`, rounded down.
        """
        maps: Tensor = self.decode_head(self.backbone((photo - self.mean) / self.std))
        return maps


class _ChannelNorm(nn.LayerNorm):
    """Layer normalisation of `B C H W` over the channels of each place."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=_NORM)

    def forward(self, x: Tensor) -> Tensor:
        places: Tensor = super().forward(x.permute(0, 2, 3, 1))
        return places.permute(0, 3, 1, 2)


class _Block(nn.Module):
    """Depthwise 7x7 convolution, then two layers at each place, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.layernorm = nn.LayerNorm(width, eps=_NORM)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)
        self.layer_scale_parameter = nn.Parameter(torch.full((width,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        places = self.layernorm(self.dwconv(x).permute(0, 2, 3, 1))
        change = self.pwconv2(F.gelu(self.pwconv1(places)))
        changed: Tensor = x + (self.layer_scale_parameter * change).permute(0, 3, 1, 2)
        return changed


class _Backbone(nn.Module):
    """ConvNeXt, a normalised map at every scale."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {
                "patch_embeddings": nn.Conv2d(3, widths[0], 4, 4),
                "layernorm": _ChannelNorm(widths[0]),
            }
        )
        stages = []
        for before, width, depth in zip((None, *widths), widths, depths, strict=False):
            parts = {"layers": nn.Sequential(*(_Block(width) for _ in range(depth)))}
            if before is not None:
                halving = nn.Conv2d(before, width, 2, 2)
                parts["downsampling_layer"] = nn.Sequential(_ChannelNorm(before), halving)
            stages.append(nn.ModuleDict(parts))
        self.encoder = nn.ModuleDict({"stages": nn.ModuleList(stages)})
        self.hidden_states_norms = nn.ModuleDict(
            {f"stage{i}": _ChannelNorm(width) for i, width in enumerate(widths, 1)}
        )

    def forward(self, photo: Tensor) -> list[Tensor]:
        x = self.embeddings["layernorm"](self.embeddings["patch_embeddings"](photo))
        maps = []
        stages = self.encoder["stages"]
        assert isinstance(stages, nn.ModuleList)  # noqa: S101 - for the type checker
        for stage, norm in zip(stages, self.hidden_states_norms.values(), strict=True):
            assert isinstance(stage, nn.ModuleDict)  # noqa: S101 - for the type checker
            if "downsampling_layer" in stage:
                x = stage["downsampling_layer"](x)
            x = stage["layers"](x)
            maps.append(norm(x))
        return maps


class _Convolution(nn.Sequential):
    """Convolution, batch normalisation, rectifier."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
        self.batch_norm = nn.BatchNorm2d(outputs)
        self.activation = nn.ReLU()


class _Head(nn.Module):
    def __init__(self, widths: Sequence[int], width: int, classes: int) -> None:
        super().__init__()
        *finer, coarsest = widths
        self.psp_modules = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(cells), _Convolution(coarsest, width, 1))
            for cells in _POOLED
        )
        self.bottleneck = _Convolution(coarsest + len(_POOLED) * width, width, 3)
        self.lateral_convs = nn.ModuleList(_Convolution(inputs, width, 1) for inputs in finer)
        self.fpn_convs = nn.ModuleList(_Convolution(width, width, 3) for _ in finer)
        self.fpn_bottleneck = _Convolution(len(widths) * width, width, 3)
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        *finer, coarsest = maps
        pooled = [_resized(level(coarsest), coarsest) for level in self.psp_modules]
        above = self.bottleneck(torch.cat([coarsest, *pooled], 1))
        outputs = [above]
        for x, lateral, smooth in reversed(
            list(zip(finer, self.lateral_convs, self.fpn_convs, strict=True))
        ):
            above = lateral(x) + _resized(above, x)
            outputs.append(smooth(above))
        finest = outputs[-1]
        together = [_resized(x, finest) for x in reversed(outputs)]
        logits: Tensor = self.classifier(self.fpn_bottleneck(torch.cat(together, 1)))
        return logits


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="bilinear")
