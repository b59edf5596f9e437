"""The restoration trainer: its arithmetic, step by step, and that nothing else changes it."""

from __future__ import annotations

import copy
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from photostyle.errors import TrainingError
from photostyle.features import dead_leaves
from photostyle.networks import RepairGenerator
from photostyle.training.config import TrainConfig
from photostyle.training.degrade import degrade
from photostyle.training.photos import Pixels, random_patch
from photostyle.training.restoration import AVERAGING, RestorationTrainer, relative_error
from photostyle.training.schedule import warm_restarts

if TYPE_CHECKING:
    from collections.abc import Callable

CPU = torch.device("cpu")
CONFIG = TrainConfig(steps=12, first_cycle=2, batch=2, size=32, seed=5)
PHOTOS: list[list[Pixels]] = [
    [(255 * leaf.permute(1, 2, 0).numpy()).astype(np.uint8)] for leaf in dead_leaves(3, 48)
]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RestorationTrainer, "_new_generator", lambda _: small_generator())


def small_generator() -> RepairGenerator:
    return RepairGenerator([8, 8], [1, 1], [1])


def make(config: TrainConfig = CONFIG) -> RestorationTrainer:
    return RestorationTrainer(PHOTOS, config, CPU)


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def reference(steps: int) -> dict[str, Tensor]:
    """The same run, written down plainly."""
    torch.manual_seed(CONFIG.seed)
    generator: nn.Module = small_generator().to(memory_format=torch.channels_last)
    average = copy.deepcopy(generator)
    optimizer = torch.optim.Adam(generator.parameters(), betas=(0.9, 0.99))
    for step in range(steps):
        random = np.random.default_rng([CONFIG.seed, step])
        pairs = []
        for _ in range(CONFIG.batch):
            clean = random_patch(PHOTOS, CONFIG.size, random)
            pairs.append((degrade(clean, CONFIG.degrade, random), clean))
        degraded, clean = (
            torch.from_numpy(np.stack(side)).permute(0, 3, 1, 2)
            for side in zip(*pairs, strict=True)
        )
        with torch.autocast("cpu", torch.bfloat16):
            restored = generator(degraded)
        loss = relative_error(restored.float(), degraded, clean)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(generator.parameters(), 0.5)
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


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda loss: loss * torch.nan, "the reconstruction loss is nan at step 3"),
        # Its value is finite, its slope is not.
        (lambda loss: loss + (loss - loss.detach()).abs().sqrt(), "the gradient is .* at step 3"),
    ],
)
def test_what_is_not_finite_stops_the_run_before_it_does_harm(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[[Tensor], Tensor], message: str
) -> None:
    trainer = make()
    trainer.step()
    trainer.step()
    before = copy.deepcopy(trainer.state())
    loss = RestorationTrainer._loss
    monkeypatch.setattr(RestorationTrainer, "_loss", lambda *a: broken(loss(*a)))
    with pytest.raises(TrainingError, match=message):
        trainer.step()
    after = trainer.state()
    assert after["steps"] == before["steps"]
    for part in ("generator", "average"):
        assert same(after[part], before[part])


def test_repair_applies_the_average_in_full_precision() -> None:
    trainer = make(replace(CONFIG, rate=0.1))
    for _ in range(4):
        trainer.step()
    network = small_generator()
    network.load_state_dict(trainer.weights())
    photos = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = network(photos).clamp(0, 1)
    assert (trainer.repair(photos) - expected).abs().max() < 1e-6
    assert (expected - photos).abs().max() > 1e-3
    zeros = {name: torch.zeros_like(value) for name, value in trainer.weights().items()}
    assert torch.equal(trainer.repair(photos, zeros), photos)
    assert (trainer.repair(photos) - expected).abs().max() < 1e-6


def test_relative_error_values() -> None:
    clean = torch.zeros(2, 3, 4, 4)
    degraded = torch.stack([clean[0] + 0.49, clean[1] + 0.09])
    restored = torch.stack([clean[0] + 0.25, clean[1] - 0.02])
    expected = (0.25 / 0.5**0.5 + 0.02 / 0.1**0.5) / 2
    assert relative_error(restored, degraded, clean).item() == pytest.approx(expected)
