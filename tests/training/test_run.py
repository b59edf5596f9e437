"""Training runs: they learn, stop when told, resume exactly, and refuse what cannot work."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor

from photostyle.errors import DeviceError, PhotostyleError, TrainingError, UsageError
from photostyle.features import dead_leaves
from photostyle.networks import RepairGenerator
from photostyle.progress import Progress
from photostyle.registry import find_entry, load_networks
from photostyle.training import run
from photostyle.training.config import TrainConfig
from photostyle.training.restoration import RestorationTrainer
from photostyle.training.run import FAMILIES, Family, Measurement, train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL: dict[str, Any] = {"widths": [16, 16], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
CONFIG = TrainConfig(
    degrade=("noise",), steps=6, first_cycle=2, batch=2, size=32, rate=1e-2, device="cpu"
)


class SmallTrainer(RestorationTrainer):
    def _new_generator(self) -> RepairGenerator:
        return RepairGenerator(**SMALL)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks, and something to see at every other step."""
    monkeypatch.setitem(FAMILIES, "repair", Family(SmallTrainer, SMALL))
    for name, value in {"REPORT_STEPS": 2, "CHECKPOINT_STEPS": 2, "PREVIEW_STEPS": 4}.items():
        monkeypatch.setattr(run, name, value)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pictures of dead leaves; one will be held out."""
    folder = tmp_path_factory.mktemp("photos")
    for number, leaf in enumerate(dead_leaves(9, 64)):
        pixels = (255 * leaf.permute(1, 2, 0).numpy()).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def weights(path: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(path)


def same(first: Path, second: Path) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def interrupt_at(step: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress == Progress("train", step, progress.total):
            signal.raise_signal(signal.SIGINT)

    return report


def test_it_learns(photos: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, steps=300, first_cycle=300, batch=8, hold_out=0.3)
    measured: list[Measurement] = []
    result = train("soft", photos, config, tmp_path / "soft.safetensors", report=measured.append)
    noisy = (result.preview.degraded - result.preview.clean).abs().mean(dim=(1, 2, 3)) > 0.08
    assert noisy.sum() >= 3
    before, after = (
        (pictures - result.preview.clean)[noisy].square().mean()
        for pictures in (result.preview.degraded, result.preview.repaired)
    )
    assert after < 0.8 * before
    assert (result.steps, result.photos, result.held_out, result.interrupted) == (300, 6, 3, False)
    steps = [(m.step, m.preview is not None) for m in measured]
    assert steps[:4] == [(2, False), (4, False), (4, True), (6, False)]
    assert steps[-1] == (300, True)
    assert measured[-1].losses["reconstruction"] < measured[0].losses["reconstruction"]


def test_it_leaves_a_filter_that_can_be_applied(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "soft.safetensors"
    result = train("soft", photos, CONFIG, out, license="MIT", recipe="by hand")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "soft.checkpoint", "soft.previews", "soft.runs", "soft.safetensors",
    ]  # fmt: skip
    previews = sorted(path.name for path in (tmp_path / "soft.previews").iterdir())
    assert previews == ["step-000004.png", "step-000006.png"]
    entry = find_entry(str(out))
    assert (entry.name, entry.kind, entry.license, entry.recipe) == (
        "soft", "repair", "MIT", "by hand --steps 6",
    )  # fmt: skip
    assert entry.trained_on == f"8 photos of {photos.name}"
    assert result.entry["sha256"]
    (network,) = load_networks(entry)
    with torch.no_grad():
        repaired = network(result.preview.degraded).clamp(0, 1)
    assert (repaired - result.preview.repaired).abs().max() < 2e-3
    assert all(value.dtype == torch.float16 for value in weights(out).values())


def test_tone_filters_are_trained_the_same_way(photos: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, family="tone", degrade=("exposure",), steps=1)
    result = train("light", photos, config, tmp_path / "light.safetensors")
    assert result.preview.repaired.shape == result.preview.clean.shape
    assert len(load_networks(find_entry(str(result.path)))) == 1
    assert find_entry(str(result.path)).kind == "tone"


@pytest.mark.parametrize("name", ["repair", "tone"])
def test_params_are_those_of_the_generators(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from photostyle import networks

    monkeypatch.undo()
    family = FAMILIES[name]
    made = family.trainer([], replace(CONFIG, family=name), torch.device("cpu")).weights()
    kind = {"repair": networks.RepairGenerator, "tone": networks.ToneGenerator}[name]
    described = kind(**family.params).state_dict()
    assert {n: v.shape for n, v in made.items()} == {n: v.shape for n, v in described.items()}


def test_ctrl_c_keeps_what_was_learnt_and_resuming_ends_the_same(
    photos: Path, tmp_path: Path
) -> None:
    straight, stopped = tmp_path / "straight.safetensors", tmp_path / "stopped.safetensors"
    train("soft", photos, CONFIG, straight)
    result = train("soft", photos, CONFIG, stopped, progress=interrupt_at(3))
    assert (result.steps, result.interrupted) == (3, True)
    assert not same(straight, stopped)
    assert find_entry(str(stopped)).recipe == "photostyle train --steps 6 (stopped after step 3)"
    result = train("soft", photos, CONFIG, stopped, resume=True)
    assert (result.steps, result.interrupted) == (6, False)
    assert same(straight, stopped)
    # There is nothing left to do, and nothing is done.
    train("soft", photos, CONFIG, stopped, resume=True)
    assert same(straight, stopped)


def test_a_killed_run_ends_the_same_when_resumed(photos: Path, tmp_path: Path) -> None:
    straight, killed = tmp_path / "straight.safetensors", tmp_path / "killed.safetensors"
    config = replace(CONFIG, steps=9)
    train("soft", photos, config, straight)
    code = f"""
        import sys, time
        from pathlib import Path
        import torch
        torch.set_num_threads(1)
        from photostyle.networks import RepairGenerator
        from photostyle.training import run
        from photostyle.training.config import TrainConfig
        from photostyle.training.restoration import RestorationTrainer
        RestorationTrainer._new_generator = lambda _: RepairGenerator(**{SMALL!r})
        run.CHECKPOINT_STEPS = 2
        def report(progress):
            if (progress.stage, progress.done) == ("train", 5):
                print("now", flush=True)
                time.sleep(60)
        run.train("soft", Path(sys.argv[1]), {config!r}, Path(sys.argv[2]), progress=report)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(photos), str(killed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not killed.exists()
    reports: list[Progress] = []
    train("soft", photos, config, killed, resume=True, progress=reports.append)
    assert [p.done for p in reports if p.stage == "train"] == [5, 6, 7, 8, 9]
    assert same(straight, killed)


def test_more_steps_continue_on_the_same_curve(photos: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    train("soft", photos, CONFIG, out)
    longer = replace(CONFIG, steps=8, first_cycle=99, rate=1.0)  # those of the checkpoint count
    assert train("soft", photos, longer, out, resume=True).steps == 8
    train("soft", photos, replace(CONFIG, steps=8), other)
    assert same(out, other)


def test_the_time_limit_ends_the_run(photos: Path, tmp_path: Path) -> None:
    result = train("soft", photos, CONFIG, tmp_path / "soft.safetensors", minutes=1e-9)
    assert (result.steps, result.interrupted) == (0, False)
    assert math.isclose(result.preview.psnr_repaired, result.preview.psnr_degraded)


def test_the_steps_can_be_what_fits_into_the_time(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_seconds_a_step", lambda *_: 1.0)
    fitting, other = tmp_path / "fitting.safetensors", tmp_path / "other.safetensors"
    result = train("soft", photos, CONFIG, fitting, minutes=0.25, fit=True)
    assert result.total == result.steps == 14  # of 15 seconds, one in twenty is kept back
    train("soft", photos, replace(CONFIG, steps=14, first_cycle=2), other)
    assert same(fitting, other)
    fitting.unlink()
    train(
        "soft", photos, CONFIG, fitting, overwrite=True, minutes=0.25, fit=True,
        progress=interrupt_at(3),
    )  # fmt: skip
    result = train("soft", photos, CONFIG, fitting, resume=True, fit=True)
    assert (result.total, result.steps) == (14, 14)
    assert same(fitting, other)


def test_a_run_that_fits_keeps_to_its_time(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "soft.safetensors"
    result = train("soft", photos, CONFIG, out, minutes=0.02, fit=True)
    assert 1 <= result.steps <= result.total
    assert result.seconds < 30


def test_the_first_cycle_lets_three_make_up_a_run() -> None:
    assert [run.first_cycle(steps) for steps in (0, 1, 7, 8, 28_000)] == [1, 1, 1, 2, 4000]


def test_several_snapshots(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "soft.safetensors"
    config = replace(CONFIG, steps=7, snapshots=2)  # cycles end after 2 and 6 steps
    assert train("soft", photos, config, out).entry["snapshots"] == 2
    after_six = tmp_path / "six.safetensors"
    train("soft", photos, CONFIG, after_six)
    first, second = load_networks(find_entry(str(out)))
    six = weights(after_six)
    assert all(torch.equal(value, six[n].float()) for n, value in first.state_dict().items())
    assert not torch.equal(second.tail.weight, first.tail.weight)
    told: list[str] = []
    config = replace(CONFIG, steps=1, snapshots=3)
    result = train("soft", photos, config, tmp_path / "one.safetensors", warn=told.append)
    assert result.entry["snapshots"] == 1
    assert told == ["the run had 1 cycles, so the result has no more snapshots"]


def test_all_photos_are_trained_on_if_none_is_held_out(photos: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, hold_out=0, steps=1)
    result = train("soft", photos, config, tmp_path / "soft.safetensors")
    assert (result.photos, result.held_out) == (9, 0)


def test_a_loss_that_is_not_finite_leaves_the_last_good_filter(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, good = tmp_path / "soft.safetensors", tmp_path / "good.safetensors"
    train("soft", photos, replace(CONFIG, steps=4), good)
    loss = SmallTrainer._loss

    def breaking(trainer: SmallTrainer, *pictures: Tensor) -> Tensor:
        return loss(trainer, *pictures) * (math.nan if trainer.steps == 5 else 1)

    monkeypatch.setattr(SmallTrainer, "_loss", breaking)
    message = r"loss is nan at step 6; .*soft.safetensors' and .*hold the state after step 4"
    with pytest.raises(TrainingError, match=message):
        train("soft", photos, CONFIG, out)
    assert same(out, good)
    monkeypatch.setattr(SmallTrainer, "_loss", loss)
    assert train("soft", photos, CONFIG, out, resume=True).steps == 6


def test_a_loss_that_is_never_finite_leaves_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SmallTrainer, "_loss", lambda *_: torch.tensor(math.inf))
    with pytest.raises(TrainingError, match=r"the reconstruction loss is inf at step 1$"):
        train("soft", photos, CONFIG, tmp_path / "soft.safetensors")
    assert not (tmp_path / "soft.safetensors").exists()


def test_a_full_disk_stops_the_run_with_the_checkpoint_before(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from photostyle.training import checkpoint

    write = checkpoint.write_atomically
    written: list[Path] = []

    def two_fit(path: Path, data: bytes, *, overwrite: bool) -> None:
        if len(written) == 2:
            raise OSError(28, os.strerror(28))
        written.append(path)
        write(path, data, overwrite=overwrite)

    out = tmp_path / "soft.safetensors"
    monkeypatch.setattr(checkpoint, "write_atomically", two_fit)
    with pytest.raises(TrainingError, match="No space left on device") as caught:
        train("soft", photos, CONFIG, out)
    assert "hold the state after step 2" in str(caught.value)
    monkeypatch.setattr(checkpoint, "write_atomically", write)
    assert train("soft", photos, CONFIG, out, resume=True).steps == 6


def test_nothing_is_overwritten_unasked(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "soft.safetensors"
    out.write_bytes(b"mine")
    with pytest.raises(TrainingError, match=r"soft.safetensors' exists already: use --overwrite"):
        train("soft", photos, CONFIG, out)
    assert out.read_bytes() == b"mine"
    train("soft", photos, replace(CONFIG, steps=8), out, overwrite=True)
    with pytest.raises(TrainingError, match="exists already: use --resume to continue it"):
        train("soft", photos, CONFIG, out)
    train("soft", photos, replace(CONFIG, steps=2), out, overwrite=True)
    # Pictures of the longer run would be taken for those of this one.
    assert [p.name for p in (tmp_path / "soft.previews").iterdir()] == ["step-000002.png"]


def test_the_checkpoint_of_another_run_is_refused(
    photos: Path, tmp_path: Path, photo_file: Callable[..., Path]
) -> None:
    out = tmp_path / "soft.safetensors"
    train("soft", photos, replace(CONFIG, steps=2), out)
    before = out.read_bytes()
    with pytest.raises(UsageError, match="was made with size 32, not 48"):
        train("soft", photos, replace(CONFIG, size=48), out, resume=True)
    others = photo_file("others/1.png").parent
    photo_file("others/2.png")
    with pytest.raises(UsageError, match="was made with other photos than those in"):
        train("soft", others, CONFIG, out, resume=True)
    assert out.read_bytes() == before


def test_the_checkpoint_of_another_network_is_refused(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "soft.safetensors"
    train("soft", photos, replace(CONFIG, steps=2), out)
    monkeypatch.setattr(
        SmallTrainer, "_new_generator", lambda _: RepairGenerator([8, 8], [1, 1], [1])
    )
    with pytest.raises(TrainingError, match="does not fit the network"):
        train("soft", photos, CONFIG, out, resume=True)


@pytest.mark.parametrize(
    ("name", "out", "options", "kind", "message"),
    [
        ("../soft", "s.safetensors", {}, UsageError, "name is made of letters"),
        ("soft", "s.pth", {}, UsageError, "must end so"),
        ("soft", "none/s.safetensors", {}, TrainingError, "there is no such folder"),
        ("soft", "s.safetensors", {"resume": True}, UsageError, "there is no checkpoint"),
        (
            "soft",
            "s.safetensors",
            {"resume": True, "overwrite": True},
            UsageError,
            "exclude each other",
        ),
    ],
)
def test_bad_requests_are_refused_at_once(
    tmp_path: Path,
    name: str,
    out: str,
    options: dict[str, bool],
    kind: type[PhotostyleError],
    message: str,
) -> None:
    with pytest.raises(kind, match=message):
        train(name, tmp_path / "unread", CONFIG, tmp_path / out, **options)


def test_a_folder_in_the_way_and_a_device_that_is_not_there(tmp_path: Path) -> None:
    out = tmp_path / "soft.safetensors"
    with pytest.raises(DeviceError, match="is not available"):
        train("soft", tmp_path, replace(CONFIG, device="cuda:77"), out)
    out.mkdir()
    with pytest.raises(TrainingError, match="it is a folder"):
        train("soft", tmp_path, CONFIG, out, overwrite=True)


def test_the_same_seed_gives_the_same_filter(photos: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.safetensors" for n in range(3)]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        train("soft", photos, replace(CONFIG, steps=3, seed=seed), path)
    assert same(paths[0], paths[1])
    assert not same(paths[0], paths[2])
