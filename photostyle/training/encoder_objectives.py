"""What the encoder is trained for: look-invariant deep features that still hold the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photostyle.training.encoder_photos import Views

BANDS = 8
"""Horizontal bands of a photo that the height loss tells apart."""


class Objective(nn.Module):
    """Four self-supervised losses, read off the features by heads thrown away after training.

    - contrast: a place is recognised in the other view of its photo among all places of all photos
      of the batch, at 1/4 and 1/8 of the size (Wang 2021, Pinheiro 2020).
    - cluster: both views of a place fall into the same of a few dozen clusters that all photos
      share, at 1/8 (SwAV, Caron 2020, for places instead of photos). Contrast alone pushes the sky
      of one photo away from the sky of another; this draws them together.
    - picture: the photo can be read off the features. At 1 and 1/2 as it looks, but free of
      degradations; at 1/4 and 1/8 as it looked before, so its colours must be inferred from what is
      seen.
    - height: how high in its photo a place is, at 1/8. Skies are above, the ground is below.
    """

    def __init__(self, widths: Sequence[int], size: int = 64, clusters: int = 64) -> None:
        """Make the heads.

        Args:
            widths: Channels of the encoder's four feature maps.
            size: Channels of the projections that contrast and cluster compare.
            clusters: How many.
        """
        super().__init__()
        self.quarter = _projection(widths[2], size)
        self.eighth = _projection(widths[3], size)
        self.cluster = _projection(widths[3], size)
        self.prototypes = nn.Linear(size, clusters, bias=False)
        self.height = nn.Linear(widths[3], BANDS)
        self.picture = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, 3 * 4**index, 1), nn.PixelShuffle(2**index))
            for index, width in enumerate(widths)
        )

    def forward(self, maps: Sequence[Tensor], looks: Tensor, views: Views) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            maps: The encoder's features of both views in another look and degraded, first views
                before second ones, `2B C_s S/2^s S/2^s`.
            looks: What it saw before degradation, `2B 3 S S`.
            views: The views as they were.

        Returns:
            The losses by name, scalars.
        """
        points = torch.cat([views.first_points, views.second_points])
        quarter, eighth = (_sample(features, points) for features in maps[2:])
        contrast = contrast_loss(*_halves(self.quarter(quarter)))
        contrast = contrast + contrast_loss(*_halves(self.eighth(eighth)))

        places = F.normalize(self.cluster(eighth), dim=1)
        scores = F.linear(places, F.normalize(self.prototypes.weight, dim=1))

        bands = (views.heights.flatten() * BANDS).long().clamp_max(BANDS - 1)
        height = F.cross_entropy(self.height(eighth), bands.repeat(2))

        before = torch.cat([views.first, views.second])
        targets = (looks, looks, before, before)
        picture = sum(
            (
                F.l1_loss(head(features), target)
                for head, features, target in zip(self.picture, maps, targets, strict=True)
            ),
            start=torch.zeros(()),
        )
        return {
            "contrast": contrast,
            "cluster": cluster_loss(*_halves(scores)),
            "picture": picture,
            "height": height,
        }


def contrast_loss(first: Tensor, second: Tensor, temperature: float = 0.1) -> Tensor:
    """InfoNCE (van den Oord 2018), both ways: row i of one belongs to row i of the other.

    Args:
        first: `N D`.
        second: `N D`.
        temperature: Divides the cosine similarities.

    Returns:
        A scalar, ln N for features that say nothing.
    """
    similarity = F.normalize(first, dim=1) @ F.normalize(second, dim=1).T / temperature
    own = torch.arange(len(first))
    return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2


def cluster_loss(first: Tensor, second: Tensor, temperature: float = 0.1) -> Tensor:
    """Predict the cluster of a place in one view from the other, both ways (Caron 2020).

    Args:
        first: Cosine of each place to each cluster's centre, `N K`.
        second: The same in the other view, `N K`.
        temperature: Divides the cosines.

    Returns:
        A scalar, ln K for features that say nothing.
    """
    forward = F.cross_entropy(first / temperature, balanced_assignment(second))
    backward = F.cross_entropy(second / temperature, balanced_assignment(first))
    return (forward + backward) / 2


@torch.no_grad()
def balanced_assignment(scores: Tensor, sharpness: float = 20.0, rounds: int = 3) -> Tensor:
    """Assign places to clusters softly, each cluster as often as any other (Cuturi 2013).

    Args:
        scores: Cosines, `N K`.
        sharpness: The inverse of the transport problem's entropy weight.
        rounds: Sinkhorn iterations.

    Returns:
        `N K`; rows sum to 1, columns to about N / K.
    """
    shares = torch.exp(sharpness * (scores - scores.max()))
    for _ in range(rounds):
        shares = shares / shares.sum(dim=0, keepdim=True)
        shares = shares / shares.sum(dim=1, keepdim=True)
    return shares


def _projection(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, inputs), nn.ReLU(), nn.Linear(inputs, outputs))


def _sample(features: Tensor, points: Tensor) -> Tensor:
    """Read features, `B C H W`, at points, `B N 2`, into rows, `BN C`."""
    rows = F.grid_sample(features, points[:, None], align_corners=False, padding_mode="border")
    return rows[:, :, 0].permute(0, 2, 1).flatten(0, 1)


def _halves(rows: Tensor) -> tuple[Tensor, Tensor]:
    first, second = rows.chunk(2)
    return first, second
