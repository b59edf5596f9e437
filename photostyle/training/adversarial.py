"""The adversarial phase: a discriminator that learns along, and features that must stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from photostyle.networks import PatchDiscriminator
from photostyle.registry import load_encoder

if TYPE_CHECKING:
    from photostyle.training.config import TrainConfig

RATE = 2e-4
"""Learning rate of the discriminator. It has no restarts: what it learns against never stops."""

CONTENT = 2.0
"""Weight of the content loss. So weighed, its gradient is about 0.4 of the reconstruction loss's
when the phase begins; that of the hinge loss is as large as the latter at weight 1."""


class Adversary:
    """A discriminator with its optimiser, and the encoder behind the content loss.

    The hinge loss (Lim and Ye 2017) has no gradient from patches that are told apart with ease.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        """Start with random weights.

        Args:
            config: The settings; `adversarial` is the weight of the generator's hinge loss.
            device: Where to train.

        Raises:
            ModelError: The encoder's weights are missing.
        """
        self._weight = config.adversarial
        self._device = device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            discriminator = PatchDiscriminator()
            encoder = load_encoder()  # draws weights before it reads them
        self._discriminator = discriminator.to(device)
        self._optimizer = torch.optim.Adam(
            self._discriminator.parameters(), lr=RATE, betas=(0.5, 0.99)
        )
        self._encoder = encoder.to(device)

    def generator_losses(self, restored: Tensor, clean: Tensor) -> dict[str, Tensor]:
        """What the generator is told, besides its reconstruction loss.

        Args:
            restored: `B 3 H W`, the generator's results.
            clean: `B 3 H W`, the photos.

        Returns:
            The weighted losses by name, scalars.
        """
        self._discriminator.requires_grad_(False)
        hinge = -self._discriminator(restored).mean()
        # Convolutions in bfloat16 take half the time.
        with torch.autocast(self._device.type, torch.bfloat16):
            with torch.no_grad():
                wanted = self._encoder(clean)
            found = self._encoder(restored)
        # The finest scale sees little more than pixels do.
        content = torch.stack(
            [F.l1_loss(a.float(), b.float()) for a, b in zip(found[1:], wanted[1:], strict=True)]
        ).mean()
        return {"adversarial": self._weight * hinge, "content": CONTENT * content}

    def discriminator_loss(self, restored: Tensor, clean: Tensor) -> Tensor:
        """What the discriminator is told: photos should score above 1, results below -1.

        Args:
            restored: `B 3 H W`; no gradient goes back to where it comes from.
            clean: `B 3 H W`.

        Returns:
            A scalar.
        """
        self._discriminator.requires_grad_(True)
        of_clean = F.relu(1 - self._discriminator(clean)).mean()
        of_restored = F.relu(1 + self._discriminator(restored.detach())).mean()
        loss: Tensor = of_clean + of_restored
        return loss

    def step(self, loss: Tensor) -> None:
        """Improve the discriminator.

        Args:
            loss: What `discriminator_loss` returned.
        """
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return {
            "discriminator": self._discriminator.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state.

        Args:
            state: What `state` returned.
        """
        self._discriminator.load_state_dict(state["discriminator"])
        self._optimizer.load_state_dict(state["optimizer"])
