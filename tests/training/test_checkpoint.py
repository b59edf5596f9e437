"""Checkpoints: whole or not at all, of tensors and numbers alone, and only for their own run."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from photostyle.errors import TrainingError, UsageError
from photostyle.training import checkpoint
from photostyle.training.checkpoint import check_settings, read_checkpoint, save_checkpoint
from photostyle.training.config import TrainConfig

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = TrainConfig(size=32, seed=3)
STATE = {"steps": 7, "weights": {"a": torch.arange(3.0)}, "snapshots": []}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "f.checkpoint"
    save_checkpoint(path, STATE, CONFIG, "fingerprint")
    return path


def test_what_was_saved_is_read(saved: Path) -> None:
    content = read_checkpoint(saved)
    assert content["fingerprint"] == "fingerprint"
    assert content["settings"]["degrade"] == ["noise", "jpeg"]
    assert content["state"]["steps"] == 7
    assert torch.equal(content["state"]["weights"]["a"], torch.arange(3.0))
    check_settings(saved, content["settings"], CONFIG)


def test_more_steps_and_another_device_may_resume(saved: Path) -> None:
    settings = read_checkpoint(saved)["settings"]
    check_settings(saved, settings, replace(CONFIG, steps=99, device="cpu", snapshots=2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"degrade": ("noise",)}, "degrade noise,jpeg, not noise:"),
        ({"size": 48}, "size 32, not 48"),
        ({"batch": 3}, "batch 16, not 3"),
        ({"seed": 4}, "seed 3, not 4"),
        ({"family": "tone"}, "family repair, not tone"),
        ({"hold_out": 0.0}, r"hold-out 0\.05, not 0\.0"),
        ({"adversarial": 0.1}, "adversarial 0.0, not 0.1"),
    ],
)
def test_other_settings_are_refused(saved: Path, change: dict[str, Any], message: str) -> None:
    settings = read_checkpoint(saved)["settings"]
    with pytest.raises(UsageError, match=f"was made with {message}"):
        check_settings(saved, settings, replace(CONFIG, **change))


def test_steps_say_when_the_adversarial_phase_begins(tmp_path: Path) -> None:
    config = replace(CONFIG, adversarial=0.1)
    path = tmp_path / "f.checkpoint"
    save_checkpoint(path, STATE, config, "")
    settings = read_checkpoint(path)["settings"]
    with pytest.raises(UsageError, match="made with steps 28000, not 99"):
        check_settings(path, settings, replace(config, steps=99))


def test_a_full_disk_keeps_the_one_before(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint, "write_atomically", full)
    with pytest.raises(TrainingError, match=r"No space left on device: the one before is kept"):
        save_checkpoint(saved, STATE, CONFIG, "other")
    assert saved.read_bytes() == before
    with pytest.raises(TrainingError, match=r"No space left on device$"):
        save_checkpoint(saved.with_name("none.checkpoint"), STATE, CONFIG, "other")


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_a_damaged_file_is_an_error(saved: Path, size: int) -> None:
    saved.write_bytes(saved.read_bytes()[:size])
    with pytest.raises(TrainingError, match="is damaged or not a checkpoint"):
        read_checkpoint(saved)


def test_nothing_but_tensors_and_numbers_is_unpickled(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "evil"),)

    path = tmp_path / "f.checkpoint"
    torch.save({"format": 1, "settings": {}, "fingerprint": "", "state": Evil()}, path)
    with pytest.raises(TrainingError, match="is damaged or not a checkpoint"):
        read_checkpoint(path)
    assert not (tmp_path / "evil").exists()


def test_other_files_and_formats(tmp_path: Path) -> None:
    path = tmp_path / "f.checkpoint"
    with pytest.raises(TrainingError, match="No such file"):
        read_checkpoint(path)
    torch.save({"weights": torch.ones(2)}, path)
    with pytest.raises(TrainingError, match="not a checkpoint"):
        read_checkpoint(path)
    torch.save({"format": 9, "settings": {}, "fingerprint": "", "state": {}}, path)
    with pytest.raises(TrainingError, match="has format 9, this photostyle reads format 1"):
        read_checkpoint(path)
