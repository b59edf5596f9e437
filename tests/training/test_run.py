"""Training runs: they learn, stop when told, resume exactly, and refuse what cannot work."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor

from photostyle.errors import DeviceError, ModelError, PhotostyleError, TrainingError, UsageError
from photostyle.features import dead_leaves
from photostyle.progress import Progress
from photostyle.registry import find_entry, load_networks
from photostyle.training import palette, run, task, translation
from photostyle.training.checkpoint import read_checkpoint
from photostyle.training.config import TrainConfig
from photostyle.training.preview import COLOURS, PSNR, Preview, preview
from photostyle.training.reconstruction import Reconstruction
from photostyle.training.repair import RepairFamily
from photostyle.training.task import FAMILIES
from photostyle.training.tone import ToneFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from photostyle.training.result import TrainingResult
    from photostyle.training.run import Measurement

SMALL: dict[str, Any] = {"widths": [16, 16], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
SMALL_TONE: dict[str, Any] = {"width": 4, "depth": 2}
EXAMPLES = 4
CONFIG = TrainConfig(
    degrade=("noise",), steps=6, first_cycle=2, batch=2, size=32, rate=1e-2, device="cpu"
)
LOOK = replace(CONFIG, family="tone", degrade=(), steps=4, adversarial=0.05)
PAIRED = replace(LOOK, paired=True, adversarial=0.0)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks, and something to see at every other step."""
    monkeypatch.setitem(FAMILIES, "repair", lambda params=SMALL: RepairFamily(params))
    monkeypatch.setitem(FAMILIES, "tone", lambda params=SMALL_TONE: ToneFamily(params))
    monkeypatch.setattr(translation, "SIDE", 64)
    monkeypatch.setattr(palette, "POOL", 8192)
    monkeypatch.setattr(task, "PREVIEW_EXAMPLES", EXAMPLES)
    for name, value in {"REPORT_STEPS": 2, "CHECKPOINT_STEPS": 2, "PREVIEW_STEPS": 4}.items():
        monkeypatch.setattr(run, name, value)


def train(
    name: str, folders: Path | Sequence[Path], config: TrainConfig, out: Path, **options: Any
) -> TrainingResult:
    """Train from nothing, if it is not said from what."""
    several = [folders] if isinstance(folders, Path) else folders
    return run.train(name, several, config, out, **({"init": "none"} | options))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pictures of dead leaves; one will be held out."""
    folder = tmp_path_factory.mktemp("photos")
    for number, leaf in enumerate(dead_leaves(9, 64)):
        pixels = (255 * leaf.permute(1, 2, 0).numpy()).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def orange(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in the light of a sunset."""
    folder = tmp_path_factory.mktemp("orange")
    for path in photos.iterdir():
        pixels = (np.asarray(Image.open(path)) * np.array([1, 0.75, 0.35])).astype(np.uint8)
        Image.fromarray(pixels).save(folder / path.name)
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


def test_it_learns(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "PREVIEW_EXAMPLES", 16)
    config = replace(CONFIG, steps=150, first_cycle=150, batch=4, hold_out=0.3, rate=2e-2)
    measured: list[Measurement] = []
    result = train("soft", photos, config, tmp_path / "soft.safetensors", report=measured.append)
    made = result.preview
    noisy = (made.inputs - made.targets).abs().mean(dim=(1, 2, 3)) > 0.08
    assert noisy.sum() >= 3
    before, after = (
        (pictures - made.targets)[noisy].square().mean() for pictures in (made.inputs, made.results)
    )
    assert after < 0.8 * before
    assert (result.steps, result.photos, result.held_out, result.interrupted) == (150, 6, 3, False)
    steps = [(m.step, m.preview is not None) for m in measured]
    assert steps[:4] == [(2, False), (4, False), (4, True), (6, False)]
    assert steps[-1] == (150, True)
    assert measured[-1].losses["reconstruction"] < measured[0].losses["reconstruction"]


def test_it_leaves_a_filter_that_can_be_applied(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "soft.safetensors"
    result = train("soft", photos, CONFIG, out, license="MIT", recipe="by hand")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "soft.best.safetensors", "soft.checkpoint", "soft.md", "soft.previews", "soft.runs",
        "soft.safetensors",
    ]  # fmt: skip
    previews = sorted(path.name for path in (tmp_path / "soft.previews").iterdir())
    assert previews == ["step-000004.png", "step-000006.png"]
    entry = find_entry(str(out))
    assert (entry.name, entry.kind, entry.license, entry.recipe) == (
        "soft", "repair", "MIT", "by hand --init none --steps 6",
    )  # fmt: skip
    assert entry.trained_on == f"8 photos of {photos.name}"
    assert result.entry["sha256"]
    (network,) = load_networks(entry)
    with torch.no_grad():
        repaired = network(result.preview.inputs).clamp(0, 1)
    assert (repaired - result.preview.results).abs().max() < 2e-3
    assert all(value.dtype == torch.float16 for value in weights(out).values())


def test_tone_filters_are_trained_the_same_way(photos: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, family="tone", degrade=("exposure",), steps=1)
    result = train("light", photos, config, tmp_path / "light.safetensors")
    assert result.preview.results.shape == result.preview.targets.shape
    assert len(load_networks(find_entry(str(result.path)))) == 1
    assert find_entry(str(result.path)).kind == "tone"


def test_a_look_from_two_folders(photos: Path, orange: Path, tmp_path: Path) -> None:
    config = replace(LOOK, steps=10, first_cycle=10, rate=0.1)
    measured: list[Measurement] = []
    out = tmp_path / "sunset.safetensors"
    result = train("sunset", [photos, orange], config, out, report=measured.append)
    assert (result.photos, result.held_out, result.skipped) == (16, 2, 0)
    made = result.preview
    assert made.measure is COLOURS
    assert made.after < 0.95 * made.before
    first, last = measured[0], measured[-1]
    assert "reconstruction" in first.losses  # it started from nothing
    assert {"palette", "content", "adversarial", "discriminator"} <= last.losses.keys()
    entry = find_entry(str(out))
    assert (entry.kind, entry.params) == ("tone", SMALL_TONE)
    assert entry.trained_on == f"16 photos of {photos.name} and {orange.name}"
    assert len(load_networks(entry)) == 1
    assert load_networks(find_entry(str(result.best)))


@pytest.mark.parametrize(("family", "kind"), [("tone", "tone"), ("repair", "repair")])
def test_pairs_from_two_folders(
    photos: Path, orange: Path, tmp_path: Path, family: str, kind: str
) -> None:
    config = replace(PAIRED, family=family, steps=8, first_cycle=8, rate=0.1)
    result = train("warm", [photos, orange], config, tmp_path / "warm.safetensors")
    assert (result.photos, result.held_out, result.skipped) == (8, 1, 0)
    made = result.preview
    assert made.measure is PSNR
    assert made.after > made.before + 0.2
    entry = find_entry(str(result.path))
    assert (entry.kind, entry.trained_on) == (kind, f"8 pairs of {photos.name} and {orange.name}")


def test_photos_of_many_sizes_and_bad_ones_among_them(
    photo_file: Callable[..., Path], tmp_path: Path
) -> None:
    for number, size in enumerate([(64, 64), (64, 200), (150, 70), (80, 110)]):
        photo_file(f"day/{number}.png", *size)
        path = photo_file(f"dusk/{number}.jpg", *size, sky="dusk")
    dusk = path.parent
    (dusk / "broken.jpg").write_bytes(b"no photo")
    (dusk / "empty.png").touch()
    for config in (LOOK, replace(PAIRED, family="repair")):
        told: list[str] = []
        out = tmp_path / f"{config.family}.safetensors"
        result = train(
            "dusk", [dusk.with_name("day"), dusk], replace(config, steps=1), out, warn=told.append
        )
        assert result.steps == 1
        if config is LOOK:
            assert (result.photos, result.skipped) == (8, 2)
            assert "broken.jpg" in told[0]
            assert "empty.png" in told[1]
            assert told[2].startswith("2 of 6 photos in ")
        else:
            assert (result.photos, result.skipped) == (4, 0)
            assert "2 of the 6 photos" in told[0]


@pytest.mark.parametrize("config", [LOOK, PAIRED])
def test_folders_that_will_not_do_are_refused_before_training(
    photos: Path, tmp_path: Path, config: TrainConfig, photo_file: Callable[..., Path]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    one = photo_file("one/0.png").parent
    out = tmp_path / "soft.safetensors"
    for others, message in [
        ([empty], "there are no photos in"),
        ([tmp_path / "none"], "there is no folder"),
        ([one], "training needs 2 or more"),
        ([one / "0.png"], "is a file"),
        ([photos], "both folders are"),
        ([], "a second folder"),
    ]:
        with pytest.raises(UsageError, match=message):
            train("soft", [photos, *others], config, out)
    assert not list(tmp_path.glob("soft*"))


class Figures:
    """Previews whose figures are given by step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, figures: dict[int, float]) -> None:
        self.figures = figures

        def scripted(examples: tuple[Tensor, Tensor], learner: Any) -> Preview:
            return replace(preview(examples, learner), after=self.figures[learner.steps])

        monkeypatch.setattr(run, "preview", scripted)


def test_the_best_state_is_kept(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = tmp_path / "four.safetensors"
    train("soft", photos, replace(CONFIG, steps=4), four)
    figures = Figures(monkeypatch, {4: 30.0, 6: 20.0})
    out = tmp_path / "soft.safetensors"
    result = train("soft", photos, CONFIG, out)
    assert result.best == tmp_path / "soft.best.safetensors"
    assert same(result.best, four)
    assert not same(result.best, out)
    recipe = find_entry(str(result.best)).recipe
    assert recipe == "photostyle train --init none --steps 6 (stopped after step 4)"
    assert read_checkpoint(result.checkpoint)["best"] == 30
    # More steps do not make it worse, but better ones replace it.
    figures.figures |= {8: 29.0}
    train("soft", photos, replace(CONFIG, steps=8), out, resume=True)
    assert same(result.best, four)
    figures.figures |= {10: 31.0}
    train("soft", photos, replace(CONFIG, steps=10), out, resume=True)
    assert same(result.best, out)


def test_what_the_end_was_like_is_known_when_it_is_resumed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Figures(monkeypatch, {4: 10.0, 6: 30.0, 8: 20.0})
    out = tmp_path / "soft.safetensors"
    result = train("soft", photos, CONFIG, out)
    kept = result.best.read_bytes()
    train("soft", photos, replace(CONFIG, steps=8), out, resume=True)
    assert result.best.read_bytes() == kept


def test_of_distances_the_smallest_is_the_best(
    photos: Path, orange: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PREVIEW_STEPS", 1)
    Figures(monkeypatch, {1: 9.0, 2: 5.0, 3: 7.0})
    config = replace(LOOK, steps=3)
    result = train("sunset", [photos, orange], config, tmp_path / "sunset.safetensors")
    assert (find_entry(str(result.best)).recipe or "").endswith("(stopped after step 2)")


def test_a_best_file_in_the_way_is_not_overwritten(photos: Path, tmp_path: Path) -> None:
    best = tmp_path / "soft.best.safetensors"
    best.write_bytes(b"mine")
    with pytest.raises(TrainingError, match=r"soft\.best\.safetensors' exists already"):
        train("soft", photos, CONFIG, tmp_path / "soft.safetensors")
    assert best.read_bytes() == b"mine"


def test_it_starts_from_another_filter(photos: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    train("soft", photos, replace(CONFIG, rate=0.1), first)
    result = train("soft", photos, CONFIG, second, init=str(first), minutes=1e-9)
    assert result.steps == 0
    assert same(first, second)
    (network,) = load_networks(find_entry(str(first)))
    with torch.no_grad():
        expected = network(result.preview.inputs).clamp(0, 1)
    assert (result.preview.results - expected).abs().max() < 2e-3
    assert result.preview.after != result.preview.before
    label = read_checkpoint(result.checkpoint)["settings"]["init"]
    assert label.startswith("soft@")


def test_by_default_it_starts_from_a_bundled_filter(photos: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, family="tone", degrade=("exposure",), steps=1)
    result = train("light", photos, config, tmp_path / "light.safetensors", init=None)
    entry = find_entry(str(result.path))
    bundled = find_entry("exposure")
    assert entry.params == {**bundled.params, "context": 3}
    assert entry.recipe == "photostyle train --init exposure --steps 1"
    (now,), then = load_networks(entry), load_networks(bundled)[-1].state_dict()
    changes = [(now.state_dict()[n] - v).abs().max().item() for n, v in then.items()]
    assert 0 < max(changes) < 0.02


def test_a_filter_that_does_not_fit_is_refused_before_training(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "soft.safetensors"
    with pytest.raises(UsageError, match="it is a tone filter"):
        train("soft", photos, CONFIG, out, init="exposure")
    with pytest.raises(ModelError, match="no-such-filter"):
        train("soft", photos, CONFIG, out, init="no-such-filter")
    assert not list(tmp_path.iterdir())


def test_a_resumed_run_has_started_already(photos: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    train("soft", photos, CONFIG, first)
    train("soft", photos, CONFIG, second, init=str(first), progress=interrupt_at(3))
    # Nobody needs to say again what it started from, nor to keep that.
    moved = first.rename(tmp_path / "moved.safetensors")
    result = train("soft", photos, CONFIG, second, init=None, resume=True, progress=interrupt_at(4))
    assert (result.steps, result.init) == (4, "soft")
    assert "--init soft " in str(find_entry(str(second)).recipe)
    moved.rename(first)
    with pytest.raises(UsageError, match=r"was started from soft@[0-9a-f]{12}, not from nothing"):
        train("soft", photos, CONFIG, second, init="none", resume=True)
    result = train("soft", photos, CONFIG, second, init=str(first), resume=True)
    assert result.steps == 6
    with pytest.raises(UsageError, match="was started from nothing, not from soft@"):
        train("soft", photos, CONFIG, first, init=str(second), resume=True)


def test_ctrl_c_keeps_what_was_learnt_and_resuming_ends_the_same(
    photos: Path, tmp_path: Path
) -> None:
    straight, stopped = tmp_path / "straight.safetensors", tmp_path / "stopped.safetensors"
    train("soft", photos, CONFIG, straight)
    result = train("soft", photos, CONFIG, stopped, progress=interrupt_at(3))
    assert (result.steps, result.interrupted) == (3, True)
    assert not same(straight, stopped)
    recipe = "photostyle train --init none --steps 6 (stopped after step 3)"
    assert find_entry(str(stopped)).recipe == recipe
    result = train("soft", photos, CONFIG, stopped, resume=True)
    assert (result.steps, result.interrupted) == (6, False)
    assert same(straight, stopped)
    # There is nothing left to do, and nothing is done.
    train("soft", photos, CONFIG, stopped, resume=True)
    assert same(straight, stopped)


@pytest.mark.parametrize(
    ("config", "kill_at"), [(replace(CONFIG, steps=9), 5), (LOOK, 3)], ids=["repair", "look"]
)
def test_a_killed_run_ends_the_same_when_resumed(
    photos: Path, orange: Path, tmp_path: Path, config: TrainConfig, kill_at: int
) -> None:
    straight, killed = tmp_path / "straight.safetensors", tmp_path / "killed.safetensors"
    folders = [photos] if config.degrade else [photos, orange]
    train("soft", folders, config, straight)
    code = f"""
        import sys, time
        from pathlib import Path
        import torch
        torch.set_num_threads(1)
        from photostyle.training import palette, run, task, translation
        from photostyle.training.config import TrainConfig
        from photostyle.training.repair import RepairFamily
        from photostyle.training.task import FAMILIES
        from photostyle.training.tone import ToneFamily
        FAMILIES["repair"] = lambda params={SMALL!r}: RepairFamily(params)
        FAMILIES["tone"] = lambda params={SMALL_TONE!r}: ToneFamily(params)
        translation.SIDE, palette.POOL, task.PREVIEW_EXAMPLES = 64, 8192, {EXAMPLES}
        run.CHECKPOINT_STEPS, run.PREVIEW_STEPS = 2, 4
        def report(progress):
            if (progress.stage, progress.done) == ("train", {kill_at}):
                print("now", flush=True)
                time.sleep(60)
        out, *folders = map(Path, sys.argv[1:])
        run.train("soft", folders, {config!r}, out, init="none", progress=report)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), killed, *folders]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not killed.exists()
    reports: list[Progress] = []
    train("soft", folders, config, killed, resume=True, progress=reports.append)
    done = [p.done for p in reports if p.stage == "train"]
    assert done == list(range(kill_at, config.steps + 1))
    assert same(straight, killed)
    assert same(straight.with_suffix(".best.safetensors"), killed.with_suffix(".best.safetensors"))


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
    assert math.isclose(result.preview.after, result.preview.before)


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
    losses = Reconstruction.losses

    def breaking(judge: Reconstruction, step: int, *sides: Any) -> dict[str, Tensor]:
        found = losses(judge, step, *sides)
        return {name: value * (math.nan if step == 5 else 1) for name, value in found.items()}

    monkeypatch.setattr(Reconstruction, "losses", breaking)
    message = r"loss is nan at step 6; .*soft.safetensors' and .*hold the state after step 4"
    with pytest.raises(TrainingError, match=message):
        train("soft", photos, CONFIG, out)
    assert same(out, good)
    monkeypatch.setattr(Reconstruction, "losses", losses)
    assert train("soft", photos, CONFIG, out, resume=True).steps == 6


def test_a_loss_that_is_never_finite_leaves_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infinite = {"reconstruction": torch.tensor(math.inf)}
    monkeypatch.setattr(Reconstruction, "losses", lambda *_: infinite)
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


def test_a_disk_that_is_full_when_the_filter_is_written(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from photostyle.training import result

    write = result.write_atomically

    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    out = tmp_path / "soft.safetensors"
    monkeypatch.setattr(result, "write_atomically", full)
    with pytest.raises(TrainingError, match=r"cannot write .*soft\..*: No space left on device"):
        train("soft", photos, CONFIG, out)
    assert not out.exists()
    monkeypatch.setattr(result, "write_atomically", write)
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
    monkeypatch.setitem(FAMILIES, "repair", lambda *_: RepairFamily(SMALL | {"widths": [8, 8]}))
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
