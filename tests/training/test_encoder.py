"""The training run: it learns, can be stopped at any time, and resumes exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import safetensors.torch
import torch

from photostyle.errors import UsageError
from photostyle.features import Encoder
from photostyle.training import encoder, encoder_trainer
from photostyle.training.encoder import main
from photostyle.training.encoder_photos import Scene, read_scenes
from photostyle.training.encoder_trainer import EncoderTrainer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def photos(photo_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of four landscapes, and a training of tiny steps with checkpoints at every other."""
    for seed in range(4):
        path = photo_file(f"photos/{seed}.png", 64, 96, sky=("day", "dusk")[seed % 2], seed=seed)
    small = {"BATCH": 2, "SIZE": 32, "POINTS": 8, "CALIBRATION_VIEWS": 4, "CALIBRATION_SIZE": 32}
    for name, value in small.items():
        monkeypatch.setattr(encoder_trainer, name, value)
    monkeypatch.setattr(encoder, "CHECKPOINT_STEPS", 2)
    return path.parent


@pytest.fixture
def scenes(photos: Path) -> list[Scene]:
    return read_scenes([photos])


def test_losses_fall(scenes: list[Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_trainer, "WARM_UP", 5)
    trainer = EncoderTrainer(scenes)
    totals = [sum(trainer.step().values()) for _ in range(12)]
    assert sum(totals[-4:]) < 0.9 * sum(totals[:4])


def test_weights_are_those_of_a_calibrated_encoder(scenes: list[Scene]) -> None:
    trainer = EncoderTrainer(scenes)
    start = trainer.weights()
    trainer.step()
    weights = trainer.weights()
    assert any(not torch.equal(weights[name], start[name]) for name in weights)
    network = Encoder()
    network.load_state_dict(weights)
    with torch.no_grad():
        for features in network(trainer._calibration):
            spread = features.std(dim=(0, 2, 3))
            torch.testing.assert_close(spread, torch.ones_like(spread), rtol=1e-3, atol=0)


def test_a_killed_and_resumed_run_ends_with_the_same_weights(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(photos), "--steps", "4", "--out"]
    straight, killed = tmp_path / "straight.safetensors", tmp_path / "killed.safetensors"
    main([*arguments, str(straight)])

    step = EncoderTrainer.step

    def step_until_killed(trainer: EncoderTrainer) -> dict[str, float]:
        if trainer.steps == 3:
            raise KeyboardInterrupt
        return step(trainer)

    monkeypatch.setattr(EncoderTrainer, "step", step_until_killed)
    with pytest.raises(KeyboardInterrupt):
        main([*arguments, str(killed)])
    assert not list(tmp_path.glob("*.part"))
    monkeypatch.setattr(EncoderTrainer, "step", step)
    after_two_steps = safetensors.torch.load_file(killed)
    main([*arguments, str(killed), "--resume"])

    expected, resumed = (safetensors.torch.load_file(path) for path in (straight, killed))
    assert expected.keys() == resumed.keys()
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    assert any(not torch.equal(expected[name], after_two_steps[name]) for name in expected)


def test_another_seed_cannot_resume(scenes: list[Scene]) -> None:
    state = EncoderTrainer(scenes, seed=1).state()
    with pytest.raises(UsageError, match="the checkpoint has seed 1, not 2"):
        EncoderTrainer(scenes, seed=2).restore(state)


def test_a_checkpoint_is_neither_made_up_nor_overwritten(photos: Path, tmp_path: Path) -> None:
    arguments = [str(photos), "--steps", "0", "--out", str(tmp_path / "e.st")]
    with pytest.raises(UsageError, match=r"no checkpoint .* to resume from"):
        main([*arguments, "--resume"])
    main(arguments)
    with pytest.raises(UsageError, match="use --resume"):
        main(arguments)


def test_the_time_limit_ends_the_run(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "encoder.safetensors"
    main([str(photos), "--minutes", "0", "--out", str(out)])
    assert safetensors.torch.load_file(out).keys() == Encoder().state_dict().keys()
