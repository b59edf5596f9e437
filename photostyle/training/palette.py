"""The colours of a set of photos, region by region."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from photostyle.losses.lab import rgb_to_lab
from photostyle.losses.sliced_wasserstein import random_directions, sorted_distance

SAMPLES = 1024
"""Colours compared in each region."""

SAMPLES_ALONE = 128
"""Colours compared in each region of each photo."""

TOGETHER = 0.5
"""Share of the distance of all results together; the rest is that of each by itself."""

POOL = 50_000
"""Colours of the set that are kept for each region."""

BANK = 32
"""Directions along which they are sorted, once."""

DIRECTIONS = 12
"""Those of them that count in a step: the axes, and others at random."""

OUTLIERS = 0.3
"""Weight of the squared distance beside the plain one, per Lab unit."""


class Palette:
    """Distance of results' colours from those of a set of photos, in regions they both have.

    All results of a step are compared together, so that a snow field may stay brighter than a wood;
    and each by itself, so that no photo keeps out of it.
    """

    def __init__(
        self, photos: Tensor, shares: Tensor, generator: torch.Generator, device: torch.device
    ) -> None:
        """Collect the colours of a set.

        Args:
            photos: `N 3 H W` in `[0, 1]`, on the CPU; less than 2^24 pixels in all.
            shares: `N K h w`, how far places belong to each region (`Regions.shares`).
            generator: Source of all random numbers, on the CPU.
            device: Where results will be.
        """
        self._bank = random_directions(3, BANK, generator)
        colours = rgb_to_lab(photos.permute(0, 2, 3, 1)).flatten(0, 2)
        weights = _at(shares, photos)
        self._quantiles = []
        for share in weights:
            chosen = torch.multinomial(share, POOL, replacement=True, generator=generator)
            ordered = (colours[chosen] @ self._bank).sort(0).values
            self._quantiles.append(ordered[POOL // SAMPLES // 2 :: POOL // SAMPLES][:SAMPLES])
        self._quantiles = [quantiles.to(device) for quantiles in self._quantiles]
        self._device = device

    def distance(
        self,
        results: Tensor,
        shares: Tensor,
        generator: torch.Generator,
        outliers: float = OUTLIERS,
    ) -> Tensor:
        """Compare results with the set.

        Args:
            results: `B 3 H W`, nominally in `[0, 1]`.
            shares: `B K h w`, of the photos that the results were made from.
            generator: Source of all random numbers, on the CPU.
            outliers: Weight of the squared distance beside the plain one.

        Returns:
            Scalar, in Lab units: the sliced Wasserstein distance, averaged over regions by their
            share in the results.
        """
        chosen = torch.arange(DIRECTIONS)
        chosen[3:] = torch.randperm(BANK - 3, generator=generator)[: DIRECTIONS - 3] + 3
        directions, chosen = self._bank[:, chosen].to(self._device), chosen.to(self._device)
        flat = results.permute(0, 2, 3, 1).flatten(0, 2)
        total = results.new_zeros(())
        for share, quantiles in zip(_at(shares, results).cpu(), self._quantiles, strict=True):
            wanted = quantiles[:, chosen]
            together = torch.multinomial(share, SAMPLES, replacement=True, generator=generator)
            colours = rgb_to_lab(flat[together.to(self._device)])
            apart = sorted_distance(colours @ directions, wanted, outliers=outliers)
            each = share.reshape(len(results), -1) + 1e-6
            alone = torch.multinomial(each, SAMPLES_ALONE, replacement=True, generator=generator)
            first = torch.arange(len(results))[:, None] * each.shape[1]
            colours = rgb_to_lab(flat[(alone + first).to(self._device)])
            step = SAMPLES // SAMPLES_ALONE
            projected = (colours @ directions).sort(1).values
            # A photo counts as much as it has of the region.
            weights = each.mean(1) / each.mean()
            gaps = (projected - wanted[step // 2 :: step]).abs().mean((1, 2))
            own = (weights.to(gaps) * gaps).mean()
            total = total + share.mean().item() * (TOGETHER * apart + (1 - TOGETHER) * own)
        return total


def _at(shares: Tensor, photos: Tensor) -> Tensor:
    """Shares at each pixel of photos, `K N*H*W`."""
    large = F.interpolate(shares.float(), photos.shape[2:], mode="bilinear")
    return large.permute(1, 0, 2, 3).flatten(1)
