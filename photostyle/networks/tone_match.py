"""Curves over luma that give photos the tones of a look.

Mean and covariance know nothing of how tones are spread: in a photo that is dark but for a few
lights these would be blown out. A photo that has the tones already stays, and another look can
bring back those that were replaced.
"""

from __future__ import annotations

import torch
from torch import Tensor

from photostyle.affine.luma import LUMA
from photostyle.networks.levels import roughness, shares_of_levels

QUANTILES = 64
"""Quantiles of luma that stand for the tones of a photo."""

LEAST_SLOPE, MOST_SLOPE = 0.5, 1.6
"""Of a curve of tones, as shares of what it was: no tones fall together, no noise is torn apart."""

# Squared differences between neighbouring levels, and squares, against the squared error.
_SMOOTH = 3e-2
_SMALL = 1e-5


def tone_quantiles(photos: Tensor) -> Tensor:
    """Measure tones.

    Args:
        photos: `B 3 H W` in `[0, 1]`.

    Returns:
        `B QUANTILES`, rising: luma that even shares of the pixels stay below.
    """
    luma = torch.einsum("bchw,c->bhw", photos, photos.new_tensor(LUMA)).flatten(1)
    places = (torch.arange(QUANTILES).to(photos) + 0.5) / QUANTILES
    return torch.quantile(luma, places, dim=1).T


def matched_tones(photos: Tensor, straight: Tensor, quantiles: Tensor) -> Tensor:
    """Find the curve that gives photos the tones of a look.

    Args:
        photos: `B 3 H W` in `[0, 1]`.
        straight: `B depth`, what would become of levels of their luma.
        quantiles: `QUANTILES` of the look.

    Returns:
        `B depth`, to become of them instead: a smooth change of slopes, each within `LEAST_SLOPE`
        and `MOST_SLOPE` of what it was.
    """
    depth = straight.shape[1]
    shares = shares_of_levels(tone_quantiles(photos), depth)
    turned = shares.mT / QUANTILES
    penalty = _SMOOTH * roughness(depth) + _SMALL * torch.eye(depth)
    missing = quantiles[:, None] - shares @ straight[..., None]
    added = torch.linalg.solve(turned @ shares + penalty.to(shares), turned @ missing)
    bent = straight + added[..., 0]
    usual = straight.diff(dim=1)
    ends = LEAST_SLOPE * usual, MOST_SLOPE * usual
    steps = bent.diff(dim=1).clamp(torch.minimum(*ends), torch.maximum(*ends))
    curve = torch.cat([torch.zeros_like(straight[:, :1]), steps.cumsum(1)], 1)
    here = shares.mean(1)
    matched: Tensor = curve + ((bent - curve) * here).sum(1, keepdim=True)
    return matched
