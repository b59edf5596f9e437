"""The state of a filter's training on photos degraded on the fly, advanced step by step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from photostyle.errors import TrainingError
from photostyle.networks import RepairGenerator
from photostyle.training.adversarial import Adversary
from photostyle.training.degrade import degrade
from photostyle.training.photos import Pixels, random_patch
from photostyle.training.schedule import warm_restarts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photostyle.training.config import TrainConfig

AVERAGING = 0.999
"""Share of itself that the averaged network keeps in a step."""


TOLERANCE = 0.01
"""Added to the errors there were (2.5 of 255 levels), so that clean photos count finitely."""


class RestorationTrainer:
    """A generator that learns to undo degradations, with its optimiser and its average.

    All randomness of step n comes from the seed and n, so a run that was stopped and resumed ends
    with the same weights as one that was not.
    """

    def __init__(
        self, pyramids: Sequence[Sequence[Pixels]], config: TrainConfig, device: torch.device
    ) -> None:
        """Start a run.

        Args:
            pyramids: The clean photos, as `read_pyramids` returns them.
            config: The settings.
            device: Where to train.

        Raises:
            ModelError: The adversarial phase needs the encoder, whose weights are missing.
        """
        self.steps = 0
        self.snapshots: list[dict[str, Tensor]] = []
        """The averaged weights at the end of each cycle of the learning rate."""
        self._pyramids = pyramids
        self._config = config
        self._device = device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            generator = self._new_generator()
        # Of a module's layouts PyTorch's stubs know none, though `to` takes them.
        self._generator = generator.to(device)
        for parameter in self._generator.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.to(memory_format=torch.channels_last)
        self._average = copy.deepcopy(self._generator).requires_grad_(False)
        self._optimizer = torch.optim.Adam(self._generator.parameters(), betas=(0.9, 0.99))
        self._adversary = Adversary(config, device) if config.adversarial > 0 else None

    def _new_generator(self) -> nn.Module:
        return RepairGenerator()

    def _restored(self, generator: nn.Module, degraded: Tensor) -> Tensor:
        """What a generator makes of degraded examples, `B 3 H W`, not clipped."""
        # Convolutions in bfloat16 take half the time; losses and weights stay float32. Outside of
        # training everything does.
        learning = torch.is_grad_enabled()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=learning):
            restored: Tensor = generator(degraded)
        return restored.float()

    def _loss(self, restored: Tensor, degraded: Tensor, clean: Tensor) -> Tensor:
        """The reconstruction loss, a scalar: see `relative_error`."""
        return relative_error(restored, degraded, clean)

    def examples(self, step: int) -> tuple[Tensor, Tensor]:
        """Make the examples of a step.

        Args:
            step: Its number, from 0.

        Returns:
            Degraded and clean patches, `B 3 S S` each, in `[0, 1]`.
        """
        random = np.random.default_rng([self._config.seed, step])
        clean, degraded = [], []
        for _ in range(self._config.batch):
            clean.append(random_patch(self._pyramids, self._config.size, random))
            degraded.append(degrade(clean[-1], self._config.degrade, random))
        return self._tensor(degraded), self._tensor(clean)

    def _tensor(self, patches: Sequence[np.ndarray[Any, np.dtype[np.float32]]]) -> Tensor:
        batch = torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2)  # channels last already
        return batch.to(self._device, non_blocking=True)

    def step(self) -> dict[str, float]:
        """Take one optimisation step.

        Returns:
            The losses by name.

        Raises:
            TrainingError: A loss or a gradient is not finite; the weights are those before the
                step.
        """
        degraded, clean = self.examples(self.steps)
        restored = self._restored(self._generator, degraded)
        loss = self._loss(restored, degraded, clean)
        losses = {"reconstruction": loss}
        adversary = self._adversary if self._is_adversarial() else None
        if adversary is not None:
            for name, value in adversary.generator_losses(restored, clean).items():
                losses[name] = value
                loss = loss + value
            losses["discriminator"] = adversary.discriminator_loss(restored, clean)
        for name, value in losses.items():
            self._check_finite(f"{name} loss", value)
        self._optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._generator.parameters(), 0.5)
        self._check_finite("gradient", norm)
        if adversary is not None:
            adversary.step(losses["discriminator"])
        factor, cycle_ends = warm_restarts(self.steps, self._config.first_cycle)
        for group in self._optimizer.param_groups:
            group["lr"] = self._config.rate * factor * min(1.0, (self.steps + 1) / 100)
        self._optimizer.step()
        self.steps += 1
        keep = min(AVERAGING, self.steps / (self.steps + 10))
        with torch.no_grad():
            for average, now in zip(
                self._average.parameters(), self._generator.parameters(), strict=True
            ):
                average.lerp_(now, 1 - keep)
        if cycle_ends:
            self.snapshots.append(self.weights())
        return {name: value.item() for name, value in losses.items()}

    def _is_adversarial(self) -> bool:
        """Whether the next step belongs to the adversarial phase, if there is one."""
        return self.steps >= self._config.adversarial_from * self._config.steps

    def _check_finite(self, what: str, value: Tensor) -> None:
        if not torch.isfinite(value):
            raise TrainingError(f"the {what} is {value.item()} at step {self.steps + 1}")

    def repair(self, photos: Tensor, weights: dict[str, Tensor] | None = None) -> Tensor:
        """Apply the averaged generator, for previews and validation.

        Args:
            photos: `B 3 H W` in `[0, 1]`, of the size of the examples.
            weights: Other weights than the averaged ones, such as rounded ones.

        Returns:
            `B 3 H W` in `[0, 1]`, on the CPU.
        """
        generator = self._average
        if weights is not None:
            generator = copy.deepcopy(generator)
            generator.load_state_dict(weights)
        with torch.inference_mode():
            return self._restored(generator, photos.to(self._device)).clamp(0, 1).cpu()

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights, on the CPU."""
        return {name: value.cpu().clone() for name, value in self._average.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs: tensors and numbers in dicts and lists."""
        state = {
            "steps": self.steps,
            "generator": self._generator.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "snapshots": self.snapshots,
        }
        if self._adversary is not None:
            state["adversary"] = self._adversary.state()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from the state of a run with the same photos and settings.

        Args:
            state: What `state` returned.
        """
        self.steps = state["steps"]
        self.snapshots = state["snapshots"]
        self._generator.load_state_dict(state["generator"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._adversary is not None:
            self._adversary.restore(state["adversary"])


def relative_error(restored: Tensor, degraded: Tensor, clean: Tensor) -> Tensor:
    """Mean over examples of the absolute error left, relative to the root of the one there was.

    Plain absolute errors are those of the noisiest examples, and a network trained for them blurs
    the others: photos that were nearly clean come out worse than they went in. Ratios of errors are
    those of the cleanest, and heavy noise is hardly learned. The root stands between.

    Args:
        restored: `B C H W`.
        degraded: `B C H W`.
        clean: `B C H W`.

    Returns:
        A scalar.
    """
    before = (degraded - clean).abs().mean(dim=(1, 2, 3))
    after = (restored - clean).abs().mean(dim=(1, 2, 3))
    return (after / (before + TOLERANCE).sqrt()).mean()
