"""Deep photo style transfer (Luan, Paris, Shechtman and Bala 2017), step for step.

Stage 1 is the style transfer of Gatys et al. 2016 with segments, from noise. Stage 2 starts from
its result and adds the matting Laplacian. What local affine maps of the content's colours explain
of that is the final result.

What differs from the authors' code: any weights of VGG-19 will do (see `layer_scales`), the style
gradient is exact (see `LuanObjective`), and the local affine maps are fitted by a guided filter,
which reaches the photo's full size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from photostyle.laplacian import MattingLaplacian
from photostyle.transfers.layer_scales import GREY, layer_scales
from photostyle.transfers.luan_objective import LuanObjective
from photostyle.transfers.pixel_descent import descend
from photostyle.transfers.pixel_look import PixelLook, lift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from photostyle.features import Vgg19
    from photostyle.progress import ProgressCallback
    from photostyle.transfers.config import TransferConfig
    from photostyle.transfers.segments import Segments

    Image = NDArray[np.float32]

_NOISE = 1e-4 / 256  # of the start, around grey


def fit_luan(
    content: Image,
    style: Image,
    segments: Segments,
    config: TransferConfig,
    device: torch.device,
    progress: ProgressCallback,
    network: Vgg19,
) -> PixelLook:
    """Both stages, and the local affine maps.

    Args:
        content: `H W 3` in [0, 1], at the size of the fit.
        style: `h w 3` in [0, 1].
        segments: Which part of the content goes with which part of the style.
        config: Iterations of each stage, and the seed.
        device: Where to compute.
        progress: Called after every step with stage `"style"` or `"photorealism"`.
        network: VGG-19, its weights frozen; moved to the device.

    Returns:
        The look.
    """
    problem = _Problem(content, style, segments, device, network)
    stylised = problem.stylise(config, progress)
    image = descend(
        problem.objective(photorealism=True),
        stylised.clamp(0, 1),
        config.iterations,
        progress,
        "photorealism",
    )
    return lift(content, _picture(image), photographic=True)


def fit_gatys(
    content: Image,
    style: Image,
    segments: Segments,
    config: TransferConfig,
    device: torch.device,
    progress: ProgressCallback,
    network: Vgg19,
) -> PixelLook:
    """Stage 1 alone: the style transfer of Gatys et al. 2016, in segments.

    Arguments and result are those of `fit_luan`.
    """
    problem = _Problem(content, style, segments, device, network)
    image = problem.stylise(config, progress)
    return lift(content, _picture(image), photographic=False)


class _Problem:
    """The photos and segments of a pair as tensors, and the network scaled to them."""

    def __init__(
        self,
        content: Image,
        style: Image,
        segments: Segments,
        device: torch.device,
        network: Vgg19,
    ) -> None:
        self._network = network.to(device)
        self._content, self._style = (_tensor(photo, device) for photo in (content, style))
        self._shares = (
            _one_hot(content, [part.content for part in segments.parts], device),
            _one_hot(style, [part.style for part in segments.parts], device),
        )
        self._scales = layer_scales(network, (self._content, self._style))

    def objective(self, *, photorealism: bool) -> LuanObjective:
        laplacian = MattingLaplacian(self._content[0]) if photorealism else None
        return LuanObjective(
            self._network, self._scales, self._content, self._style, *self._shares, laplacian
        )

    def stylise(self, config: TransferConfig, progress: ProgressCallback) -> Tensor:
        generator = torch.Generator().manual_seed(config.seed)
        noise = torch.randn(self._content.shape, generator=generator).to(self._content)
        start = self._content.new_tensor(GREY).view(3, 1, 1) + _NOISE * noise
        objective = self.objective(photorealism=False)
        return descend(objective, start, config.iterations, progress, "style")


def _tensor(photo: Image, device: torch.device) -> Tensor:
    """`1 3 H W`."""
    return torch.from_numpy(photo).permute(2, 0, 1)[None].contiguous().to(device)


def _picture(image: Tensor) -> Image:
    """`H W 3` in [0, 1]."""
    picture: Image = image[0].clamp(0, 1).permute(1, 2, 0).contiguous().cpu().numpy()
    return picture


def _one_hot(photo: Image, places: Sequence[NDArray[np.intp]], device: torch.device) -> Tensor:
    """`1 M H W`: 1 where a pixel belongs to a segment."""
    shares = np.zeros((len(places), photo[..., 0].size), np.float32)
    for segment, indices in zip(shares, places, strict=True):
        segment[indices] = 1
    return torch.from_numpy(shares.reshape(1, -1, *photo.shape[:2])).to(device)
