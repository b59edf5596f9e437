"""models.toml: what is accepted, and the one line each fault is answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photostyle.errors import ModelError
from photostyle.registry import read_entries

if TYPE_CHECKING:
    from pathlib import Path

TABLE = {
    "kind": '"features"',
    "architecture": '"encoder"',
    "params": "{ channels = [[4], [8]] }",
    "file": '"small.safetensors"',
    "sha256": '"' + "0f" * 32 + '"',
    "size": "1234",
    "license": '"MIT"',
    "trained_on": '"a landscape"',
    "recipe": '"python -m somewhere"',
    "bundled": "true",
}


def write(folder: Path, **changes: str | None) -> Path:
    """Write models.toml with one model, `small`; a change of None leaves a key out."""
    lines = [f"{key} = {value}" for key, value in {**TABLE, **changes}.items() if value is not None]
    path = folder / "models.toml"
    path.write_text("\n".join(["schema = 1", "[small]", *lines]))
    return path


def message_for(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_entries(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_reads_every_field(tmp_path: Path) -> None:
    entries = read_entries(write(tmp_path))
    assert list(entries) == ["small"]
    entry = entries["small"]
    assert entry.name == "small"
    assert entry.kind == "features"
    assert entry.architecture == "encoder"
    assert entry.params["channels"] == [[4], [8]]
    assert entry.file == "small.safetensors"
    assert entry.sha256 == "0f" * 32
    assert entry.size == 1234
    assert entry.license == "MIT"
    assert entry.trained_on == "a landscape"
    assert entry.recipe == "python -m somewhere"
    assert entry.bundled


def test_an_entry_cannot_be_changed(tmp_path: Path) -> None:
    entry = read_entries(write(tmp_path))["small"]
    with pytest.raises(AttributeError):
        entry.size = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        entry.params["channels"] = []  # type: ignore[index]


@pytest.mark.parametrize("key", TABLE)
def test_every_field_is_required(tmp_path: Path, key: str) -> None:
    assert f"model 'small': missing {key}" in message_for(write(tmp_path, **{key: None}))


def test_unknown_fields_are_refused(tmp_path: Path) -> None:
    assert "model 'small': unknown colour" in message_for(write(tmp_path, colour='"red"'))


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("kind", "3", "kind must be a string"),
        ("license", '""', "license is empty"),
        ("params", "[]", "params must be a table"),
        ("size", '"1234"', "size must be an integer"),
        ("size", "true", "size must be an integer"),
        ("size", "0", "size must be positive"),
        ("sha256", '"0F"', "sha256 must be 64"),
        ("file", '"small.pth"', "file must be a bare name ending in .safetensors"),
        ("file", '"../small.safetensors"', "file must be a bare name"),
        ("bundled", "1", "bundled must be true or false"),
        ("bundled", "false", "bundled must be true"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, key: str, value: str, problem: str) -> None:
    assert f"model 'small': {problem}" in message_for(write(tmp_path, **{key: value}))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("schema = ", "cannot read the list of models"),
        ("", "has schema None"),
        ("schema = 2", "has schema 2, this photostyle reads schema 1"),
        ("schema = 1\nsmall = 3", "'small' must be a table"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(text)
    assert problem in message_for(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none.toml") in message_for(tmp_path / "none.toml")
