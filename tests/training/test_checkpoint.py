"""Checkpoints: whole or not at all, of tensors and numbers alone, and only for their own run."""

from __future__ import annotations

import errno
import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from photostyle.errors import TrainingError, UsageError
from photostyle.training import checkpoint
from photostyle.training.checkpoint import (
    FORMAT,
    TAKEN,
    check_settings,
    read_checkpoint,
    save_checkpoint,
)
from photostyle.training.config import TrainConfig

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = TrainConfig(size=32, seed=3)
STATE = {"steps": 7, "weights": {"a": torch.arange(3.0)}, "snapshots": []}

PARAMS = {"widths": [8, 8]}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "f.checkpoint"
    save_checkpoint(path, STATE, CONFIG, "fingerprint", PARAMS)
    return path


def test_what_was_saved_is_read(saved: Path) -> None:
    content = read_checkpoint(saved)
    assert content["fingerprint"] == "fingerprint"
    assert content["settings"]["degrade"] == ["noise", "jpeg"]
    assert content["best"] is None
    assert content["params"] == PARAMS
    assert content["state"]["steps"] == 7
    assert torch.equal(content["state"]["weights"]["a"], torch.arange(3.0))
    check_settings(saved, content["settings"], CONFIG)


def test_the_best_figure_is_kept(saved: Path) -> None:
    save_checkpoint(saved, STATE, CONFIG, "fingerprint", PARAMS, 31.25)
    assert read_checkpoint(saved)["best"] == 31.25


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
        ({"amp": False}, "amp True, not False"),
        ({"degrade": (), "paired": True}, "degrade noise,jpeg, not :"),
    ],
)
def test_other_settings_are_refused(saved: Path, change: dict[str, Any], message: str) -> None:
    settings = read_checkpoint(saved)["settings"]
    with pytest.raises(UsageError, match=f"was made with {message}"):
        check_settings(saved, settings, replace(CONFIG, **change))


def test_a_look_of_a_photo_is_another_run(saved: Path) -> None:
    look = replace(CONFIG, degrade=(), family="tone", imitate="pair")
    save_checkpoint(saved, STATE, look, "fingerprint", PARAMS)
    settings = read_checkpoint(saved)["settings"]
    check_settings(saved, settings, replace(look, steps=99))
    with pytest.raises(UsageError, match="imitate pair, not photo"):
        check_settings(saved, settings, replace(look, imitate="photo"))
    with pytest.raises(UsageError, match="only-norm False, not True"):
        check_settings(saved, settings, replace(look, only_norm=True))


def test_settings_that_are_newer_than_the_checkpoint(saved: Path) -> None:
    settings = read_checkpoint(saved)["settings"]
    del settings["imitate"], settings["only_norm"]
    check_settings(saved, settings, CONFIG)


@pytest.mark.parametrize("name", TAKEN)
def test_what_a_resumed_run_takes_may_differ(saved: Path, name: str) -> None:
    other = {"first_cycle": 7, "rate": 1.0, "init": "soft@0123456789ab"}[name]
    check_settings(
        saved,
        read_checkpoint(saved)["settings"],
        replace(CONFIG, **{name: other}),  # type: ignore[arg-type]
    )


def test_steps_say_when_the_adversarial_phase_begins(tmp_path: Path) -> None:
    config = replace(CONFIG, adversarial=0.1)
    path = tmp_path / "f.checkpoint"
    save_checkpoint(path, STATE, config, "", PARAMS)
    settings = read_checkpoint(path)["settings"]
    with pytest.raises(UsageError, match="made with steps 28000, not 99"):
        check_settings(path, settings, replace(config, steps=99))
    with pytest.raises(UsageError, match=r"made with adversarial-from 0\.5, not 0\.1"):
        check_settings(path, settings, replace(config, adversarial_from=0.1))


def test_looks_have_phases_and_pairs_have_none(tmp_path: Path) -> None:
    pairs = replace(CONFIG, degrade=(), paired=True, family="tone")
    look = replace(pairs, paired=False)
    check_settings(tmp_path, asdict(pairs) | {"degrade": []}, replace(pairs, steps=99))
    with pytest.raises(UsageError, match="made with steps 28000, not 99"):
        check_settings(tmp_path, asdict(look) | {"degrade": []}, replace(look, steps=99))
    with pytest.raises(UsageError, match="made with paired False, not True"):
        check_settings(tmp_path, asdict(look) | {"degrade": []}, pairs)


def test_a_full_disk_keeps_the_one_before(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint, "write_atomically", full)
    with pytest.raises(TrainingError, match=r"No space left on device: the one before is kept"):
        save_checkpoint(saved, STATE, CONFIG, "other", PARAMS)
    assert saved.read_bytes() == before
    with pytest.raises(TrainingError, match=r"No space left on device$"):
        save_checkpoint(saved.with_name("none.checkpoint"), STATE, CONFIG, "other", PARAMS)


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
    content = {"format": FORMAT, "settings": {}, "fingerprint": "", "best": None, "state": Evil()}
    torch.save(content, path)
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
    content = {"settings": {}, "fingerprint": "", "best": None, "state": {}}
    torch.save(content | {"format": 9}, path)
    with pytest.raises(TrainingError, match=f"has format 9, this photostyle reads format {FORMAT}"):
        read_checkpoint(path)


def test_a_file_of_an_older_format_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "f.checkpoint"
    torch.save({"format": 1, "settings": {}, "fingerprint": "", "state": {}}, path)
    with pytest.raises(TrainingError, match="has format 1, this photostyle reads"):
        read_checkpoint(path)
