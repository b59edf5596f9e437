"""Gram matrices of features, segment by segment."""

from __future__ import annotations

import torch
from torch import Tensor


def segment_grams(features: Tensor, shares: Tensor) -> Tensor:
    """Correlations of feature channels inside each segment.

    The augmented Gram matrices of Luan et al. 2017 (Deep photo style transfer), as their code has
    them: `(m F)(m F)^T` over the number of values in F and over the mean of m. That makes them
    independent of the size of the photo and of the segment.

    Args:
        features: `1 C H W`, a map F.
        shares: `1 M H W`, the segments m at its size, in [0, 1].

    Returns:
        `M C C`; zeros for an empty segment.
    """
    flat, masks = features[0].flatten(1), shares[0].flatten(1)
    grams = []
    for mask in masks:  # one after the other: a copy of the map for each would not fit
        masked = flat * mask
        grams.append(masked @ masked.T / (flat.numel() * mask.mean().clamp(min=1e-12)))
    return torch.stack(grams)


def gram_distance(grams: Tensor, target: Tensor, shares: Tensor) -> Tensor:
    """Distance between the Gram matrices of two photos.

    Args:
        grams: `M C C`, of the result.
        target: `M C C`, of the style.
        shares: `1 M H W`, the result's segments at the size of the map.

    Returns:
        Scalar: mean squared difference, summed over segments, each by its mean share.
    """
    differences = (grams - target).square().mean((1, 2))
    distance: Tensor = (shares[0].mean((1, 2)) * differences).sum()
    return distance
