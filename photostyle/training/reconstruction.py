"""The objective of filters that know what their results should be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from photostyle.registry import load_encoder
from photostyle.training.adversarial import Adversary
from photostyle.training.preview import PSNR

if TYPE_CHECKING:
    from torch import nn

    from photostyle.training.config import TrainConfig
    from photostyle.training.family import Family
    from photostyle.training.processes import Processes

CONTENT = 2.0
"""Weight of the content loss. So weighed, its gradient is about 0.4 of the reconstruction loss's
when the adversarial phase begins; that of the hinge loss is as large as the latter at weight 1."""


class Reconstruction:
    """The reconstruction loss at first; later also a discriminator, and features that must stay."""

    def __init__(self, family: Family, config: TrainConfig, device: torch.device) -> None:
        """Start with a random discriminator, if the settings want one.

        Args:
            family: What kind of generator learns.
            config: The settings.
            device: Where to train.

        Raises:
            ModelError: The adversarial phase needs the encoder, whose weights are missing.
        """
        self._family = family
        self._config = config
        self._device = device
        self._adversary: Adversary | None = None
        self._judged: dict[str, Tensor] = {}
        if config.adversarial > 0:
            self._adversary = Adversary(config.seed, device)
            with torch.random.fork_rng(devices=[]):  # draws weights before it reads them
                self._encoder = load_encoder().to(device)

    def losses(
        self, step: int, generator: nn.Module, inputs: Tensor, targets: Tensor
    ) -> dict[str, Tensor]:
        """Compare results with targets.

        Args:
            step: Steps done before.
            generator: The generator.
            inputs: `B 3 S S` in `[0, 1]`.
            targets: `B 3 S S` in `[0, 1]`.

        Returns:
            The weighted losses by name, scalars.
        """
        # Convolutions in bfloat16 take half the time; losses and weights stay float32.
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._config.amp):
            applied = self._family.apply(generator, inputs)
        losses = {"reconstruction": self._family.reconstruction(applied, inputs, targets)}
        begins = self._config.adversarial_from * self._config.steps
        self._judged = {}
        if self._adversary is not None and step >= begins:
            targets = applied.of(targets)
            hinge = self._adversary.generator_loss(applied.photos)
            losses["adversarial"] = self._config.adversarial * hinge
            losses["content"] = CONTENT * self._content(applied.photos, targets)
            self._judged["discriminator"] = self._adversary.loss(applied.photos, targets)
        return losses

    def _content(self, photos: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._config.amp):
            with torch.no_grad():
                wanted = self._encoder(targets)
            found = self._encoder(photos)
        # The finest scale sees little more than pixels do.
        return torch.stack(
            [F.l1_loss(a.float(), b.float()) for a, b in zip(found[1:], wanted[1:], strict=True)]
        ).mean()

    measure = PSNR

    def quality(self, photos: Tensor, inputs: Tensor, targets: Tensor) -> float:
        """PSNR of photos, the mean over examples whose input is not the target itself.

        Args:
            photos: `B 3 S S` in `[0, 1]`.
            inputs: `B 3 S S` in `[0, 1]`.
            targets: `B 3 S S` in `[0, 1]`.

        Returns:
            In dB; infinite if there are no such examples.
        """
        touched = (inputs != targets).flatten(1).any(dim=1)
        if not touched.any():
            return math.inf
        errors = (photos - targets)[touched].double().square().mean(dim=(1, 2, 3))
        return float((-10 * errors.clamp(min=1e-10).log10()).mean())

    def judged(self) -> dict[str, Tensor]:
        """The discriminator's loss, where there is one yet."""
        return self._judged

    def learn(self, processes: Processes) -> None:
        """Improve the discriminator."""
        if self._adversary is not None and self._judged:
            self._adversary.step(self._judged["discriminator"], processes)

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return {} if self._adversary is None else self._adversary.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        if self._adversary is not None:
            self._adversary.restore(state)
