"""The objective of looks: photos of one set shall look as if they were of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from photostyle.losses.calm import CalmPlaces
from photostyle.losses.contrast import patch_contrast
from photostyle.losses.photorealism import Photorealism
from photostyle.registry import load_encoder
from photostyle.training.adversarial import Adversary
from photostyle.training.augment import Augmentation
from photostyle.training.palette import Palette
from photostyle.training.preview import COLOURS
from photostyle.training.regions import Regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from photostyle.training.config import TrainConfig
    from photostyle.training.family import Family
    from photostyle.training.photos import Pixels
    from photostyle.training.processes import Processes

SIDE = 128
"""Results are judged at this size; a grid is the same at any."""

POOLED_SIDE = 64
"""Colours of the set that is imitated are collected at this size."""

MOST_POOLED = 2000
"""Photos of each set that regions and colours are taken from."""

PRETRAINING = 0.1
"""Share of the steps in which a generator that starts from nothing learns to undo changes of
exposure: so it gets to know what photos are like."""


@dataclass(frozen=True)
class LookWeights:
    """Weights of the terms, for results in `[0, 1]`."""

    palette: float = 0.01
    """Distance of colours from those of the set, region by region, in Lab units."""

    content: float = 0.05
    """Patchwise contrast of the encoder's features."""

    identity: float = 0.5
    """Change of photos that have the look already; falls to a fifth during the run."""

    photorealism: float = 1.0
    """Share of local variance that no affine colour map explains."""

    calm: float = 1.5
    """Variation invented where the photo is calm, root mean square."""

    gamut: float = 1.0
    """Mean distance outside `[0, 1]`."""

    smoothness: float = 2.0
    """Squared differences between neighbouring cells of a grid."""


class Translation:
    """Adversarial and palette losses towards the set; content, identity and photorealism against.

    One generator and no way back: instead of a cycle (Zhu 2017), contrasts of features hold the
    content (Park 2020), and local affinity holds the photograph (Luan 2017).
    """

    def __init__(
        self,
        family: Family,
        photos: Sequence[Sequence[Pixels]],
        others: Sequence[Sequence[Pixels]],
        config: TrainConfig,
        device: torch.device,
        weights: LookWeights | None = None,
    ) -> None:
        """Find the regions and colours of the sets.

        Args:
            family: What kind of generator learns; one that can be applied at another size.
            photos: What the filter will be applied to, each at several scales.
            others: What its results shall look like.
            config: The settings.
            device: Where to train.
            weights: Those of the terms.

        Raises:
            ModelError: The encoder's weights are missing.
        """
        self._family = family
        self._config = config
        self._device = device
        self._weights = weights or LookWeights()
        self._augmentation = Augmentation()
        self._adversary = Adversary(config.seed, device, self._augmentation)
        with torch.random.fork_rng(devices=[]):  # draws weights before it reads them
            self._encoder = load_encoder().to(device).requires_grad_(False)
        random = torch.Generator().manual_seed(config.seed)
        sets = [_squashed(photos), _squashed(others)]
        maps = [self._maps(side) for side in sets]
        self._regions = Regions(maps, random)
        small = F.avg_pool2d(sets[1], SIDE // POOLED_SIDE)
        self._palette = Palette(small, self._regions.shares(maps[1]), random, device)
        self._judged: dict[str, Tensor] = {}

    @torch.no_grad()
    def _maps(self, photos: Tensor) -> list[Tensor]:
        """The encoder's maps of many photos, on the CPU."""
        batches = [self._encoder(part.to(self._device)) for part in photos.split(16)]
        return [torch.cat(scale).cpu() for scale in zip(*batches, strict=True)]

    def losses(
        self, step: int, generator: nn.Module, inputs: Tensor, targets: Tensor
    ) -> dict[str, Tensor]:
        """Judge results by the set that they shall look like.

        Args:
            step: Steps done before.
            generator: The generator.
            inputs: `B 3 S S` in `[0, 1]`.
            targets: `B 3 S S` in `[0, 1]`: photos that have the look.

        Returns:
            The weighted losses by name, scalars.
        """
        random = torch.Generator().manual_seed(self._config.seed * 1_000_003 + step)
        self._judged = {}
        if not self._config.init and step < PRETRAINING * self._config.steps:
            photos = torch.cat([inputs, targets])[::2]
            applied = self._family.apply(generator, _exposed(photos, random))
            return {"reconstruction": F.l1_loss(applied.photos, photos)}
        self._augmentation.restart(self._config.seed * 1_000_003 + step)
        weights, factor = self._weights, inputs.shape[-1] // SIDE
        contents, wanted = (F.avg_pool2d(side, factor) for side in (inputs, targets))
        applied = self._family.apply(generator, inputs, contents)
        results = applied.photos
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._config.amp):
            with torch.no_grad():
                seen = self._encoder(contents)
            found = self._encoder(results)
        shares = self._regions.shares(seen)
        palette = self._palette.distance(results, shares, random)
        half = max(1, len(targets) // 2)
        same = self._family.apply(generator, targets[:half], wanted[:half])
        fading = 1 - 0.8 * step / self._config.steps
        losses = {
            "palette": weights.palette * palette,
            "content": weights.content * patch_contrast(found[1:], seen[1:], random),
            "identity": weights.identity * fading * F.l1_loss(same.photos, wanted[:half]),
            "photorealism": weights.photorealism * _mean(Photorealism, contents, results),
            "calm": weights.calm * _mean(CalmPlaces, contents, results),
            "gamut": weights.gamut * (F.relu(-results) + F.relu(results - 1)).mean(),
            "smoothness": weights.smoothness * applied.roughness,
        }
        if self._config.adversarial > 0:
            hinge = self._adversary.generator_loss(results)
            losses["adversarial"] = self._config.adversarial * hinge
            self._judged["discriminator"] = self._adversary.loss(results, wanted)
        return losses

    measure = COLOURS

    def quality(self, photos: Tensor, inputs: Tensor, targets: Tensor) -> float:  # noqa: ARG002
        """How far the colours of photos are from the set's.

        Args:
            photos: `B 3 S S` in `[0, 1]`, results or the inputs themselves.
            inputs: `B 3 S S` in `[0, 1]`, what they were made from.
            targets: Not needed: the whole set is.

        Returns:
            Sliced Wasserstein distance in Lab units; the same photos always give the same.
        """
        factor = inputs.shape[-1] // SIDE
        small, contents = (F.avg_pool2d(side, factor).to(self._device) for side in (photos, inputs))
        with torch.no_grad():
            shares = self._regions.shares(self._encoder(contents))
            random = torch.Generator().manual_seed(0)
            return self._palette.distance(small, shares, random, outliers=0).item()

    def judged(self) -> dict[str, Tensor]:
        """The discriminator's loss."""
        return self._judged

    def learn(self, processes: Processes) -> None:
        """Improve the discriminator."""
        if self._judged:
            self._adversary.step(self._judged["discriminator"], processes)

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return self._adversary.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self._adversary.restore(state)


def _mean(term: type[Photorealism] | type[CalmPlaces], contents: Tensor, results: Tensor) -> Tensor:
    """The mean of a term over photos, `B 3 H W` each."""
    values = [
        term(content.permute(1, 2, 0).contiguous())(result.permute(1, 2, 0))
        for content, result in zip(contents, results, strict=True)
    ]
    return torch.stack(values).mean()


def _squashed(photos: Sequence[Sequence[Pixels]]) -> Tensor:
    """Whole photos as small squares, `N 3 128 128` in `[0, 1]`; of very many an even choice."""
    chosen = photos[:: -(-len(photos) // MOST_POOLED)]
    squares = [
        cv2.resize(versions[0], (SIDE, SIDE), interpolation=cv2.INTER_AREA) for versions in chosen
    ]
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255


def _exposed(photos: Tensor, random: torch.Generator) -> Tensor:
    """Photos with other exposure, white balance and contrast, each its own."""
    shape = (len(photos), 1, 1, 1)
    stops = torch.empty(shape).uniform_(-2, 1.5, generator=random)
    balance = torch.empty(len(photos), 3, 1, 1).normal_(0, 0.15, generator=random)
    gamma = torch.empty(shape).normal_(0, 0.2, generator=random).exp2()
    gains = (stops + balance).exp2().to(photos)
    return (photos.clamp(min=1e-4) ** 2.2 * gains).clamp(max=1) ** (gamma.to(photos) / 2.2)
