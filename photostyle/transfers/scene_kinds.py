"""What the places of a photo show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from photostyle.features import SceneParser

if TYPE_CHECKING:
    from torch import Tensor, nn

Image = NDArray[np.float32]

SEEN = 640
"""Largest long side at which photos are looked at."""

_SIZE = 352  # long side of photos that are divided into places
_LEAST = 32  # pixels of a side that a parser looks at
_SIDES = (352, SEEN)  # at which the bundled parser looks: together they see more
_OTHER_SIDES = (512,)  # at which others do: what they have been trained at


def shrunk(photo: Image) -> Image:
    """Bring a photo to the size at which it is divided into places.

    Args:
        photo: `H W 3` in [0, 1].

    Returns:
        A copy of long side 352, or the photo if it is smaller.
    """
    scale = _SIZE / max(photo.shape[:2])
    if scale >= 1:
        return photo
    size = [max(16, round(side * scale)) for side in photo.shape[1::-1]]
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.float32)


def kinds_of_places(photo: Image, parser: nn.Module) -> Image:
    """Say what the places of a photo show.

    Args:
        photo: `H W 3` in [0, 1], of any size; more than `SEEN` pixels of a side are of no use.
        parser: Says it, of the photo and of its mirror image: `SceneParser`, or one of its kind.

    Returns:
        `h w K`, one place for 8 x 8 pixels of `shrunk(photo)`: how likely each kind is; they sum
        to 1.
    """
    small = shrunk(photo)
    size = -(-small.shape[0] // 8), -(-small.shape[1] // 8)
    device = next(parser.parameters()).device
    batch = torch.from_numpy(np.ascontiguousarray(photo)).permute(2, 0, 1)[None].to(device)
    sides = _SIDES if isinstance(parser, SceneParser) else _OTHER_SIDES
    scales = [side / max(_SIZE, *photo.shape[:2]) for side in sides]
    with torch.inference_mode():
        chances = torch.stack([_chances(batch, parser, scale, size) for scale in scales]).mean(0)
    return np.asarray(chances.permute(1, 2, 0).cpu().numpy(), np.float32)


def _chances(photo: Tensor, parser: nn.Module, scale: float, size: tuple[int, int]) -> Tensor:
    """`K h w`: chances of the kinds, by looking at a photo at another scale."""
    wanted = [max(_LEAST, 8 * round(scale * side / 8)) for side in photo.shape[2:]]
    photo = F.interpolate(photo, wanted, mode="bilinear", antialias=True).clamp(0, 1)
    chances = parser(photo).softmax(1) + parser(photo.flip(3)).softmax(1).flip(3)
    result: Tensor = F.interpolate(chances / 2, size, mode="bilinear", antialias=True)[0]
    return result
