"""The objective of looks learned from one photo: others shall look like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from photostyle.errors import UsageError
from photostyle.image.masks import colours_of, decode_labels, names_of
from photostyle.losses.calm import CalmPlaces
from photostyle.losses.lab import rgb_to_lab
from photostyle.losses.photorealism import Photorealism
from photostyle.losses.sliced_wasserstein import random_directions, sorted_distance
from photostyle.losses.structure import EdgeStructure
from photostyle.training.preview import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from photostyle.training.conditional_tone import ConditionalToneFamily
    from photostyle.training.config import TrainConfig
    from photostyle.training.examples import Image
    from photostyle.training.processes import Processes

SAMPLES = 4096
"""Colours compared of each result."""

BANK = 48
"""Directions along which the colours of a style are sorted, once."""

DIRECTIONS = 12
"""Those of them that count in a step: the axes, and others at random."""

OUTLIERS = 0.3
"""Weight of the squared distance beside the plain one, per Lab unit."""


@dataclass(frozen=True)
class ImitationWeights:
    """Weights of the terms, for results in `[0, 1]`."""

    style: float = 0.01
    """Distance of colours from those of the style, in Lab units."""

    cycle: float = 0.9
    """Change of photos that were given the other look and then their own again."""

    itself: float = 1.0
    """Change of photos that have the look already."""

    structure: float = 0.05
    """Edge maps that no longer match."""

    photorealism: float = 1.8
    """Share of local variance that no affine colour map explains."""

    calm: float = 5.0
    """Variation invented where the photo is calm, root mean square."""

    gamut: float = 1.0
    """Mean distance outside `[0, 1]`."""

    smoothness: float = 1000.0
    """Squared differences between neighbouring cells of a grid."""


ALONE = ImitationWeights(photorealism=2.5, calm=4.0, smoothness=20.0)
"""Weights where there is no way back: grids vary in space whatever the network does, for colours
are matched; so what that costs counts for more, and variation itself for little."""


class Imitation:
    """Colours of a style; structure, photorealism and calm of the photo; consistency.

    Of one photo all colours are given by the network's statistics; it learns to keep the photo.
    Of two photos each is the other's style, and two looks are learned: what the one changes the
    other undoes, and what has the look already stays (Yao 2017, Photo style transfer with
    consistency losses). If both have masks, colours are compared segment by segment.
    """

    def __init__(
        self,
        family: ConditionalToneFamily,
        styles: Sequence[Image],
        config: TrainConfig,
        device: torch.device,
        weights: ImitationWeights | None = None,
        masks: Sequence[Image] = (),
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Sort the colours of the styles.

        Args:
            family: What kind of generator learns.
            styles: What the results of the first look shall look like, `h w 3` in `[0, 1]`, and if
                there is a way back, those of the second.
            config: The settings.
            device: Where to train.
            weights: Those of the terms; by default what suits the number of styles.
            masks: Of two styles the masks, `h w 3` in the colours of `PALETTE`, or none. With them
                inputs and targets have six channels: photos, then their masks.
            warn: Told of segments that only one mask has.

        Raises:
            UsageError: The masks have no segment in common.
        """
        self._family = family
        self._config = config
        self._device = device
        self._weights = weights or (ImitationWeights() if len(styles) > 1 else ALONE)
        random = torch.Generator().manual_seed(config.seed)
        self._bank = random_directions(3, BANK, random)
        self._quantiles = [self._sorted(_colours(style)).to(device) for style in styles]
        labels = [decode_labels(mask, mask.shape[:2]).ravel() for mask in masks]
        self._known = sorted({int(label) for each in labels for label in np.unique(each)})
        shared = [n for n in self._known if all((each == n).any() for each in labels)]
        if masks and not shared:
            raise UsageError("the masks have no segment in common: paint both in the same colours")
        if alone := set(self._known).difference(shared):
            warn(f"only one of the masks has {names_of(alone)}: its colours are not compared")
        self._segments = [
            {n: self._sorted(_colours(style)[each == n]).to(device) for n in shared}
            for style, each in zip(styles, labels, strict=False)
        ]

    def _sorted(self, photo: Tensor) -> Tensor:
        """`SAMPLES BANK`: even quantiles of colours, `N 3`, along all directions."""
        colours = rgb_to_lab(photo) @ self._bank
        places = (torch.arange(SAMPLES) + 0.5) / SAMPLES * len(colours)
        return colours.sort(0).values[places.long()]

    def losses(
        self, step: int, generator: nn.Module, inputs: Tensor, targets: Tensor
    ) -> dict[str, Tensor]:
        """Judge results by the photo that they shall look like.

        Args:
            step: Steps done before.
            generator: The generator.
            inputs: `B 3 S S` in `[0, 1]`; with masks `B 6 S S`.
            targets: `B 3 S S` in `[0, 1]`: parts of the style; with masks `B 6 S S`.

        Returns:
            The weighted losses by name, scalars.
        """
        random = torch.Generator().manual_seed(self._config.seed * 1_000_003 + step)
        ways = [(inputs, targets), (targets, inputs)][: len(self._quantiles)]
        totals: dict[str, Tensor] = {}
        for look, (contents, others) in enumerate(ways):
            for name, loss in self._one_way(generator, look, contents, others, random).items():
                weighted = getattr(self._weights, name) * loss / len(ways)
                totals[name] = totals[name] + weighted if name in totals else weighted
        return totals

    def _one_way(
        self,
        generator: nn.Module,
        look: int,
        contents: Tensor,
        others: Tensor,
        random: torch.Generator,
    ) -> dict[str, Tensor]:
        labels = self._labels(contents[:, 3:]) if self._segments else None
        contents, others = contents[:, :3], others[:, :3]
        applied = self._family.apply(generator, torch.cat([contents, others]), look=look)
        results, same = applied.photos.split([len(contents), len(others)])
        losses = {
            "style": self._distance(results, look, random, labels),
            "itself": F.l1_loss(same, others),
            "structure": _mean(EdgeStructure, contents, results),
            "photorealism": _mean(Photorealism, contents, results),
            "calm": _mean(CalmPlaces, contents, results),
            "gamut": (F.relu(-results) + F.relu(results - 1)).mean(),
            "smoothness": applied.roughness,
        }
        if len(self._quantiles) > 1:
            again = self._family.apply(generator, results.clamp(0, 1), look=1 - look).photos
            losses["cycle"] = F.l1_loss(again, contents)
        return losses

    def _labels(self, masks: Tensor) -> Tensor:
        """`B S*S`: the nearest of the colours that masks, `B 3 S S`, are painted in."""
        colours = torch.from_numpy(colours_of(np.array(self._known, np.uint8))).to(masks)
        away = masks.flatten(2)[:, None] - colours[:, :, None]
        nearest = away.square().sum(2).argmin(1)
        return torch.tensor(self._known, device=masks.device)[nearest]

    def _distance(
        self,
        photos: Tensor,
        look: int,
        random: torch.Generator,
        labels: Tensor | None = None,
        outliers: float = OUTLIERS,
    ) -> Tensor:
        """Sliced Wasserstein distance of each photo's colours from the style's, the mean.

        With labels, `B S*S`, those of each segment from the style's, by its share in the photo.
        """
        chosen = torch.arange(DIRECTIONS)
        chosen[3:] = torch.randperm(BANK - 3, generator=random)[: DIRECTIONS - 3] + 3
        directions = self._bank[:, chosen].to(self._device)
        total = photos.new_zeros(())
        for index, photo in enumerate(photos.flatten(2).transpose(1, 2)):
            parts = [(photo, self._quantiles[look])]
            if labels is not None:
                parts = [
                    (photo[labels[index] == n], quantiles)
                    for n, quantiles in self._segments[look].items()
                ]
            for pixels, quantiles in parts:
                samples = min(len(pixels), round(SAMPLES * len(pixels) / len(photo)))
                if samples == 0:
                    continue
                places = torch.randperm(len(pixels), generator=random)[:samples].to(self._device)
                even = (torch.arange(samples) + 0.5) / samples * SAMPLES
                wanted = quantiles[even.long()][:, chosen]
                colours = rgb_to_lab(pixels[places]) @ directions
                distance = sorted_distance(colours, wanted, outliers=outliers)
                total = total + distance * (len(pixels) / len(photo))
        return total / len(photos)

    measure = COLOURS

    def quality(self, photos: Tensor, inputs: Tensor, targets: Tensor) -> float:  # noqa: ARG002
        """How far the colours of photos are from the style's.

        Args:
            photos: `B 3 S S` in `[0, 1]`, results or the inputs themselves.
            inputs: Not needed.
            targets: Not needed: the whole style is.

        Returns:
            Sliced Wasserstein distance in Lab units; the same photos always give the same.
        """
        random = torch.Generator().manual_seed(0)
        return self._distance(photos.to(self._device), 0, random, outliers=0).item()

    def judged(self) -> dict[str, Tensor]:
        """Nothing: nothing else learns along."""
        return {}

    def learn(self, processes: Processes) -> None:
        """Do nothing: nothing else learns along."""

    def state(self) -> dict[str, Any]:
        """Return nothing: random numbers come from the step alone."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Do nothing."""


def _colours(photo: Image) -> Tensor:
    """`h w 3` as `N 3`."""
    return torch.from_numpy(photo).flatten(0, 1)


def _mean(
    term: type[EdgeStructure] | type[Photorealism] | type[CalmPlaces],
    contents: Tensor,
    results: Tensor,
) -> Tensor:
    """The mean of a term over photos, `B 3 H W` each."""
    values = [
        term(content.permute(1, 2, 0).contiguous())(result.permute(1, 2, 0))
        for content, result in zip(contents, results, strict=True)
    ]
    return torch.stack(values).mean()
