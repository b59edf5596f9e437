"""The training run of the scene parser: it can be stopped at any time, and resumes exactly."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.torch
import torch

from photostyle.errors import PhotoError, UsageError
from photostyle.features.scene_parser import SceneParser
from photostyle.registry import load_encoder
from photostyle.training import scene_parser, scene_trainer
from photostyle.training.scene_parser import main
from photostyle.training.scene_trainer import SceneTrainer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from photostyle.training.scene_photos import NamedPhoto


@pytest.fixture
def arguments(photo_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nine landscapes and their labels, and a training of tiny steps, checkpoints at every other.

    The eighth landscape of the folder `clean` is put aside.
    """
    kinds = np.full((32, 48), 0, np.uint8)
    kinds[22:] = 3
    for seed in range(8):
        path = photo_file(f"photos/clean/{seed}.png", 32, 48, seed=seed)
    photo_file("photos/night/0.png", 48, 32, sky="dusk")
    root = path.parents[1]
    maps = {f"clean/{seed}.png": kinds for seed in range(8)} | {"night/0.png": kinds.T}
    # Names have slashes and dots, which mypy cannot tell from savez's own options.
    np.savez(root / "labels.npz", **maps)  # type: ignore[arg-type]
    monkeypatch.setattr(scene_parser, "LONG_SIDE", 48)
    monkeypatch.setattr(scene_parser, "CLOSE_LONG_SIDE", 64)
    monkeypatch.setattr(scene_trainer, "BATCH", 2)
    monkeypatch.setattr(scene_trainer, "SIZE", 32)
    monkeypatch.setattr(scene_trainer, "SceneParser", partial(SceneParser, context=(16, 24)))
    monkeypatch.setattr(scene_parser, "CHECKPOINT_STEPS", 2)
    return [str(root), str(root / "labels.npz"), "--out"]


@pytest.mark.parametrize("options", [[], ["--varied"]])
def test_a_killed_and_resumed_run_ends_with_the_same_weights(
    arguments: list[str], options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, killed = tmp_path / "straight.safetensors", tmp_path / "killed.safetensors"
    arguments = [*options, *arguments]
    main([*arguments, str(straight), "--steps", "5"])

    step = SceneTrainer.step

    def step_until_killed(trainer: SceneTrainer) -> float:
        if trainer.steps == 3:
            raise KeyboardInterrupt
        return step(trainer)

    monkeypatch.setattr(SceneTrainer, "step", step_until_killed)
    with pytest.raises(KeyboardInterrupt):
        main([*arguments, str(killed), "--steps", "5"])
    assert not list(tmp_path.glob("*.part"))
    monkeypatch.setattr(SceneTrainer, "step", step)
    after_two_steps = safetensors.torch.load_file(killed)
    main([*arguments, str(killed), "--steps", "5", "--resume"])

    expected, resumed = (safetensors.torch.load_file(path) for path in (straight, killed))
    assert expected.keys() == resumed.keys()
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    assert any(not torch.equal(expected[name], after_two_steps[name]) for name in expected)
    # The checkpoint too is that of a run that nobody stopped.
    first, second = (
        torch.load(path.with_suffix(".checkpoint"), weights_only=True)["parser"]
        for path in (straight, killed)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_weights_fit_a_parser_and_photos_aside_are_not_trained_on(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(scene_trainer, "SceneParser", SceneParser)
    caplog.set_level(logging.INFO)
    scored: list[str] = []
    trained: list[str] = []
    score, step = SceneTrainer.score, SceneTrainer.step

    def watched_score(trainer: SceneTrainer, photos: Sequence[NamedPhoto]) -> tuple[float, float]:
        scored.extend(photo.folder for photo in photos)
        return score(trainer, photos)

    def watched_step(trainer: SceneTrainer) -> float:
        trained.extend(photo.folder for photo in trainer._photos)
        return step(trainer)

    monkeypatch.setattr(SceneTrainer, "score", watched_score)
    monkeypatch.setattr(SceneTrainer, "step", watched_step)
    out = tmp_path / "parser.safetensors"
    main([*arguments, str(out), "--steps", "1"])
    assert trained == ["clean"] * 7 + ["night"]
    assert scored == ["clean"]
    SceneParser().load_state_dict(safetensors.torch.load_file(out))
    assert f"step 1: saved {out}, " in caplog.text
    assert "of the pixels of 1 other photos, mean IoU" in caplog.text


def test_training_starts_from_the_bundled_encoder(arguments: list[str], tmp_path: Path) -> None:
    out = tmp_path / "parser.safetensors"
    main([*arguments, str(out), "--steps", "0"])
    weights = safetensors.torch.load_file(out)
    for name, value in load_encoder().state_dict().items():
        assert torch.equal(weights[f"encoder.{name}"], value.half())


def test_training_starts_from_another_runs_weights(arguments: list[str], tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    main([*arguments, str(first), "--steps", "2"])
    main([*arguments, str(second), "--steps", "0", "--start", str(first), "--seed", "3"])
    expected, weights = (safetensors.torch.load_file(path) for path in (first, second))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_weights_of_something_else_are_an_error(arguments: list[str], tmp_path: Path) -> None:
    for name, content in {"none": None, "text": b"text", "other": {"a": torch.zeros(1)}}.items():
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content:
            safetensors.torch.save_file(content, path)
        out = str(tmp_path / f"{name}.safetensors")
        with pytest.raises(UsageError, match=f"{name} does not hold the weights of a scene parser"):
            main([*arguments, out, "--start", str(path)])


def test_made_pictures_are_trained_on_but_not_scored_on(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos: list[str] = []
    scored: list[str] = []
    make, score = SceneTrainer.__init__, SceneTrainer.score

    def watched(trainer: SceneTrainer, own: Sequence[NamedPhoto], *rest: Any, varied: bool) -> None:
        photos.extend(photo.folder for photo in own)
        make(trainer, own, *rest, varied=varied)

    def watched_score(trainer: SceneTrainer, own: Sequence[NamedPhoto]) -> tuple[float, float]:
        scored.extend(photo.folder for photo in own)
        return score(trainer, own)

    monkeypatch.setattr(SceneTrainer, "__init__", watched)
    monkeypatch.setattr(SceneTrainer, "score", watched_score)
    out = str(tmp_path / "out.safetensors")
    main([*arguments, out, "--steps", "1", "--rooms", "1", "--cut-outs", "2"])
    assert photos == ["clean"] * 7 + ["night", "rooms", "cut-outs", "cut-outs"]
    assert scored == ["clean"]


@pytest.mark.parametrize(
    "change", [["--seed", "1"], ["--steps", "2"], ["--rooms", "1"], ["--varied"]]
)
def test_other_options_cannot_resume(
    arguments: list[str], tmp_path: Path, change: list[str]
) -> None:
    out = tmp_path / "parser.safetensors"
    main([*arguments, str(out), "--steps", "0"])
    before = out.read_bytes()
    with pytest.raises(UsageError, match="the checkpoint is of another run: ") as caught:
        main([*arguments, str(out), "--steps", "0", "--resume", *change])
    assert "\n" not in str(caught.value)
    assert out.read_bytes() == before


def test_a_checkpoint_is_neither_made_up_nor_overwritten(
    arguments: list[str], tmp_path: Path
) -> None:
    arguments = [*arguments, str(tmp_path / "p.st"), "--steps", "0"]
    with pytest.raises(UsageError, match=r"no checkpoint .*p\.checkpoint to resume from"):
        main([*arguments, "--resume"])
    assert not list(tmp_path.glob("p.*"))
    main(arguments)
    before = (tmp_path / "p.checkpoint").read_bytes()
    with pytest.raises(UsageError, match="use --resume"):
        main(arguments)
    assert (tmp_path / "p.checkpoint").read_bytes() == before


def test_labels_or_photos_that_are_not_there_are_an_error(
    arguments: list[str], tmp_path: Path
) -> None:
    root, labels, *rest = arguments
    out = str(tmp_path / "p.safetensors")
    with pytest.raises(UsageError, match="is no file of labels"):
        main([root, str(tmp_path / "none.npz"), *rest, out])
    with pytest.raises(PhotoError, match=r"clean/0\.png"):
        main([str(tmp_path), labels, *rest, out])


def test_too_few_photos_to_score_on_are_an_error(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="night has fewer than 8 with labels"):
        main([*arguments, str(tmp_path / "out.safetensors"), "--hold-out", "night"])
