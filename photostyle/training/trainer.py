"""The state of a training run, advanced step by step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from photostyle.errors import TrainingError
from photostyle.training.examples import Ahead
from photostyle.training.processes import Alone, Processes
from photostyle.training.schedule import warm_restarts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from photostyle.training.config import TrainConfig
    from photostyle.training.examples import Examples
    from photostyle.training.family import Family
    from photostyle.training.preview import Measure

AVERAGING = 0.999
"""Share of itself that the averaged network keeps in a step."""

LARGEST_GRADIENT = 0.5
"""Gradients are scaled down to this norm."""


class Objective(Protocol):
    """What a generator is told to become."""

    def losses(
        self, step: int, generator: nn.Module, inputs: Tensor, targets: Tensor
    ) -> dict[str, Tensor]:
        """Judge a generator by examples.

        Args:
            step: Steps done before.
            generator: The generator.
            inputs: `B 3 S S` in `[0, 1]`, what it is applied to.
            targets: `B 3 S S` in `[0, 1]`, what its results are compared with.

        Returns:
            The weighted losses by name, scalars; their sum is to be made small.
        """
        ...

    @property
    def measure(self) -> Measure:
        """What `quality` measures."""
        ...

    def quality(self, photos: Tensor, inputs: Tensor, targets: Tensor) -> float:
        """How good photos are, for previews and for choosing the best.

        Args:
            photos: `B 3 S S` in `[0, 1]`, results or the inputs themselves, on the CPU.
            inputs: `B 3 S S` in `[0, 1]`, what they were made from.
            targets: `B 3 S S` in `[0, 1]`, what they are compared with.
        """
        ...

    def judged(self) -> dict[str, Tensor]:
        """Losses, by name, of whatever else learns along; of the examples judged last."""
        ...

    def learn(self, processes: Processes) -> None:
        """Improve whatever else learns along, by what `judged` returned last.

        Args:
            processes: Those that learn together.
        """
        ...

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        ...


class Trainer:
    """A generator with its examples, its objective, its optimiser and its average.

    All randomness of step n comes from the seed and n, so a run that was stopped and resumed ends
    with the same weights as one that was not.
    """

    def __init__(
        self,
        family: Family,
        examples: Examples,
        objective: Objective,
        config: TrainConfig,
        device: torch.device,
        weights: Mapping[str, Tensor] | None = None,
        processes: Processes | None = None,
    ) -> None:
        """Start a run.

        Args:
            family: What kind of generator learns.
            examples: What it learns from.
            objective: What it shall become.
            config: The settings.
            device: Where to train.
            weights: Of the generator at the start; by default it changes nothing yet.
            processes: Those that learn together; by default there is but this one.
        """
        self.steps = 0
        self.snapshots: list[dict[str, Tensor]] = []
        """The averaged weights at the end of each cycle of the learning rate."""
        self._family = family
        self._ahead = Ahead(examples, config.batch, (processes or Alone()).index)
        self.objective = objective
        """What the generator shall become."""
        self._config = config
        self._device = device
        self._processes = processes or Alone()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            generator = family.generator()
        if weights is not None:
            generator.load_state_dict(weights)
        # Of a module's layouts PyTorch's stubs know none, though `to` takes them.
        self._generator = generator.to(device)
        for parameter in self._generator.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.to(memory_format=torch.channels_last)
        self._average = copy.deepcopy(self._generator).requires_grad_(False)
        self._optimizer = torch.optim.Adam(self._generator.parameters(), betas=(0.9, 0.99))

    def step(self) -> dict[str, float]:
        """Take one optimisation step.

        Returns:
            The losses by name.

        Raises:
            TrainingError: A loss or a gradient is not finite; the weights are those before the
                step.
        """
        config = self._config
        inputs, targets = (
            side.to(self._device, non_blocking=True) for side in self._ahead.batch(self.steps)
        )
        losses = self.objective.losses(self.steps, self._generator, inputs, targets)
        others = self.objective.judged()
        self._check_finite({f"{name} loss": value for name, value in (losses | others).items()})
        self._optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        self._processes.average(p.grad for p in self._generator.parameters() if p.grad is not None)
        norm = torch.nn.utils.clip_grad_norm_(self._generator.parameters(), LARGEST_GRADIENT)
        self._check_finite({"gradient": norm})
        self.objective.learn(self._processes)
        factor, cycle_ends = warm_restarts(self.steps, config.first_cycle)
        for group in self._optimizer.param_groups:
            group["lr"] = config.rate * factor * min(1.0, (self.steps + 1) / 100)
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
        return {name: value.item() for name, value in (losses | others).items()}

    def _check_finite(self, values: Mapping[str, Tensor]) -> None:
        faults = [f"the {what} is {v.item()}" for what, v in values.items() if not v.isfinite()]
        # All processes stop, or those without a fault would wait for the others.
        if self._processes.any(bool(faults)):
            fault = faults[0] if faults else "a loss of another process is not finite"
            raise TrainingError(f"{fault} at step {self.steps + 1}")

    def apply(self, photos: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Apply the averaged generator in full precision, for previews and validation.

        Args:
            photos: `B 3 S S` in `[0, 1]`, of the size of the examples.
            weights: Other weights than the averaged ones, such as rounded ones.

        Returns:
            `B 3 S S` in `[0, 1]`, on the CPU.
        """
        generator = self._average
        if weights is not None:
            generator = copy.deepcopy(generator)
            generator.load_state_dict(weights)
        with torch.inference_mode():
            applied = self._family.apply(generator, photos.to(self._device))
            return applied.photos.clamp(0, 1).cpu()

    @property
    def parameters(self) -> int:
        """How many weights the generator has."""
        return sum(parameter.numel() for parameter in self._average.parameters())

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights, on the CPU."""
        return {name: value.cpu().clone() for name, value in self._average.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs: tensors and numbers in dicts and lists."""
        return {
            "steps": self.steps,
            "generator": self._generator.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "snapshots": self.snapshots,
            "objective": self.objective.state(),
        }

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
        self.objective.restore(state["objective"])
