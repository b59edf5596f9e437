"""The trainer: its arithmetic, step by step, and that nothing else changes it."""

from __future__ import annotations

import copy
import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from photostyle.errors import TrainingError
from photostyle.features import dead_leaves
from photostyle.networks import RepairGenerator
from photostyle.training.config import TrainConfig
from photostyle.training.degrade import degrade
from photostyle.training.examples import Examples, Image, degraded
from photostyle.training.photos import Pixels, random_patch
from photostyle.training.reconstruction import Reconstruction
from photostyle.training.repair import RepairFamily, relative_error
from photostyle.training.schedule import warm_restarts
from photostyle.training.trainer import AVERAGING, LARGEST_GRADIENT, Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from photostyle.training.processes import Processes

CPU = torch.device("cpu")
CONFIG = TrainConfig(steps=12, first_cycle=2, batch=2, size=32, seed=5)
SMALL: dict[str, Any] = {"widths": [8, 8], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
PHOTOS: list[list[Pixels]] = [
    [(255 * leaf.permute(1, 2, 0).numpy()).astype(np.uint8)] for leaf in dead_leaves(3, 48)
]


def cut(photos: Any, random: np.random.Generator) -> Image:
    return random_patch(photos, CONFIG.size, random)


def make(config: TrainConfig = CONFIG, weights: Mapping[str, Tensor] | None = None) -> Trainer:
    family = RepairFamily(SMALL)
    examples = Examples(degraded(PHOTOS, cut, config.degrade), config.seed)
    return Trainer(family, examples, Reconstruction(family, config, CPU), config, CPU, weights)


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def reference(steps: int, *, amp: bool = True) -> dict[str, Tensor]:
    """The same run, written down plainly."""
    torch.manual_seed(CONFIG.seed)
    generator: nn.Module = RepairGenerator(**SMALL).to(memory_format=torch.channels_last)
    average = copy.deepcopy(generator)
    optimizer = torch.optim.Adam(generator.parameters(), betas=(0.9, 0.99))
    for step in range(steps):
        random = np.random.default_rng([CONFIG.seed, step])
        pairs = []
        for _ in range(CONFIG.batch):
            clean = random_patch(PHOTOS, CONFIG.size, random)
            pairs.append((degrade(clean, CONFIG.degrade, random), clean))
        inputs, targets = (
            torch.from_numpy(np.stack(side)).permute(0, 3, 1, 2)
            for side in zip(*pairs, strict=True)
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            restored = generator(inputs)
        loss = relative_error(restored.float(), inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(generator.parameters(), LARGEST_GRADIENT)
        for group in optimizer.param_groups:
            factor = warm_restarts(step, CONFIG.first_cycle)[0]
            group["lr"] = CONFIG.rate * factor * min(1.0, (step + 1) / 100)
        optimizer.step()
        keep = min(AVERAGING, (step + 1) / (step + 11))
        with torch.no_grad():
            for old, new in zip(average.parameters(), generator.parameters(), strict=True):
                old.lerp_(new, 1 - keep)
    return average.state_dict()


def test_a_run_is_bit_for_bit_the_reference() -> None:
    trainer = make()
    for _ in range(8):
        assert trainer.step().keys() == {"reconstruction"}
    assert same(trainer.weights(), reference(8))
    assert not same(trainer.weights(), reference(7))


def test_without_bfloat16_all_is_float32() -> None:
    trainer = make(replace(CONFIG, amp=False))
    for _ in range(3):
        trainer.step()
    assert same(trainer.weights(), reference(3, amp=False))
    assert not same(trainer.weights(), reference(3))


def test_it_starts_with_the_weights_it_is_given() -> None:
    torch.manual_seed(99)
    given = RepairGenerator(**SMALL)
    nn.init.normal_(given.tail.weight, std=0.1)
    trainer = make(weights=given.state_dict())
    assert same(trainer.weights(), given.state_dict())
    photos = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert (trainer.apply(photos) - given(photos).clamp(0, 1)).abs().max() < 1e-6
    trainer.step()
    assert not same(trainer.weights(), given.state_dict())
    # Without any, photos stay as they are.
    assert torch.equal(make().apply(photos), photos)


def test_the_adversarial_phase_changes_nothing_before_it_begins() -> None:
    plain, adversarial = make(), make(replace(CONFIG, adversarial=0.1, adversarial_from=0.25))
    for _ in range(3):
        plain.step()
        assert adversarial.step().keys() == {"reconstruction"}
    assert same(plain.weights(), adversarial.weights())
    plain.step()
    names = {"reconstruction", "adversarial", "content", "discriminator"}
    assert adversarial.step().keys() == names
    assert not same(plain.weights(), adversarial.weights())


def test_nobody_elses_random_numbers_are_used_up() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    trainer = make(replace(CONFIG, adversarial=0.1, adversarial_from=0))
    trainer.step()
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("adversarial", [0.0, 0.1])
def test_a_resumed_run_ends_with_the_same_weights(adversarial: float) -> None:
    config = replace(CONFIG, adversarial=adversarial, adversarial_from=0.2)
    straight, stopped, resumed = make(config), make(config), make(config)
    for _ in range(7):
        straight.step()
    for _ in range(4):
        stopped.step()
    buffer = io.BytesIO()
    torch.save(stopped.state(), buffer)
    buffer.seek(0)
    resumed.restore(torch.load(buffer, weights_only=True))
    assert resumed.steps == 4
    for _ in range(3):
        resumed.step()
    assert same(resumed.weights(), straight.weights())
    assert len(resumed.snapshots) == len(straight.snapshots) == 2
    for first, second in zip(resumed.snapshots, straight.snapshots, strict=True):
        assert same(first, second)


def test_a_snapshot_is_taken_at_the_end_of_each_cycle() -> None:
    trainer = make()
    for step in range(1, 7):
        trainer.step()
        assert len(trainer.snapshots) == (step >= 2) + (step >= 6)
    assert same(trainer.snapshots[-1], trainer.weights())
    assert not same(trainer.snapshots[0], trainer.weights())


class Recorder:
    """An objective that notes when it is asked for what, and what it is given."""

    def __init__(self, events: list[str]) -> None:
        self.events = events
        self.broken: Callable[[Tensor], Tensor] = lambda loss: loss
        self.other = 3.0
        self.learnt = 0

    def losses(
        self, step: int, generator: nn.Module, inputs: Tensor, targets: Tensor
    ) -> dict[str, Tensor]:
        self.events.append(f"losses {step}")
        loss = (generator(inputs) - targets).square().mean()
        return {"near": self.broken(loss), "far": 0.5 * loss}

    def judged(self) -> dict[str, Tensor]:
        self.events.append("judged")
        return {"critic": torch.tensor(self.other)}

    def learn(self, processes: Processes) -> None:
        assert processes.index == 0
        self.events.append("learn")
        self.learnt += 1

    def state(self) -> dict[str, Any]:
        return {"learnt": self.learnt}

    def restore(self, state: dict[str, Any]) -> None:
        self.learnt = state["learnt"]


def recorded(config: TrainConfig = CONFIG) -> tuple[Trainer, Recorder]:
    recorder = Recorder([])
    examples = Examples(degraded(PHOTOS, cut, config.degrade), config.seed)
    return Trainer(RepairFamily(SMALL), examples, recorder, config, CPU), recorder  # type: ignore[arg-type]


def test_what_learns_along_learns_once_a_step_and_does_not_count() -> None:
    trainer, recorder = recorded()
    losses = trainer.step()
    assert list(losses) == ["near", "far", "critic"]
    assert losses["critic"] == 3
    assert losses["far"] == pytest.approx(losses["near"] / 2)
    assert recorder.events == ["losses 0", "judged", "learn"]
    # Its value is of no importance to the generator.
    other, critical = recorded()
    critical.other = 1e6
    other.step()
    assert same(trainer.weights(), other.weights())


def test_the_objective_is_part_of_the_state() -> None:
    trainer, recorder = recorded()
    trainer.step()
    trainer.step()
    again, fresh = recorded()
    again.restore(trainer.state())
    assert (fresh.learnt, recorder.learnt) == (2, 2)
    again.step()
    assert fresh.events[0] == "losses 2"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda loss: loss * torch.nan, "the near loss is nan at step 3"),
        # Its value is finite, its slope is not.
        (lambda loss: loss + (loss - loss.detach()).abs().sqrt(), "the gradient is .* at step 3"),
    ],
)
def test_what_is_not_finite_stops_the_run_before_it_does_harm(
    broken: Callable[[Tensor], Tensor], message: str
) -> None:
    trainer, recorder = recorded()
    trainer.step()
    trainer.step()
    before = copy.deepcopy(trainer.state())
    recorder.broken = broken
    with pytest.raises(TrainingError, match=message):
        trainer.step()
    after = trainer.state()
    assert after["steps"] == before["steps"]
    assert after["objective"] == before["objective"]
    for part in ("generator", "average"):
        assert same(after[part], before[part])


def test_a_critic_that_is_not_finite_stops_the_run_too() -> None:
    trainer, recorder = recorded()
    recorder.other = math.inf
    with pytest.raises(TrainingError, match="the critic loss is inf at step 1"):
        trainer.step()
    assert recorder.learnt == 0


def test_the_average_is_applied_in_full_precision() -> None:
    trainer = make(replace(CONFIG, rate=0.1))
    for _ in range(4):
        trainer.step()
    network = RepairGenerator(**SMALL)
    network.load_state_dict(trainer.weights())
    photos = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = network(photos).clamp(0, 1)
    assert (trainer.apply(photos) - expected).abs().max() < 1e-6
    assert (expected - photos).abs().max() > 1e-3
    zeros = {name: torch.zeros_like(value) for name, value in trainer.weights().items()}
    assert torch.equal(trainer.apply(photos, zeros), photos)
    assert (trainer.apply(photos) - expected).abs().max() < 1e-6
