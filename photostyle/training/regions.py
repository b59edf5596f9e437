"""Regions that two sets of photos have in common: what lies above and is calm, and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNT = 3
"""Regions; of landscapes they become the sky, what stands before it, and the ground."""

CELLS = 16
"""Cells of a region's map along height and along width."""

ROUNDS = 30
"""Rounds of k-means."""

SOFTNESS = 0.5
"""Squared distance, in descriptor units, at which a region's share falls by a factor of e."""


class Regions:
    """Clusters of places by how strongly they are textured, and by their height in the picture.

    Textures are the energies of an encoder's features, relative to those of the whole photo: they
    are much the same by day and by night, where colours are not.
    """

    def __init__(self, sets: Sequence[Sequence[Tensor]], generator: torch.Generator) -> None:
        """Find regions by k-means (Lloyd 1982, Arthur and Vassilvitskii 2007).

        Args:
            sets: For each set of photos the encoder's maps, `B C_s h_s w_s`.
            generator: Source of the first centres, on the CPU.
        """
        places = [descriptors(maps).permute(0, 2, 3, 1).flatten(0, 2) for maps in sets]
        # Each set counts the same, however many photos it has.
        fewest = min(map(len, places))
        points = torch.cat(
            [p[torch.randperm(len(p), generator=generator)[:fewest]] for p in places]
        )
        centres = points[:1]
        while len(centres) < COUNT:
            distances = torch.cdist(points, centres).amin(1).square() + 1e-9
            chosen = torch.multinomial(distances / distances.sum(), 1, generator=generator)
            centres = torch.cat([centres, points[chosen]])
        for _ in range(ROUNDS):
            nearest = torch.cdist(points, centres).argmin(1)
            # An empty region stays where it is.
            centres = torch.stack(
                [
                    points[nearest == k].mean(0) if (nearest == k).any() else centres[k]
                    for k in range(COUNT)
                ]
            )
        self._centres = centres

    def shares(self, maps: Sequence[Tensor]) -> Tensor:
        """How far places belong to each region.

        Args:
            maps: The encoder's maps of photos, `B C_s h_s w_s`.

        Returns:
            `B K 16 16`, summing to 1 over the regions.
        """
        places = descriptors(maps).permute(0, 2, 3, 1)
        distances = torch.cdist(places.flatten(0, 2), self._centres.to(places)).square()
        shares: Tensor = torch.softmax(-distances / SOFTNESS, dim=1)
        return shares.reshape(*places.shape[:3], -1).permute(0, 3, 1, 2)


def descriptors(maps: Sequence[Tensor]) -> Tensor:
    """Describe places by texture and height.

    Args:
        maps: The encoder's maps of photos, `B C_s h_s w_s`; the coarsest one, which knows most
            about where in the picture it is, does not count.

    Returns:
        `B D 16 16`: texture, of mean square 1 a place, and height, of mean square 1.
    """
    energies = []
    for features in maps[:-1]:
        energy = F.adaptive_avg_pool2d(features.float().abs(), CELLS)
        relative = energy / energy.mean((1, 2, 3), keepdim=True).clamp(min=1e-6)
        energies.append((relative / energy.shape[1]).sqrt())
    texture = torch.cat(energies, 1)
    texture = F.avg_pool2d(F.pad(texture, (1, 1, 1, 1), mode="replicate"), 3, 1)
    texture = texture - texture.mean((2, 3), keepdim=True)
    size = texture.square().sum(1, keepdim=True).mean((2, 3), keepdim=True).sqrt()
    texture = texture / size.clamp(min=1e-3)
    rows = (torch.arange(CELLS, device=texture.device) + 0.5) / CELLS - 0.5
    height = (12**0.5 * rows)[None, None, :, None].expand(len(texture), 1, CELLS, CELLS)
    return torch.cat([texture, height], 1)
