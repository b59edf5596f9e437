"""CIE Lab, differentiable."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.950456, 1.0, 1.088754)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB-encoded colours to CIE Lab (D65 white, as OpenCV does).

    Values outside [0, 1] are extended along the linear toe or the power law, so that gradients
    lead back into range.

    Args:
        rgb: `... 3`, nominally in [0, 1].

    Returns:
        `... 3`: L in [0, 100], a and b in about [-128, 127].
    """
    toe = 0.04045
    linear = (rgb / 12.92).where(rgb <= toe, ((rgb.clamp(min=toe) + 0.055) / 1.055) ** 2.4)
    matrix, white = _constants(rgb.device, rgb.dtype)
    xyz = linear @ matrix / white
    knee = 0.008856
    f = (7.787 * xyz + 16 / 116).where(xyz <= knee, xyz.clamp(min=knee) ** (1 / 3))
    x, y, z = f.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


@cache
def _constants(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Matrix and white point where they are needed: a copy to a GPU would make it wait."""
    with torch.inference_mode(False):  # else they would be of no use to autograd later
        matrix = torch.tensor(_XYZ, device=device, dtype=dtype).T
        return matrix, torch.tensor(_WHITE, device=device, dtype=dtype)
