"""Affine coefficients fitted in small windows of a small photo, for use at any size.

A guided filter (He et al. 2013, Guided image filtering) expresses a target as a local affine
function of a guide's colours. Its coefficients are smooth, its output is not: so the coefficients
are what is enlarged, and the full-size guide brings back every edge (He and Sun 2015, Fast guided
filter).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from photostyle.affine.lift_cpu import Array, apply_field

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class AffineField:
    """Affine functions of colour, one per pixel of a small photo."""

    coefficients: Array
    """`h w C 4` float32: channel c is the product with `[R, G, B, 1]`."""

    def apply(self, image: Array, *, first: int = 0, height: int | None = None) -> Array:
        """Evaluate the field at the pixels of a photo of any size.

        Args:
            image: `H W 3`: rows `first` to `first + H` of the photo.
            first: Index of the image's first row within the photo.
            height: Height of the photo in pixels; that of the image when None.

        Returns:
            `H W C`, not clipped: coefficients interpolated bilinearly, then applied.
        """
        return apply_field(image, self.coefficients, first, height or len(image))


def fit_affine(guide: Array, target: Array, *, radius: int, epsilon: float) -> AffineField:
    """Fit the target by affine functions of the guide's colours in every window.

    Args:
        guide: `H W 3` in [0, 1].
        target: `H W C`.
        radius: Window radius in pixels; windows are `2 radius + 1` wide, mirrored at the border.
        epsilon: Ridge on the guide's covariance, in squared units of the guide: colour
            differences well below its root explain nothing.

    Returns:
        The field, averaged over the windows that contain each pixel.
    """
    mean = _box(guide, radius)
    covariance = np.empty((*guide.shape[:2], 3, 3))
    for i in range(3):
        products = _box(guide * guide[..., i : i + 1], radius)
        covariance[..., i] = products - mean * mean[..., i : i + 1]
    inverse = np.linalg.inv(covariance + epsilon * np.eye(3))
    fields = []
    for channel in np.moveaxis(target, -1, 0):
        mean_target = _box(channel, radius)
        cross = _box(guide * channel[..., None], radius) - mean * mean_target[..., None]
        slope = (inverse @ cross[..., None])[..., 0]
        offset = mean_target - (slope * mean).sum(-1)
        fields.append(_box(np.concatenate([slope, offset[..., None]], -1), radius))
    return AffineField(np.stack(fields, -2).astype(np.float32))


def _box(values: NDArray[np.floating], radius: int) -> NDArray[np.float64]:
    side = 2 * radius + 1
    mean = cv2.blur(values.astype(np.float64), (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(mean, np.float64)
