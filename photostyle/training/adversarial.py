"""The adversary: a discriminator that learns along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from photostyle.networks import PatchDiscriminator

if TYPE_CHECKING:
    from collections.abc import Callable

    from photostyle.training.processes import Processes

RATE = 2e-4
"""Learning rate of the discriminator. It has no restarts: what it learns against never stops."""


def _as_it_is(photos: Tensor) -> Tensor:
    return photos


class Adversary:
    """A discriminator with its optimiser.

    The hinge loss (Lim and Ye 2017) has no gradient from patches that are told apart with ease.
    """

    def __init__(
        self,
        seed: int,
        device: torch.device,
        augment: Callable[[Tensor], Tensor] = _as_it_is,
    ) -> None:
        """Start with random weights.

        Args:
            seed: Of these.
            device: Where to train.
            augment: What befalls photos and results alike before they are judged.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            discriminator = PatchDiscriminator()
        self._augment = augment
        self._discriminator = discriminator.to(device)
        self._optimizer = torch.optim.Adam(
            self._discriminator.parameters(), lr=RATE, betas=(0.5, 0.99)
        )

    def generator_loss(self, results: Tensor) -> Tensor:
        """What the generator is told: results should score high.

        Args:
            results: `B 3 H W`, the generator's.

        Returns:
            A scalar.
        """
        self._discriminator.requires_grad_(False)
        loss: Tensor = -self._discriminator(self._augment(results)).mean()
        return loss

    def loss(self, results: Tensor, photos: Tensor) -> Tensor:
        """What the discriminator is told: photos should score above 1, results below -1.

        Args:
            results: `B 3 H W`; no gradient goes back to where they come from.
            photos: `B 3 H W`.

        Returns:
            A scalar.
        """
        self._discriminator.requires_grad_(True)
        of_photos = F.relu(1 - self._discriminator(self._augment(photos))).mean()
        of_results = F.relu(1 + self._discriminator(self._augment(results.detach()))).mean()
        loss: Tensor = of_photos + of_results
        return loss

    def step(self, loss: Tensor, processes: Processes) -> None:
        """Improve the discriminator.

        Args:
            loss: What `loss` returned.
            processes: Those that learn together.
        """
        self._optimizer.zero_grad()
        loss.backward()
        processes.average(p.grad for p in self._discriminator.parameters() if p.grad is not None)
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
