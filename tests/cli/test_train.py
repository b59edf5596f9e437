from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from photostyle.cli.train import FIELDS
from photostyle.features import dead_leaves
from photostyle.progress import Progress
from photostyle.registry import find_entry, load_networks, read_entries
from photostyle.training import palette, run, task, translation
from photostyle.training.repair import RepairFamily
from photostyle.training.task import FAMILIES
from photostyle.training.tone import ToneFamily
from photostyle.training.trainer import Trainer

SMALL = {"widths": [8, 8], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
SMALL_TONE = {"width": 4, "depth": 2}
TINY = (
    "--degrade", "noise", "--init", "none", "--steps", "4", "--batch", "2", "--size", "32",
    "--device", "cpu",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of nine photos in the current folder, and small networks."""
    monkeypatch.setitem(FAMILIES, "repair", lambda params=SMALL: RepairFamily(params))
    monkeypatch.setitem(FAMILIES, "tone", lambda params=SMALL_TONE: ToneFamily(params))
    monkeypatch.setattr(task, "PARAMS", SMALL_TONE)
    monkeypatch.setattr(translation, "SIDE", 64)
    monkeypatch.setattr(palette, "POOL", 8192)
    monkeypatch.setattr(task, "PREVIEW_EXAMPLES", 6)
    monkeypatch.setattr(run, "CHECKPOINT_STEPS", 2)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "clean"
    folder.mkdir()
    for number, leaf in enumerate(dead_leaves(9, 48, leaves=10)):
        pixels = (255 * leaf.permute(1, 2, 0).numpy()).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def orange(photos):
    """The same photos in another light, in a folder beside theirs."""
    folder = photos.with_name("orange")
    folder.mkdir()
    for path in photos.iterdir():
        pixels = np.asarray(Image.open(path)) * np.array([1, 0.75, 0.35])
        Image.fromarray(pixels.astype(np.uint8)).save(folder / path.name)
    return folder


@pytest.fixture
def caught(monkeypatch):
    """What runs would be started with: they are not, and Ctrl-C comes at once."""
    calls = []

    def train(name, folders, config, out, **options):
        calls.append(SimpleNamespace(name=name, folders=folders, config=config, out=out, **options))
        options["progress"](Progress("train", 1, 2))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", train)
    return calls


@pytest.fixture
def interrupted(monkeypatch):
    """`interrupted(step)`: Ctrl-C comes in this step."""

    def at(step):
        take = Trainer.step

        def step_and_interrupt(trainer):
            if trainer.steps == step - 1:
                signal.raise_signal(signal.SIGINT)
            return take(trainer)

        monkeypatch.setattr(Trainer, "step", step_and_interrupt)
        return lambda: monkeypatch.setattr(Trainer, "step", take)

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
        "photostyle train soft clean --degrade noise --batch 2 --size 32 --seed 3 --init none "
        "--steps 4"
    )
    assert len(load_networks(entry)) == 1
    steps, last = outcome.err.splitlines()
    assert steps.startswith("step 4: PSNR ")
    assert last.startswith("soft: 4 steps in ")
    assert {path.name for path in tmp_path.iterdir()} == {
        "clean", "models.toml", "soft.safetensors", "soft.best.safetensors", "soft.checkpoint",
        "soft.md", "soft.previews", "soft.runs",
    }  # fmt: skip
    assert photos.is_dir()


@pytest.mark.usefixtures("orange")
def test_a_look_and_its_entry(cli, tmp_path):
    small = ("--steps", "2", "--batch", "1", "--init", "none", "--device", "cpu")
    outcome = cli("train", "sunset", "clean", "orange", *small)
    assert outcome.code == 0
    entry = find_entry("sunset.safetensors")
    assert tomllib.loads(outcome.out)["sunset"]["kind"] == entry.kind == "tone"
    assert entry.trained_on == "16 photos of clean and orange"
    assert entry.recipe == ("photostyle train sunset clean orange --batch 1 --init none --steps 2")
    assert "distance of colours" in outcome.err
    assert len(list((tmp_path / "sunset.previews").iterdir())) == 1


FEW = ("--steps", "2", "--batch", "1", "--device", "cpu")


@pytest.mark.usefixtures("orange")
def test_two_photos_with_masks(cli, photo_file):
    for name in ("a", "b"):
        photo_file(f"masks/{name}.png", 48, 48)
    photos = ("clean/0.png", "orange/1.png")
    masks = ("--masks", "masks/a.png", "masks/b.png")
    done = cli("train", "dusk", *photos, *masks, *FEW, "--json")
    assert (done.code, done.json["masks"]) == (0, ["masks/a.png", "masks/b.png"])
    assert "--masks a.png b.png --init none" in find_entry("dusk.safetensors").recipe
    again = cli("train", "dusk", *photos, *FEW, "--resume")
    assert again.code == 2
    assert "other photos" in again.err
    gone = cli("train", "other", *photos, "--masks", "masks/a.png", "masks/none.png", *FEW)
    assert gone.code == 1
    assert "masks/none.png" in gone.err
    folders = cli("train", "other", "clean", "orange", *masks, *FEW)
    assert folders.code == 2
    assert "give two photos" in folders.err


@pytest.mark.usefixtures("orange")
def test_two_photos_and_their_two_looks(cli, tmp_path):
    outcome = cli("train", "dusk", "clean/0.png", "orange/1.png", *FEW)
    assert outcome.code == 0
    entry = find_entry("dusk.safetensors")
    assert entry.kind == "tone"
    assert entry.params == {**SMALL_TONE, "looks": ["dusk", "dusk:back"]}
    assert tomllib.loads(outcome.out)["dusk"]["params"] == entry.params
    assert entry.trained_on == "2 photos of 0.png and 1.png"
    assert entry.recipe == "photostyle train dusk 0.png 1.png --batch 1 --init none --steps 2"
    assert "distance of colours" in outcome.err
    assert "second look" in (tmp_path / "dusk.md").read_text(encoding="utf-8")
    for name, output in (("dusk.safetensors", "dusk"), ("dusk.safetensors:back", "dusk-back")):
        assert cli("filter", name, "clean/2.png").out == f"clean/2_{output}.png\n"
    before, dusk, back = (
        np.asarray(Image.open(f"clean/2{end}.png")).mean((0, 1))
        for end in ("", "_dusk", "_dusk-back")
    )
    assert dusk[2] < 0.7 * before[2]
    assert back[2] > 0.7 * before[2]


@pytest.mark.usefixtures("orange")
def test_looks_are_added_to_another_filter_by_normalisation_alone(cli):
    assert cli("train", "dusk", "clean/0.png", "orange/1.png", *FEW).code == 0
    more = ("--init", "dusk.safetensors", "--only-norm", *FEW)
    outcome = cli("train", "fog", "clean/3.png", "orange/4.png", *more, "--json")
    assert (outcome.json["only_norm"], outcome.json["imitate"]) == (True, "pair")
    assert outcome.json["entry"]["params"]["looks"] == ["fog", "fog:back", "dusk", "dusk:back"]
    assert outcome.json["init"] == "dusk.safetensors"
    old, new = (load_networks(find_entry(f"{name}.safetensors"))[0] for name in ("dusk", "fog"))
    photo = torch.rand(1, 3, 256, 256)
    assert torch.allclose(old(photo), new.of("dusk")(photo), atol=2e-3)
    assert torch.allclose(old.tail.weight, new.tail.weight, atol=1e-3)
    mixed = cli("filter", "fog.safetensors:0.6,fog.safetensors:dusk:0.4", "clean/2.png")
    assert mixed.out == "clean/2_fog-0.6-fog-dusk-0.4.png\n"


@pytest.mark.usefixtures("orange")
def test_a_folder_and_a_photo_are_a_look(cli):
    outcome = cli("train", "warm", "clean", "orange/1.png", *FEW, "--json")
    assert (outcome.json["imitate"], outcome.json["photos"], outcome.json["held_out"]) == (
        "photo", 9, 1,
    )  # fmt: skip
    assert find_entry("warm.safetensors").params["looks"] == ["warm"]


@pytest.mark.usefixtures("orange")
@pytest.mark.parametrize("only_norm", [False, True])
def test_looks_of_photos_are_resumed_as_others_are(cli, tmp_path, interrupted, only_norm):
    sides = ("clean/0.png", "orange/1.png")
    more = ()
    if only_norm:
        assert cli("train", "old", *sides, *FEW).code == 0
        more = ("--init", "old.safetensors", "--only-norm")
    long = ("--steps", "4", "--device", "cpu", *more)
    assert cli("train", "dusk", *sides, *long).code == 0
    straight = safetensors.torch.load_file(tmp_path / "dusk.safetensors")
    restore = interrupted(3)
    outcome = cli("train", "dusk", *sides, *long, "--overwrite")
    assert outcome.code == 130
    restore()
    words = shlex.split(outcome.err.splitlines()[-2].removeprefix("continue with: "))
    assert cli(*words[1:], "--device", "cpu").code == 0
    resumed = safetensors.torch.load_file(tmp_path / "dusk.safetensors")
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


@pytest.mark.parametrize(("family", "kind"), [((), "tone"), (("--family", "repair"), "repair")])
def test_pairs_and_their_entry(cli, orange, family, kind):
    (orange / "1.png").unlink()
    small = ("--steps", "2", "--batch", "1", "--size", "32", "--init", "none", "--device", "cpu")
    outcome = cli("train", "warm", "clean", "orange", "--paired", *family, *small, "--json")
    record = outcome.json
    assert (record["family"], record["paired"], record["status"]) == (kind, True, "done")
    assert record["measure"] == "PSNR, dB"
    assert record["after"] > 5
    entry = find_entry(record["output"])
    assert (entry.kind, entry.trained_on) == (kind, "7 pairs of clean and orange")
    words = " ".join(("--paired", *family))
    assert entry.recipe.startswith(f"photostyle train warm clean orange {words} --batch 1 ")
    assert "1 of the 9 photos in 'clean'" in record["warnings"][0]


def test_json_is_one_object(cli, photos):
    (photos / "broken.jpg").write_bytes(b"no photo")
    record = cli("train", "soft", photos, *TINY, "--json").json
    assert record.keys() == set(FIELDS)
    assert record["entry"]["sha256"]
    assert record["before"] > 10
    assert record["after"] > 10
    for name in ("entry", "seconds", "before", "after"):
        del record[name]
    warnings = record.pop("warnings")
    expected = {
        "name": "soft",
        "folders": [str(photos)],
        "output": "soft.safetensors",
        "best": "soft.best.safetensors",
        "checkpoint": "soft.checkpoint",
        "family": "repair",
        "degrade": ["noise"],
        "paired": False,
        "masks": [],
        "init": "none",
        "steps": 4,
        "photos": 8,
        "held_out": 1,
        "skipped": 1,
        "measure": "PSNR, dB",
        "device": "cpu",
        "seed": 0,
        "status": "done",
        "error": None,
    }
    assert {name: record[name] for name in expected} == expected
    assert "broken.jpg" in warnings[0]


def test_a_failure_with_json_has_the_same_fields(cli, tmp_path):
    failed = cli("train", "soft", tmp_path / "none", *TINY, "--json")
    assert failed.code == 2
    assert failed.json.keys() == set(FIELDS)
    assert (failed.json["status"], failed.json["folders"]) == ("failed", [str(tmp_path / "none")])
    assert "there is no folder" in failed.json["error"]


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


def test_options_reach_the_run(cli, photos, caught):
    outcome = cli(
        "train", "soft", photos, "--degrade", "jpeg,noise", "--steps", "70", "--minutes", "2.5",
        "--batch", "3", "--size", "48", "--adversarial", "0.01", "--hold-out", "0",
        "--snapshots", "2", "--seed", "9", "--init", "denoise", "--no-amp", "--device", "cpu",
        "--license", "CC0-1.0", "--overwrite",
    )  # fmt: skip
    assert outcome.code == 130
    (call,) = caught
    config = call.config
    assert (call.name, call.folders, str(call.out)) == ("soft", [photos], "soft.safetensors")
    assert (config.family, config.degrade, config.device) == ("repair", ("noise", "jpeg"), "cpu")
    assert (config.steps, config.first_cycle, config.batch, config.size) == (70, 10, 3, 48)
    assert (config.adversarial, config.hold_out, config.snapshots, config.seed) == (0.01, 0, 2, 9)
    assert (config.paired, config.amp) == (False, False)
    assert (call.init, call.fit, call.minutes, call.license) == ("denoise", False, 2.5, "CC0-1.0")
    assert (call.resume, call.overwrite) == (False, True)
    # What it starts from, and its steps, are added when they are known.
    assert call.recipe == (
        "photostyle train soft clean --degrade jpeg,noise --batch 3 --size 48 --adversarial 0.01 "
        "--hold-out 0 --snapshots 2 --no-amp --seed 9"
    )


def test_two_folders_reach_the_run(cli, photos, orange, tmp_path, caught):
    out = tmp_path / "b.safetensors"
    cli("train", "warm", photos, orange, "--paired", "--family", "repair", "--resume", "-o", out)
    (call,) = caught
    assert (call.folders, call.out) == ([photos, orange], out)
    assert (call.config.family, call.config.degrade, call.config.paired) == ("repair", (), True)
    assert (call.resume, call.overwrite, call.init) == (True, False, None)
    assert call.recipe == "photostyle train warm clean orange --paired --family repair"


def test_each_kind_of_run_has_its_own_defaults(cli, photos, orange, caught):
    cli("train", "soft", photos, "--degrade", "noise")
    cli("train", "light", photos, "--degrade", "exposure")
    cli("train", "warm", photos, orange, "--paired")
    cli("train", "mend", photos, orange, "--paired", "--family", "repair")
    cli("train", "sunset", photos, orange)
    cli("train", "pair", photos / "0.png", orange / "1.png")
    cli("train", "photo", photos, orange / "1.png")
    cli("train", "norm", photos, orange / "1.png", "--init", "x.safetensors", "--only-norm")
    soft, light, warm, mend, look, pair, photo, norm = (call.config for call in caught)
    assert (norm.imitate, norm.only_norm, norm.steps) == ("photo", True, photo.steps // 6)
    assert norm.rate > photo.rate
    assert (pair.imitate, photo.imitate, look.imitate) == ("pair", "photo", "")
    assert (pair.family, photo.family) == ("tone", "tone")
    assert photo.steps < pair.steps < look.steps
    assert pair.rate == photo.rate > look.rate
    assert pair.adversarial == photo.adversarial == 0
    assert pair.snapshots == photo.snapshots == 1
    assert (soft.family, light.family, warm.family, mend.family, look.family) == (
        "repair", "tone", "tone", "repair", "tone",
    )  # fmt: skip
    assert soft.steps == light.steps == warm.steps == mend.steps == 28_000
    assert soft.first_cycle == 4000
    assert soft.batch == mend.batch == 16
    # Tone filters look at whole photos, fewer at a time; a look is learnt in fewer steps.
    assert light.batch == warm.batch == look.batch < soft.batch
    assert look.steps < soft.steps
    assert look.first_cycle == run.first_cycle(look.steps)
    # A look needs the adversary, and averages snapshots.
    assert look.adversarial > 0
    assert soft.adversarial == light.adversarial == warm.adversarial == mend.adversarial == 0
    assert look.snapshots > 1
    assert soft.snapshots == warm.snapshots == 1
    assert all(call.config.amp and call.fit for call in caught)
    assert [call.init for call in caught[-2:]] == [None, "x.safetensors"]


def test_what_is_given_replaces_the_defaults_of_looks(cli, photos, orange, caught):
    cli(
        "train", "sunset", photos, orange, "--steps", "7", "--batch", "3", "--adversarial", "0",
        "--snapshots", "1",
    )  # fmt: skip
    (call,) = caught
    config = call.config
    assert (config.steps, config.first_cycle, config.batch) == (7, 1, 3)
    assert (config.adversarial, config.snapshots) == (0, 1)
    assert call.recipe == (
        "photostyle train sunset clean orange --batch 3 --adversarial 0 --snapshots 1"
    )


def test_the_time_alone_says_how_many_steps(cli, photos, caught):
    cli("train", "soft", photos, "--degrade", "noise", "--minutes", "10")
    cli("train", "soft", photos, "--degrade", "noise", "--minutes", "10", "--steps", "9")
    assert [(call.minutes, call.fit) for call in caught] == [(10, True), (10, False)]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["soft", "clean"], 2, ["a second folder", "--degrade"]),
        (["soft", "clean", "--paired"], 2, ["a second folder"]),
        (["soft", "clean", "clean"], 2, ["both folders are 'clean'"]),
        (["soft", "clean", "full", "--degrade", "noise"], 2, ["leave out the second"]),
        (["soft", "clean", "full", "--degrade", "noise", "--paired"], 2, ["exclude each other"]),
        (["soft", "clean", "full", "--family", "repair"], 2, ["a repair needs pairs"]),
        (["soft", "clean", "full", "--paired", "--family", "blue"], 2, ["not 'blue'"]),
        (["soft", "clean", "--degrade", "noise", "--family", "tone"], 2, ["--family goes with"]),
        (["soft", "clean", "none"], 2, ["there is no folder 'none'"]),
        (["soft", "clean", "empty"], 2, ["there are no photos in 'empty'"]),
        (["soft", "clean", "one"], 2, ["in 'one': training needs 2"]),
        (["soft", "full/1.png", "clean"], 2, ["is a photo", "give the folder first"]),
        (["soft", "full/1.png", "none.jpg"], 2, ["there is no photo or folder 'none.jpg'"]),
        (["soft", "none", "full/1.png"], 2, ["there is no photo or folder 'none'"]),
        (["soft", "full/1.png"], 2, ["a second folder"]),
        (["soft", "full/1.png", "full/1.png"], 2, ["both photos are 'full/1.png'"]),
        (["soft", "full/1.png", "bad.png"], 1, ["bad.png"]),
        (["soft", "bad.png", "full/1.png"], 1, ["bad.png"]),
        (["soft", "clean", "bad.png"], 1, ["bad.png"]),
        (["soft", "one", "full/1.png"], 2, ["in 'one': training needs 2"]),
        (["soft", "clean", "full/1.png", "--paired"], 2, ["not a single photo"]),
        (["soft", "clean", "full/1.png", "--degrade", "noise"], 2, ["not a single photo"]),
        (["soft", "clean", "full/1.png", "--family", "repair"], 2, ["leave out --family"]),
        (["soft", "clean", "full/1.png", "--adversarial", "1"], 2, ["--adversarial needs a fol"]),
        (["soft", "clean", "full/1.png", "--only-norm"], 2, ["name their filter, --init"]),
        (["soft", "clean", "full", "--only-norm"], 2, ["for looks of single photos"]),
        (["soft", "clean", "full/1.png", "--init", "exposure"], 2, ["a look of a single photo"]),
        (["soft", "clean", "full/1.png", "--init", "denoise"], 2, ["it is a repair filter"]),
        (["soft", "clean", "full", "--init", "denoise"], 2, ["it is a repair filter"]),
        (["soft", "clean", "--degrade", "noise", "--init", "exposure"], 2, ["it is a tone filter"]),
        (["soft", "clean", "full", "--init", "nothing-like-it"], 3, ["nothing-like-it"]),
        (["soft", "clean", "--degrade", "rain"], 2, ["unknown degradation 'rain'"]),
        (["soft", "clean", "--degrade", "exposure,noise"], 2, ["no filter undoes both"]),
        (["so/ft", "clean", "--degrade", "noise"], 2, ["made of letters"]),
        (["soft", "none", "--degrade", "noise"], 2, ["there is no folder 'none'"]),
        (["soft", "empty", "--degrade", "noise"], 2, ["there are no photos"]),
        (["soft", "clean/1.png", "--degrade", "noise"], 2, ["is a file"]),
        (["soft", "one", "--degrade", "noise"], 2, ["in 'one': training needs 2"]),
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
    shutil.copytree(photos, tmp_path / "full")
    (tmp_path / "there.safetensors").write_bytes(b"mine")
    (tmp_path / "bad.png").write_bytes(b"no photo")
    # The photos are smaller than most, which would be said otherwise.
    assert cli("train", "--size", "32", *arguments).failed(code, *words)
    assert (tmp_path / "there.safetensors").read_bytes() == b"mine"
    assert not list(tmp_path.glob("*.checkpoint"))


def test_the_checkpoint_of_other_settings_is_refused(cli, photos):
    assert cli("train", "soft", photos, *TINY, "-q").err == ""
    outcome = cli("train", "soft", photos, *TINY, "--seed", "1", "--resume")
    assert outcome.failed(2, "was made with seed 0, not 1")
    outcome = cli("train", "soft", photos, *TINY, "--init", "denoise", "--resume")
    assert outcome.failed(2, "was started from nothing, not from denoise@")
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
    for option in ("degrade", "paired", "family", "init", "amp"):
        assert option in done.stdout  # their dashes may be coloured apart
    heavy = {"torch", "numpy", "cv2", "numba", "PIL", "safetensors", "tensorboard"}
    assert not set(done.stderr.split()) & heavy


def test_the_filter_is_published_with_its_card(cli, photos, tmp_path, monkeypatch):
    from photostyle.registry import publish

    sent = {}

    def send(repo_id, files, **options):
        sent.update(repo_id=repo_id, files=files, **options)
        return publish.Published(repo_id, "a" * 40, "https://hub/commit")

    monkeypatch.setattr(publish, "check_access", lambda _: None)
    monkeypatch.setattr(publish, "publish", send)
    outcome = cli("train", "soft", photos, *TINY, "--push-to-hub", "me/soft", "--private")
    assert outcome.code == 0
    assert sent["repo_id"] == "me/soft"
    assert sent["private"]
    assert sent["files"]["soft.safetensors"].name == "soft.safetensors"
    card = sent["files"]["README.md"].read_text(encoding="utf-8")
    assert 'repo_id = "me/soft"' in card
    (picture,) = sent["files"].keys() - {"README.md", "soft.safetensors"}
    assert picture in card
    assert (tmp_path / picture).is_file()
    table = tomllib.loads(outcome.out)["soft"]
    assert (table["repo_id"], table["revision"], table["file"]) == (
        "me/soft", "a" * 40, "soft.safetensors",
    )  # fmt: skip
    assert "path" not in table
    assert "published: https://hub/commit" in outcome.err


def test_a_name_or_a_token_that_will_not_do_shows_before_training(cli, photos, monkeypatch):
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    bad = cli("train", "soft", photos, *TINY, "--push-to-hub", "no slash")
    assert bad.failed(2, "no slash")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert cli("train", "soft", photos, *TINY, "--push-to-hub", "me/soft").failed(3)
    assert cli("train", "soft", photos, *TINY, "--private").failed(2, "--push-to-hub")
    assert not list(photos.parent.glob("soft*"))
