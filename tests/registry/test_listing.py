"""Lists of models: which are read, what comes out, and how a model is found in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

from photostyle.errors import ModelError
from photostyle.registry import find_entry, listing, read_entries

if TYPE_CHECKING:
    from pathlib import Path

TABLE = {
    "kind": '"repair"',
    "architecture": '"repair"',
    "params": "{ widths = [8] }",
    "path": '"weights/small.safetensors"',
    "license": '"MIT"',
    "trained_on": '"a landscape"',
}
DESCRIPTION = {
    "name": "sunny",
    "kind": "tone",
    "architecture": "tone",
    "params": {"width": 8},
    "license": "MIT",
    "trained_on": "a landscape",
}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """A user without a list of models, in a folder without one."""
    monkeypatch.setattr(listing, "user_file", lambda: tmp_path / "config" / "models.toml")
    (tmp_path / "config").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def write(target: Path, *, section: str = "", **changes: str | None) -> Path:
    """Write a list of one model; a change of None leaves a key out."""
    lines = [f"{key} = {value}" for key, value in {**TABLE, **changes}.items() if value is not None]
    target.write_text("\n".join([f"[{section}small]", *lines]))
    return target


def message_for(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_entries(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_the_models_that_come_with_photostyle():
    entries = read_entries()
    assert {name for name, entry in entries.items() if entry.origin == "hub"} == {
        "vgg19", "denoise-scunet", "denoise-nafnet", "deblur-nafnet", "deblur-nafnet-64",
        "jpeg-realplksr", "segments-ade20k",
    }  # fmt: skip
    assert entries["encoder"].origin == "bundled"
    for entry in entries.values():
        assert entry.path is None
        assert (listing.PACKAGE / "weights" / entry.file).is_file() == entry.bundled


def test_a_list_of_the_user_s_adds_models(tmp_path):
    path = write(tmp_path / "mine.toml")
    entries = read_entries(path)
    assert list(entries) == [*read_entries(), "small"]
    entry = entries["small"]
    assert (entry.kind, dict(entry.params)) == ("repair", {"widths": [8]})
    # Relative to the list, wherever photostyle runs.
    assert entry.path == tmp_path / "weights" / "small.safetensors"
    assert entry.file == "small.safetensors"


def test_paths_may_be_absolute_or_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (f"{tmp_path}/a.safetensors", "~/a.safetensors"):
        entry = read_entries(write(tmp_path / "mine.toml", path=json.dumps(path)))["small"]
        assert entry.path == tmp_path / "a.safetensors"


def test_later_lists_win(tmp_path):
    write(tmp_path / "config" / "models.toml", license='"user"')
    assert find_entry("small").license == "user"
    write(tmp_path / "here" / "photostyle.toml", section="models.", license='"project"')
    assert find_entry("small").license == "project"
    given = write(tmp_path / "given.toml", license='"given"')
    assert find_entry("small", models=given).license == "given"
    assert find_entry("small").license == "project"


def test_a_project_file_may_be_about_something_else(tmp_path):
    (tmp_path / "here" / "photostyle.toml").write_text("[train]\nsteps = 3\n")
    assert "encoder" in read_entries()


def test_the_user_s_list_lies_in_the_configuration_folder(monkeypatch):
    monkeypatch.undo()
    assert listing.user_file().parts[-2:] == ("photostyle", "models.toml")


@pytest.mark.parametrize("key", TABLE)
def test_fields_are_required(tmp_path, key):
    message = message_for(write(tmp_path / "m.toml", **{key: None}))
    assert f"model 'small': missing {'file' if key == 'path' else key}" in message


def test_unknown_fields_are_refused(tmp_path):
    assert "model 'small': unknown colour" in message_for(write(tmp_path / "m", colour='"red"'))
    assert "file and path exclude each other" in message_for(write(tmp_path / "m", file='"x"'))
    assert "unknown name" in message_for(write(tmp_path / "m", name='"small"'))


def test_bad_values_are_named_with_their_list(tmp_path):
    assert "model 'small': size must be positive" in message_for(write(tmp_path / "m", size="0"))
    assert "model 'small': path must be a path" in message_for(
        write(tmp_path / "m", path="3", file='"small.safetensors"')
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("schema = ", "cannot read the list of models"),
        ("schema = 2", "has schema 2, this photostyle reads schema 1"),
        ("small = 3", "model 'small': it must be a table"),
        ("\xff", "cannot read the list of models"),
    ],
)
def test_broken_lists_are_refused(tmp_path, text, problem):
    path = tmp_path / "models.toml"
    path.write_bytes(text.encode("latin-1"))
    assert problem in message_for(path)


def test_a_list_given_by_hand_must_exist(tmp_path):
    message_for(tmp_path / "none.toml")


def test_a_broken_section_is_named(tmp_path):
    (tmp_path / "here" / "photostyle.toml").write_text("models = 3\n")
    with pytest.raises(ModelError, match=r"photostyle\.toml: 'models' must be a table"):
        read_entries()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("denoise-scnet", "no model 'denoise-scnet', did you mean denoise-scunet"),
        ("vgg", "did you mean vgg19?"),
        ("nothing-like-it", "no model 'nothing-like-it'; filters are denoise, "),
    ],
)
def test_unknown_names_come_with_the_known(name, words):
    with pytest.raises(ModelError) as caught:
        find_entry(name)
    message = str(caught.value)
    assert words in message
    assert "filters are denoise, " in message
    assert "denoise-scunet, denoise-nafnet," in message
    assert "encoder" not in message
    assert "made by photostyle train" in message


def trained(path: Path, description: object = DESCRIPTION) -> Path:
    text = description if isinstance(description, str) else json.dumps(description)
    save_file({"weight": np.zeros(3, np.float32)}, path, {"photostyle": text})
    return path


def test_a_trained_file_is_found_by_its_path(tmp_path):
    path = trained(tmp_path / "any.safetensors")
    entry = find_entry(str(path))
    assert (entry.name, entry.kind, entry.architecture) == ("sunny", "tone", "tone")
    assert dict(entry.params) == {"width": 8}
    assert (entry.origin, entry.path, entry.file) == ("file", path, "any.safetensors")
    assert (entry.sha256, entry.size, entry.recipe, entry.snapshots) == (None, None, None, 1)


def test_a_trained_file_may_say_more(tmp_path):
    more = {"recipe": "photostyle train", "snapshots": 3, "made_in": 2031, "bundled": True}
    entry = find_entry(str(trained(tmp_path / "a.safetensors", DESCRIPTION | more)))
    assert (entry.recipe, entry.snapshots, entry.bundled) == ("photostyle train", 3, False)


@pytest.mark.parametrize(
    ("description", "problem"),
    [
        ("no JSON", "is not a model that photostyle train made"),
        ([1], "is not a model that photostyle train made"),
        ({"name": "sunny"}, "its description lacks kind, architecture"),
        (DESCRIPTION | {"kind": 3}, "model 'sunny': kind must be a string"),
        (DESCRIPTION | {"architecture": "spandrel"}, "takes no params"),
    ],
)
def test_a_file_with_a_bad_description_is_refused(tmp_path, description, problem):
    path = trained(tmp_path / "a.safetensors", description)
    with pytest.raises(ModelError) as caught:
        find_entry(str(path))
    assert str(caught.value).startswith(str(path))
    assert problem in str(caught.value)


def test_files_that_are_something_else_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(ModelError, match=r"cannot read the model .*a\.safetensors: it is not"):
        find_entry(str(path))
    path.write_bytes(b"no weights at all")
    with pytest.raises(ModelError, match="is not a model that photostyle train made"):
        find_entry(str(path))
    save_file({"weight": np.zeros(3, np.float32)}, path)
    with pytest.raises(ModelError, match="is not a model that photostyle train made"):
        find_entry(str(path))
    (tmp_path / "b.safetensors").mkdir()
    with pytest.raises(ModelError, match=r"cannot read the model .*b\.safetensors"):
        find_entry(str(tmp_path / "b.safetensors"))
