from __future__ import annotations

from pathlib import Path

import pytest
import typer

from photostyle.cli import settings
from photostyle.cli.app import app
from photostyle.errors import UsageError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """`place(user="...", project="...")` writes settings; the current folder is a new one."""
    monkeypatch.chdir(tmp_path)
    user_file = tmp_path / "config" / "photostyle.toml"
    user_file.parent.mkdir()
    monkeypatch.setattr(settings, "user_file", lambda: user_file)

    def write(user=None, project=None):
        for path, text in ((user_file, user), (Path("photostyle.toml"), project)):
            if text is not None:
                path.write_text(text, encoding="utf-8")

    return write


def read(command="filter"):
    group = typer.main.get_command(app)
    context = group.make_context("photostyle", [], resilient_parsing=True)
    return settings.read_settings(context, command)


def test_without_files_there_are_no_settings(place):
    place()
    assert read() == {}


def test_the_environment_comes_before_the_project_and_that_before_the_user(place, monkeypatch):
    place(
        user='[filter]\nquality = 70\nstrength = 0.7\ndevice = "cuda"\n[transfer]\nquality = 1\n',
        project='[filter]\nquality = 80\nstrength = 1\nout-dir = "out"\noverwrite = true\n',
    )
    monkeypatch.setenv("PHOTOSTYLE_FILTER_QUALITY", "90")
    monkeypatch.setenv("PHOTOSTYLE_FILTER_OVERWRITE", "0")
    monkeypatch.setenv("PHOTOSTYLE_FILTER_MAX_PIXELS", "1000")
    monkeypatch.setenv("PHOTOSTYLE_FILTER_TILE", "")  # as good as not there
    assert read() == {
        "quality": 90, "strength": 1.0, "device": "cuda", "out_dir": Path("out"),
        "overwrite": False, "max_pixels": 1000,
    }  # fmt: skip
    assert read("transfer") == {"quality": 1}
    assert read("doctor") == {}


def test_the_words_of_the_command_line_come_first(place, cli, solver, photo_file):
    content, style = photo_file("a.png"), photo_file("b.png")
    place(project="[transfer]\nstrength = 0.3\nseed = 5\n")
    assert cli("transfer", content, style).code == 0
    assert cli("transfer", content, style, "--strength", "1", "-o", "r.png").code == 0
    assert [call[-1].strength for call in solver.calls] == [0.3, 1.0]
    assert [call[-1].seed for call in solver.calls] == [5, 5]


def test_every_command_that_makes_pictures_takes_settings_the_others_none(place, monkeypatch):
    place(project="[compare]\nquality = 7\n[compare-methods]\nquality = 80\nheight = 99\n")
    monkeypatch.setenv("PHOTOSTYLE_COMPARE_METHODS_METHODS", "mkl")
    assert read("compare-methods") == {"quality": 80, "height": 99, "methods": "mkl"}
    assert read("compare") == {"quality": 7}
    commands = typer.main.get_command(app).commands
    assert set(commands) - set(settings.COMMANDS) == {"models", "doctor"}
    assert set(settings.COMMANDS) <= set(commands)


@pytest.mark.usefixtures("solver")
def test_a_named_output_comes_before_a_folder_that_is_set(place, cli, photo_file):
    content, style = photo_file("a.png"), photo_file("b.png")
    Path("out").mkdir()
    place(project='[transfer]\nout-dir = "out"\nformat = "webp"\nname = "{stem}{ext}"\n')
    assert cli("transfer", content, style).out == "out/a.webp\n"
    assert cli("transfer", content, style, "-o", "r.png").out == "r.png\n"
    assert cli("transfer", content, style, "-o", "s.png", "-d", "out").failed(2, "--output")


def test_names_are_those_of_the_options(place, monkeypatch):
    place(
        project='[filter]\nformat = "png"\njson = true\nname = "{stem}{ext}"\nprovenance = false\n'
    )
    assert read() == {
        "extension": "png", "as_json": True, "template": "{stem}{ext}", "provenance": False,
    }  # fmt: skip
    monkeypatch.setenv("PHOTOSTYLE_FILTER_FORMAT", "tif")
    assert read()["extension"] == "tif"


def test_a_path_may_begin_with_the_home_folder(place, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    place(user='[filter]\nmodels = "~/mine.toml"\n')
    assert read() == {"models": tmp_path / "mine.toml"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[filter]\nqality = 9\n", "unknown 'qality' in [filter], did you mean 'quality'?"),
        ("[filter]\nas_json = true\n", "unknown 'as_json' in [filter]"),
        ("[fliter]\nquality = 9\n", "unknown 'fliter', did you mean 'filter'?"),
        ("quality = 9\n", "unknown 'quality'; there are transfer, filter"),
        ("filter = 9\n", "'filter' must be a table, [filter]"),
        ('[filter]\nquality = "good"\n', "quality in [filter]: "),
        ('[filter]\nquality = "90"\n', "quality in [filter] cannot be '90'"),
        ("[filter]\nquality = true\n", "quality in [filter]"),
        ("[filter]\nquality = 9.5\n", "quality in [filter]"),
        ("[filter]\nquality = 101\n", "quality in [filter]"),
        ("[filter]\nquality = [9]\n", "quality in [filter] must be a single value"),
        ("[filter]\noverwrite = 1\n", "overwrite in [filter] cannot be 1"),
        ('[filter]\noverwrite = "yes"\n', "overwrite in [filter] cannot be 'yes'"),
        ("[filter]\nout-dir = 1\n", "out-dir in [filter] cannot be 1"),
        ('[filter]\nmetadata = "some"\n', "metadata in [filter]"),
        ("[filter\n", "cannot read the settings photostyle.toml"),
    ],
)
def test_what_is_no_setting_is_one_line_with_the_name_of_the_file(place, cli, text, words):
    place(project=text)
    assert cli("filter", "denoise", "a.jpg").failed(2, "photostyle.toml", words)
    assert cli("--version").code == 0
    assert cli("--help").code == 0


def test_the_file_of_the_user_is_named_too(place):
    place(user="[filter]\nqality = 9\n")
    with pytest.raises(UsageError, match=r"config/photostyle\.toml: unknown 'qality'"):
        read()


def test_a_file_that_is_no_text(place):
    place()
    Path("photostyle.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot read the settings"):
        read()


def test_what_is_no_value_in_the_environment_is_one_line_with_its_name(place, cli, monkeypatch):
    place()
    monkeypatch.setenv("PHOTOSTYLE_FILTER_QUALITY", "good")
    assert cli("filter", "denoise", "a.jpg").failed(2, "PHOTOSTYLE_FILTER_QUALITY")


def test_models_of_the_project_stay_where_they_are(place, cli):
    place(
        project='[filter]\nquality = 90\n[models.mine]\nkind = "tone"\narchitecture = "tone"\n'
        'params = {}\npath = "mine.safetensors"\nlicense = "MIT"\ntrained_on = "nothing"\n'
    )
    assert read() == {"quality": 90}
    assert cli("models", "info", "mine").code == 0


def test_models_of_the_user_have_a_file_of_their_own(place):
    place(user="[models.mine]\n")
    with pytest.raises(UsageError, match=r"unknown 'models'.*models\.toml"):
        read()


def test_the_help_shows_what_is_set(place, cli):
    place(project="[filter]\nquality = 83\n")
    assert "83" in cli("filter", "--help").out
