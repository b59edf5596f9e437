from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import photostyle.transfers
from photostyle.cli.shoot import FIELDS
from photostyle.networks import GlobalLook
from photostyle.progress import Progress

TINY = ("--size", "64", "--iterations", "2", "--device", "cpu")


@pytest.fixture
def album(photo_file, tmp_path, monkeypatch):
    """The names of three photos and a style photo in the current folder, a new one."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a.jpg", "b.png", "c.jpg")):
        photo_file(name, 40 + number, 60, seed=number)
    photo_file("style.jpg", 40, 50, sky="dusk")
    return "a.jpg", "b.png", "c.jpg"


@pytest.fixture
def fit(monkeypatch):
    """The fit replaced by a look that halves all values; `fit.calls` holds what it was given."""
    record = SimpleNamespace(calls=[])

    def fit_shoot(frames, style, config, *, progress):
        record.calls.append((frames, style, config))
        progress(Progress("fit", 1, 1))
        look = GlobalLook(8).requires_grad_(False)
        look.maps *= 0.5
        return look

    monkeypatch.setitem(vars(photostyle.transfers), "fit_shoot", fit_shoot)
    return record


def lines(outcome):
    return [json.loads(line) for line in outcome.out.splitlines()]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_all_photos_get_one_look(cli, fit, album):
    outcome = cli("transfer", *album, "--style", "style.jpg")
    assert outcome.code == 0
    assert sorted(outcome.out.split()) == ["a_transfer.jpg", "b_transfer.png", "c_transfer.jpg"]
    ((frames, style, config),) = fit.calls
    assert [len(frame) for frame in frames] == [40, 41, 42]
    assert style.shape == (40, 50, 3)
    assert config.iterations == 130
    assert np.abs(pixels("b_transfer.png") - pixels("b.png") / 2).max() <= 1


def test_json_is_an_object_a_photo_and_one_for_the_run(cli, fit, album):
    outcome = cli(
        "transfer", *album, "--style", "style.jpg", "--json", "--seed", "4", "--device", "cpu"
    )
    *photos, summary = lines(outcome)
    assert {photo["status"] for photo in photos} == {"done"}
    assert summary.keys() == set(FIELDS)
    assert (summary["style"], summary["frames"], summary["seed"]) == ("style.jpg", 3, 4)
    assert (summary["done"], summary["device"], summary["look"]) == (3, "cpu", None)
    assert len(fit.calls) == 1


@pytest.mark.usefixtures("fit")
def test_one_bad_photo_does_not_stop_the_rest(cli, album, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    outcome = cli("transfer", "bad.jpg", *album, "gone.jpg", "--style", "style.jpg")
    assert outcome.code == 1
    assert len(outcome.out.split()) == 3
    assert "cannot read 'bad.jpg'" in outcome.err
    assert "cannot read 'gone.jpg': there is no such file" in outcome.err


def test_where_no_photo_can_be_read_each_says_why(cli, fit, tmp_path, album):
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    outcome = cli("transfer", "bad.jpg", "--style", "style.jpg", "--save-look", "l.safetensors")
    assert outcome.code == 1
    assert "cannot read 'bad.jpg'" in outcome.err
    assert not fit.calls
    assert not (tmp_path / "l.safetensors").exists()
    assert len(album) == 3


@pytest.mark.usefixtures("album")
def test_run_again_only_what_is_missing_is_done_with_the_look_of_all(cli, fit, tmp_path):
    cli("transfer", ".", "--style", "style.jpg")
    (tmp_path / "c_transfer.jpg").unlink()
    outcome = cli("transfer", ".", "--style", "style.jpg")
    assert (outcome.code, outcome.out) == (0, "c_transfer.jpg\n")
    assert [len(frames) for frames, _, _ in fit.calls] == [3, 3]
    assert "results of an earlier run are kept" in outcome.err
    again = cli("transfer", ".", "--style", "style.jpg")
    assert (again.code, again.out, len(fit.calls)) == (0, "", 2)


@pytest.mark.usefixtures("fit", "album")
def test_the_style_among_the_photos_is_left_alone(cli, tmp_path):
    outcome = cli("transfer", ".", "--style", "./style.jpg", "-d", "out")
    assert outcome.code == 0
    assert files(tmp_path / "out") == ["a_transfer.jpg", "b_transfer.png", "c_transfer.jpg"]
    assert "is the style" in outcome.err
    alone = cli("transfer", "style.jpg", "--style", "style.jpg")
    assert alone.failed(2, "is the style: name the photos")


@pytest.mark.usefixtures("fit")
def test_names_may_hold_the_style_and_the_number(cli, album):
    outcome = cli("transfer", *album, "--style", "style.jpg", "--name", "{index}-{style}{ext}")
    assert sorted(outcome.out.split()) == ["1-style.jpg", "2-style.png", "3-style.jpg"]


def test_a_dry_run_does_nothing(cli, fit, album, tmp_path):
    before = files(tmp_path)
    outcome = cli("transfer", *album, "--style", "style.jpg", "--dry-run", "--export-lut", "l.cube")
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == "a.jpg -> a_transfer.jpg"
    assert (files(tmp_path), fit.calls) == (before, [])


@pytest.mark.usefixtures("fit")
def test_a_report_shows_all_photos(cli, album, tmp_path):
    cli("transfer", *album, "--style", "style.jpg", "--report", "r.html")
    page = (tmp_path / "r.html").read_text()
    assert page.count("<figure>") == 3
    assert "photostyle transfer: style.jpg" in page


def test_the_saved_look_gives_other_photos_the_same(cli, album):
    first = cli(
        "transfer", *album, "--style", "style.jpg", "--save-look", "dusk.safetensors",
        "--export-lut", "dusk.cube", "--json", "--no-provenance", *TINY,
    )  # fmt: skip
    *_, summary = lines(first)
    assert (summary["look"], summary["lut"]) == ("dusk.safetensors", "dusk.cube")
    assert summary["lut_error"]["mean"] < 1
    outcome = cli("filter", "./dusk.safetensors", *album, "--device", "cpu", "--offline")
    assert sorted(outcome.out.split()) == ["a_dusk.jpg", "b_dusk.png", "c_dusk.jpg"]
    assert (pixels("b_dusk.png") == pixels("b_transfer.png")).all()
    about = cli("models", "info", "dusk.safetensors", "--json").json
    assert about["trained_on"] == "the look of style.jpg, fitted to 3 photos"
    assert about["recipe"].startswith("photostyle transfer --style style.jpg --strength 1 ")


def test_files_of_a_look_survive_a_second_run_but_not_another_look(cli, fit, album, tmp_path):
    command = ("transfer", "--style", "style.jpg", "--save-look", "l.safetensors", "--export-lut",
               "l.cube", *album)  # fmt: skip
    cli(*command)
    before = (tmp_path / "l.safetensors").read_bytes()
    (tmp_path / "a_transfer.jpg").unlink()
    assert cli(*command).out == "a_transfer.jpg\n"
    (tmp_path / "a_transfer.jpg").unlink()
    other = cli(*command, "--seed", "9")
    assert other.code == 1
    assert "'l.safetensors': it holds something else" in other.err
    assert not (tmp_path / "a_transfer.jpg").exists()
    assert (tmp_path / "l.safetensors").read_bytes() == before
    assert cli(*command, "--seed", "9", "--overwrite").code == 0
    assert (tmp_path / "l.safetensors").read_bytes() != before
    assert len(fit.calls) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a.jpg", "--style", "gone.jpg"], 1, "cannot read 'gone.jpg'"),
        (["--style", "style.jpg"], 2, "name photos or folders"),
        (["a.jpg", "--style", "style.jpg", "--refine", "3"], 2, "--refine"),
        (["a.jpg", "--style", "style.jpg", "--solver", "mkl"], 2, "--solver"),
        (
            ["a.jpg", "--style", "style.jpg", "--content-mask", "b.png", "--style-mask", "b.png"],
            2,
            "masks are for one photo",
        ),
        (["a.jpg", "--style", "style.jpg", "--save-look", "l.pth"], 2, "end in .safetensors"),
        (["a.jpg", "--style", "style.jpg", "--export-lut", "l.txt"], 2, "must end in .cube"),
        (["a.jpg", "--style", "style.jpg", "--export-lut", "no/l.cube"], 1, "there is no folder"),
        (["a.jpg", "c.jpg", "--jobs", "2"], 2, "--jobs is for many photos"),
        (["a.jpg", "c.jpg", "--report", "r.html"], 2, "--report is for many photos"),
    ],
)
@pytest.mark.usefixtures("album")
def test_what_makes_no_sense_is_one_line(cli, fit, tmp_path, arguments, code, words):
    before = files(tmp_path)
    assert cli("transfer", *arguments).failed(code, words)
    assert (files(tmp_path), fit.calls) == (before, [])


@pytest.mark.usefixtures("album")
def test_a_pair_saves_the_look_that_comes_closest_to_its_result(cli, tmp_path):
    outcome = cli(
        "transfer", "b.png", "style.jpg", "--save-look", "l.safetensors", "--export-lut", "l.cube",
        *TINY,
    )  # fmt: skip
    assert (outcome.code, outcome.out) == (0, "b_transfer.png\n")
    assert "off the result by" in outcome.err
    cli("filter", "l.safetensors", "b.png", "--device", "cpu")
    apart = [np.abs(pixels(n) - pixels("b_transfer.png")).mean() for n in ("b_l.png", "b.png")]
    assert apart[0] < 0.3 * apart[1]
    assert (tmp_path / "l.cube").read_text().startswith('TITLE "style (photostyle)"\n')
    again = cli("transfer", "a.jpg", "style.jpg", "--save-look", "l.safetensors", *TINY)
    assert again.failed(1, "'l.safetensors': it exists already")


@pytest.mark.usefixtures("solver", "album")
def test_the_record_of_a_pair_has_the_files_of_its_look(cli):
    outcome = cli("transfer", "a.jpg", "style.jpg", "--export-lut", "l.cube", "--json")
    record = outcome.json
    assert (record["look"], record["lut"]) == (None, "l.cube")
    assert record["lut_error"]["mean"] < 0.1  # the result is the photo itself


def test_a_table_that_is_off_is_warned_about(cli, monkeypatch, album):
    def fit_shoot(*_, **__):
        look = GlobalLook(256).requires_grad_(False)
        look.maps += torch.linspace(-1, 1, 256)[:, None, None].sign() * torch.eye(3, 4)
        return look

    monkeypatch.setitem(vars(photostyle.transfers), "fit_shoot", fit_shoot)
    outcome = cli("transfer", *album, "--style", "style.jpg", "--export-lut", "l.cube")
    assert outcome.code == 0
    assert "warning: l.cube: the table is off the look by" in outcome.err
