"""Training of the repair of blur: what is left of it, and whether it was recognised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from photostyle.networks import DeconvolutionGenerator
from photostyle.networks.cepstra import windows
from photostyle.networks.wiener import REACH, transfer
from photostyle.training.family import Applied
from photostyle.training.photos import random_patch
from photostyle.training.repair import relative_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from torch import nn

    from photostyle.networks.deconvolution import Sight
    from photostyle.networks.wiener import Blur
    from photostyle.training.examples import Image
    from photostyle.training.photos import Pixels

RECOGNITION = 1.0
"""Weight of what blurring the target by the blur that was found leaves to explain. Through Wiener's
filter alone a network would learn blurs slowly: a wrong one is worse than none."""

PART = 128
"""Pixels a side in the middle of an example that are repaired while learning: to recognise a blur
takes a large one, and to learn what to do about it many."""

PARAMS = {"width": 48, "blocks": 2, "hidden": 192}


@dataclass(frozen=True, slots=True)
class Deblurred(Applied):
    """Deblurred photos."""

    blur: Blur = field(kw_only=True)
    """What was found in them."""


class DeconvolutionFamily:
    """Filters that undo a blur."""

    architecture = "deconvolution"

    def __init__(self, params: Mapping[str, Any] = PARAMS) -> None:
        """Choose a network.

        Args:
            params: What `DeconvolutionGenerator` is built with.
        """
        self.params = params

    def generator(self) -> nn.Module:
        """Make a generator that changes nothing yet."""
        return DeconvolutionGenerator(**self.params)

    def cut(
        self, photos: Sequence[Sequence[Pixels]], size: int, random: np.random.Generator
    ) -> Image:
        """Cut a patch, `size size C`."""
        return random_patch(photos, size, random)

    def apply(self, generator: nn.Module, photos: Tensor, to: Tensor | None = None) -> Deblurred:
        """Deblur photos, `B 3 S S`.

        Raises:
            ValueError: Others shall be changed than those seen.
        """
        if to is not None:
            raise ValueError("a repair changes the photos it sees, and no others")
        sight: Sight = cast("DeconvolutionGenerator", generator).look(windows(photos))
        part = slice(None), slice(None)
        if torch.is_grad_enabled():
            part = _middle(photos.shape[2]), _middle(photos.shape[3])
        repaired = generator(photos[:, :, part[0], part[1]], sight).float()
        return Deblurred(repaired, photos.new_zeros(()), part, blur=sight.blur)

    def reconstruction(self, applied: Applied, inputs: Tensor, targets: Tensor) -> Tensor:
        """The error left, relative to the one there was, and that of the blur found."""
        error = relative_error(applied.photos, applied.of(inputs), applied.of(targets))
        blur = cast("Deblurred", applied).blur
        return error + RECOGNITION * unrecognised(blur, inputs, targets)


def _middle(side: int) -> slice:
    """The middle of a side, as far as it is repaired while learning."""
    start = max(0, (side - PART) // 2)
    return slice(start, start + min(side, PART))


def unrecognised(blur: Blur, blurred: Tensor, sharp: Tensor) -> Tensor:
    """What a blur leaves to explain: the gradients' relative error after it befell a sharp photo.

    Args:
        blur: What was found.
        blurred: `B 3 H W`, the photos it was found in.
        sharp: `B 3 H W`, what they were before.

    Returns:
        A scalar, as `relative_error` has it.
    """
    before, after = (photos.mean(dim=1) for photos in (sharp, blurred))
    size = before.shape[1:]
    # Fourier transforms are many times faster than a convolution, and wrong at the ends alone.
    gain = transfer(blur.kernel.float(), *size)
    again = torch.fft.irfft2(torch.fft.rfft2(before) * gain, s=size)
    inside = slice(REACH, -REACH)
    return relative_error(*(_gradients(luma[:, inside, inside]) for luma in (again, before, after)))


def _gradients(luma: Tensor) -> Tensor:
    """Differences to the pixels on the right and below, `B 2 H-1 W-1`."""
    here = luma[:, :-1, :-1]
    return torch.stack([luma[:, :-1, 1:] - here, luma[:, 1:, :-1] - here], dim=1)
