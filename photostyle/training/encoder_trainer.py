"""The state of an encoder's training, advanced step by step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from photostyle.errors import UsageError
from photostyle.features import calibrate, random_encoder
from photostyle.training.encoder_looks import random_degradations, random_looks
from photostyle.training.encoder_objectives import Objective
from photostyle.training.encoder_photos import Scene, random_views

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 10
"""Scenes a step; each is seen twice."""

SIZE = 128
"""Height and width of a view in pixels."""

POINTS = 56
"""Places compared between the two views of a scene."""

RATE = 2e-3
"""Largest learning rate."""

WARM_UP = 200
"""Steps in which the learning rate rises."""

CALIBRATION_VIEWS = 32
CALIBRATION_SIZE = 160
"""Views on which the channels get their variance of 1, and their height and width."""

WEIGHTS = {"contrast": 1.0, "cluster": 1.0, "picture": 1.0, "height": 1.0}
"""How much each loss counts."""


class EncoderTrainer:
    """An encoder, the heads of its losses and their optimiser.

    The learning rate falls with the square root of the steps done, and the weights that come out
    are averages over the last tenth of them, so nothing depends on how long the run will be. All
    randomness of step n comes from the seed and n, so a run that was stopped and resumed ends with
    the same weights as one that was not.
    """

    def __init__(self, scenes: Sequence[Scene], seed: int = 0) -> None:
        """Start a run from random filters.

        Args:
            scenes: The photos, as `random_views` takes them.
            seed: The same seed, scenes and steps give the same weights.
        """
        self.steps = 0
        self._scenes = scenes
        self._seed = seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            random = np.random.default_rng(seed)
            views = random_views(scenes, CALIBRATION_VIEWS, CALIBRATION_SIZE, 1, random)
            self._calibration = views.first
            self._encoder = random_encoder(seed, self._calibration).train()
            self._objective = Objective(self._encoder.widths)
        self._average = copy.deepcopy(self._encoder)
        self._parameters = [*self._encoder.parameters(), *self._objective.parameters()]
        self._optimizer = torch.optim.AdamW(self._parameters, betas=(0.9, 0.98), weight_decay=1e-4)

    def step(self) -> dict[str, float]:
        """Take one optimisation step.

        Returns:
            The losses by name.
        """
        source = np.random.default_rng([self._seed, self.steps])
        random = torch.Generator().manual_seed(int(source.integers(2**62)))
        views = random_views(self._scenes, BATCH, SIZE, POINTS, source)
        looks = random_looks(torch.cat([views.first, views.second]), random)
        # Convolutions in bfloat16 take half the time; losses and weights stay float32.
        with torch.autocast("cpu", torch.bfloat16):
            maps = self._encoder(random_degradations(looks, random))
        losses = self._objective([features.float() for features in maps], looks, views)
        total = torch.stack([WEIGHTS[name] * loss for name, loss in losses.items()]).sum()

        self._optimizer.zero_grad()
        torch.autograd.backward(total)
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        done = self.steps + 1
        for group in self._optimizer.param_groups:
            group["lr"] = RATE * min(done / WARM_UP, (WARM_UP / done) ** 0.5)
        self._optimizer.step()
        self.steps = done
        with torch.no_grad():
            for average, now in zip(
                self._average.parameters(), self._encoder.parameters(), strict=True
            ):
                average.lerp_(now, 10 / (10 + done))
        return {name: loss.item() for name, loss in losses.items()}

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs: tensors and numbers in dicts and lists."""
        return {
            "seed": self._seed,
            "steps": self.steps,
            "encoder": self._encoder.state_dict(),
            "average": self._average.state_dict(),
            "objective": self._objective.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from the state of a run with the same photos.

        Args:
            state: What `state` returned.

        Raises:
            UsageError: That run had another seed.
        """
        if state["seed"] != self._seed:
            raise UsageError(f"the checkpoint has seed {state['seed']}, not {self._seed}")
        self.steps = state["steps"]
        self._encoder.load_state_dict(state["encoder"])
        self._average.load_state_dict(state["average"])
        self._objective.load_state_dict(state["objective"])
        self._optimizer.load_state_dict(state["optimizer"])

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the averaged encoder, calibrated on the photos."""
        encoder = copy.deepcopy(self._average)
        calibrate(encoder, self._calibration)
        return encoder.state_dict()
