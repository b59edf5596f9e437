"""Calibration: every channel of an encoder gets variance 1 over photos."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from photostyle.features.encoder import CHANNELS, SLOPE, Encoder
from photostyle.features.leaves import dead_leaves

if TYPE_CHECKING:
    from collections.abc import Sequence


@torch.no_grad()
def calibrate(encoder: Encoder, photos: Tensor) -> None:
    """Scale each channel to variance 1 over photos; otherwise the encoder computes what it did.

    A channel's scale goes into the weights that make it, and its inverse into those that read it.

    Args:
        encoder: The network, changed in place.
        photos: `B 3 H W` in `[0, 1]`.
    """
    _normalise(encoder, photos, undo=True)


@torch.no_grad()
def random_encoder(
    seed: int = 0,
    photos: Tensor | None = None,
    channels: Sequence[Sequence[int]] = CHANNELS,
) -> Encoder:
    """Make an encoder of random orthogonal filters, each channel with variance 1 over photos.

    The filters of a layer are as different from one another as they can be, and every layer reads
    inputs of variance 1 (Mishkin and Matas 2016). Training starts here and has to get better.

    Args:
        seed: The same seed gives the same weights.
        photos: What to calibrate on, `B 3 H W` in `[0, 1]`. When None, dead leaves; the variance
            over photos is then only of the order of 1, about 4 at the coarsest scale.
        channels: As in `Encoder`.

    Returns:
        The encoder, in evaluation mode.
    """
    random = torch.Generator().manual_seed(seed)
    encoder = Encoder(channels).eval()
    for parameter in encoder.parameters():
        if parameter.dim() == 1:
            nn.init.zeros_(parameter)
        else:
            nn.init.orthogonal_(parameter, math.sqrt(2 / (1 + SLOPE**2)), generator=random)
    _normalise(encoder, dead_leaves(64) if photos is None else photos, undo=False)
    return encoder


def _normalise(encoder: Encoder, photos: Tensor, undo: bool) -> None:
    """Divide each layer's weights by the deviations of its outputs, in one pass over the photos.

    `undo` multiplies the next layer's weights by the same numbers.
    """
    convolutions = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    rectifiers = [layer for layer in encoder.modules() if isinstance(layer, nn.LeakyReLU)]
    following = iter([*convolutions[1:], None])
    producing = iter(convolutions)

    def divide(_: nn.Module, __: tuple[Tensor], output: Tensor) -> Tensor:
        deviation = output.std(dim=(0, 2, 3)).clamp_min(1e-6)
        layer, reader = next(producing), next(following)
        layer.weight.div_(deviation[:, None, None, None])
        if layer.bias is not None:
            layer.bias.div_(deviation)
        if undo and reader is not None:
            reader.weight.mul_(deviation[:, None, None])
        return output / deviation[:, None, None]

    hooks = [rectifier.register_forward_hook(divide) for rectifier in rectifiers]
    try:
        encoder(photos)
    finally:
        for hook in hooks:
            hook.remove()
