from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import tomllib

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from photostyle.cli.train import FIELDS
from photostyle.features import dead_leaves
from photostyle.networks import RepairGenerator
from photostyle.progress import Progress
from photostyle.registry import find_entry, load_networks, read_entries
from photostyle.training import run
from photostyle.training.restoration import RestorationTrainer

SMALL = {"widths": [8, 8], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
TINY = ("--degrade", "noise", "--steps", "4", "--batch", "2", "--size", "32", "--device", "cpu")


class SmallTrainer(RestorationTrainer):
    def _new_generator(self):
        return RepairGenerator(**SMALL)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of nine photos in the current folder, and small networks."""
    monkeypatch.setitem(run.FAMILIES, "repair", run.Family(SmallTrainer, SMALL))
    monkeypatch.setattr(run, "CHECKPOINT_STEPS", 2)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "clean"
    folder.mkdir()
    for number, leaf in enumerate(dead_leaves(9, 48, leaves=10)):
        pixels = (255 * leaf.permute(1, 2, 0).numpy()).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def interrupted(monkeypatch):
    """`interrupted(step)`: Ctrl-C comes in this step."""

    def at(step):
        take = SmallTrainer.step

        def step_and_interrupt(trainer):
            if trainer.steps == step - 1:
                signal.raise_signal(signal.SIGINT)
            return take(trainer)

        monkeypatch.setattr(SmallTrainer, "step", step_and_interrupt)
        return lambda: monkeypatch.setattr(SmallTrainer, "step", take)

    return at


def test_a_filter_and_its_entry(cli, photos, tmp_path):
    outcome = cli("train", "soft", "clean", *TINY, "--license", "CC0-1.0", "--seed", "3")
    assert outcome.code == 0
    models = tmp_path / "models.toml"
    models.write_text(outcome.out)
    entry = read_entries(models)["soft"]
    assert entry.path == tmp_path / "soft.safetensors"
    assert (entry.kind, entry.license) == ("repair", "CC0-1.0")
    assert entry.trained_on == "8 photos of clean"
    assert entry.recipe == (
        "photostyle train soft clean --degrade noise --batch 2 --size 32 --seed 3 --steps 4"
    )
    assert len(load_networks(entry)) == 1
    steps, last = outcome.err.splitlines()
    assert steps.startswith("step 4: PSNR ")
    assert last.startswith("soft: 4 steps in ")
    assert {path.name for path in tmp_path.iterdir()} == {
        "clean", "models.toml", "soft.safetensors", "soft.checkpoint", "soft.previews", "soft.runs",
    }  # fmt: skip
    assert photos.is_dir()


def test_json_is_one_object(cli, photos):
    (photos / "broken.jpg").write_bytes(b"no photo")
    record = cli("train", "soft", photos, *TINY, "--json").json
    assert record.keys() == set(FIELDS)
    assert record["entry"]["sha256"]
    assert record["psnr_degraded"] > 10
    assert record["psnr_repaired"] > 10
    del record["entry"], record["seconds"], record["psnr_degraded"], record["psnr_repaired"]
    warnings = record.pop("warnings")
    assert record == {
        "name": "soft",
        "folder": str(photos),
        "output": "soft.safetensors",
        "checkpoint": "soft.checkpoint",
        "family": "repair",
        "degrade": ["noise"],
        "steps": 4,
        "photos": 8,
        "held_out": 1,
        "skipped": 1,
        "device": "cpu",
        "seed": 0,
        "status": "done",
        "error": None,
    }
    assert "broken.jpg" in warnings[0]


def test_a_failure_with_json_has_the_same_fields(cli, tmp_path):
    failed = cli("train", "soft", tmp_path / "none", *TINY, "--json")
    assert failed.code == 2
    assert failed.json.keys() == set(FIELDS)
    assert (failed.json["status"], failed.json["folder"]) == ("failed", str(tmp_path / "none"))


def test_ctrl_c_says_how_to_continue(cli, photos, tmp_path, interrupted):
    assert cli("train", "straight", photos, *TINY).code == 0
    restore = interrupted(3)
    out = tmp_path / "my filters" / "soft.safetensors"
    out.parent.mkdir()
    outcome = cli("train", "soft", photos, *TINY, "--out", out)
    assert (outcome.code, outcome.out) == (130, "")
    *_, so_far, again, error = outcome.err.splitlines()
    assert so_far == f"step 3 of 4; {out} is the filter so far"
    assert error == "error: interrupted"
    assert len(load_networks(find_entry(str(out)))) == 1
    restore()
    words = shlex.split(again.removeprefix("continue with: "))
    assert words[0] == "photostyle"
    assert cli(*words[1:], "--device", "cpu").code == 0
    first, second = (
        safetensors.torch.load_file(path) for path in (tmp_path / "straight.safetensors", out)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_ctrl_c_with_json(cli, photos, interrupted):
    interrupted(1)
    outcome = cli("train", "soft", photos, *TINY, "--json")
    assert outcome.code == 130
    record = json.loads(outcome.out)
    assert record.keys() == set(FIELDS)
    assert (record["status"], record["steps"]) == ("interrupted", 1)


def test_options_reach_the_run(cli, photos, monkeypatch):
    calls = []

    def train(*arguments, **options):
        calls.append((arguments, options))
        options["progress"](Progress("train", 1, 2))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", train)
    outcome = cli(
        "train", "soft", photos, "--degrade", "jpeg,noise", "--steps", "70", "--minutes", "2.5",
        "--batch", "3", "--size", "48", "--adversarial", "0.01", "--hold-out", "0",
        "--snapshots", "2", "--seed", "9", "--device", "cpu", "--overwrite",
    )  # fmt: skip
    assert outcome.code == 130
    (((name, folder, config, out), options),) = calls
    assert not options["fit"]
    assert (name, folder, str(out)) == ("soft", photos, "soft.safetensors")
    assert (config.family, config.degrade, config.device) == ("repair", ("noise", "jpeg"), "cpu")
    assert (config.steps, config.first_cycle, config.batch, config.size) == (70, 10, 3, 48)
    assert (config.adversarial, config.hold_out, config.snapshots, config.seed) == (0.01, 0, 2, 9)
    assert (options["minutes"], options["resume"], options["overwrite"]) == (2.5, False, True)
    assert options["recipe"].endswith(
        "--degrade jpeg,noise --batch 3 --size 48 --adversarial 0.01 "
        "--hold-out 0 --snapshots 2 --seed 9"
    )


def test_the_time_alone_says_how_many_steps(cli, photos, monkeypatch):
    calls = []

    def train(*_, **options):
        calls.append((options["minutes"], options["fit"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", train)
    cli("train", "soft", photos, "--degrade", "noise", "--minutes", "10")
    cli("train", "soft", photos, "--degrade", "noise", "--minutes", "10", "--steps", "9")
    assert calls == [(10, True), (10, False)]


def test_the_family_follows_from_the_degradations(cli, photos, monkeypatch):
    configs = []

    def train(_name, _folder, config, *_, **__):
        configs.append(config)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", train)
    cli("train", "light", photos, "--degrade", "exposure")
    assert (configs[0].family, configs[0].steps) == ("tone", 28_000)
    assert configs[0].first_cycle == 4000


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["soft", "clean"], 2, ["--degrade noise,jpeg"]),
        (["soft", "clean", "--degrade", "rain"], 2, ["unknown degradation 'rain'"]),
        (["soft", "clean", "--degrade", "exposure,noise"], 2, ["no filter undoes both"]),
        (["so/ft", "clean", "--degrade", "noise"], 2, ["made of letters"]),
        (["soft", "none", "--degrade", "noise"], 2, ["there is no folder 'none'"]),
        (["soft", "empty", "--degrade", "noise"], 2, ["there are no photos"]),
        (["soft", "clean/1.png", "--degrade", "noise"], 2, ["is a file"]),
        (["soft", "one", "--degrade", "noise"], 2, ["only one photo"]),
        (["soft", "clean", "--degrade", "noise", "--steps", "0"], 2, ["steps must be"]),
        (["soft", "clean", "--degrade", "noise", "--size", "33"], 2, ["multiple of 16"]),
        (["soft", "clean", "--degrade", "noise", "--minutes", "0"], 2, ["must be positive"]),
        (["soft", "clean", "--degrade", "noise", "--seed", "-1"], 2, ["--seed"]),
        (["soft", "clean", "--degrade", "noise", "--license", " "], 2, ["--license is empty"]),
        (["soft", "clean", "--degrade", "noise", "--out", "s.pth"], 2, [".safetensors"]),
        (["soft", "clean", "--degrade", "noise", "--out", "no/s.safetensors"], 1, ["no such fold"]),
        (["soft", "clean", "--degrade", "noise", "--resume"], 2, ["no checkpoint"]),
        (["soft", "clean", "--degrade", "noise", "--device", "cuda:99"], 4, ["not available"]),
        (["there", "clean", "--degrade", "noise"], 1, ["exists already", "--overwrite"]),
    ],
)
def test_bad_requests_end_at_once_in_a_line(cli, photos, tmp_path, arguments, code, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    (photos / "0.png").rename(tmp_path / "one" / "0.png")
    (tmp_path / "there.safetensors").write_bytes(b"mine")
    assert cli("train", *arguments).failed(code, *words)
    assert (tmp_path / "there.safetensors").read_bytes() == b"mine"
    assert not list(tmp_path.glob("*.checkpoint"))


def test_the_checkpoint_of_other_settings_is_refused(cli, photos):
    assert cli("train", "soft", photos, *TINY, "-q").err == ""
    outcome = cli("train", "soft", photos, *TINY, "--seed", "1", "--resume")
    assert outcome.failed(2, "was made with seed 0, not 1")
    assert cli("train", "soft", photos, *TINY).failed(1, "--resume to continue it, --overwrite")


def test_verbose_tells_the_losses_and_json_holds_the_toml(cli, photos, monkeypatch):
    monkeypatch.setattr(run, "REPORT_STEPS", 2)
    outcome = cli("train", "soft", photos, *TINY, "-v")
    assert "step 2: reconstruction " in outcome.err
    table = tomllib.loads(outcome.out)["soft"]
    record = cli("train", "soft", photos, *TINY, "--resume", "--json").json
    assert record["entry"] == table


def test_resuming_takes_the_steps_of_the_checkpoint(cli, photos, interrupted):
    restore = interrupted(3)
    assert cli("train", "soft", photos, *TINY).code == 130
    restore()
    fewer = [word for word in TINY if word not in ("--steps", "4")]
    outcome = cli("train", "soft", photos, *fewer, "--resume")
    assert (outcome.code, outcome.err.splitlines()[-1][:14]) == (0, "soft: 4 steps ")


def test_asking_for_help_loads_no_heavy_modules():
    code = (
        "import sys; from photostyle.cli.app import run; run(['train', '--help']);"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "degrade" in done.stdout  # its dashes may be coloured apart
    heavy = {"torch", "numpy", "cv2", "numba", "PIL", "safetensors", "tensorboard"}
    assert not set(done.stderr.split()) & heavy
