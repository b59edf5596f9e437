"""The files of a run: their names, and that none is lost."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from photostyle.errors import TrainingError, UsageError
from photostyle.training.files import Files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files.beside(tmp_path / "soft.safetensors")


def test_all_lie_beside_the_result(files: Files, tmp_path: Path) -> None:
    names = [
        path.name for path in (files.out, files.best, files.checkpoint, files.previews, files.logs)
    ]
    assert names == [
        "soft.safetensors", "soft.best.safetensors", "soft.checkpoint", "soft.previews",
        "soft.runs",
    ]  # fmt: skip
    assert files.preview(12) == tmp_path / "soft.previews" / "step-000012.png"
    assert not list(tmp_path.iterdir())  # named, not made


def test_dots_in_a_name_stay(tmp_path: Path) -> None:
    files = Files.beside(tmp_path / "soft.v1.safetensors")
    assert files.checkpoint.name == "soft.v1.checkpoint"
    assert files.best.name == "soft.v1.best.safetensors"


@pytest.mark.parametrize("name", ["soft.pth", "soft", ".safetensors"])
def test_the_result_is_a_safetensors_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="must end so"):
        Files.beside(tmp_path / name)


def test_a_new_run_may_begin_in_an_empty_folder(files: Files, tmp_path: Path) -> None:
    files.check(resume=False, overwrite=False)
    files.check(resume=False, overwrite=True)
    assert not list(tmp_path.iterdir())  # trying leaves nothing


@pytest.mark.parametrize("name", ["out", "best", "checkpoint"])
def test_nothing_is_lost_unasked(files: Files, name: str) -> None:
    path: Path = getattr(files, name)
    path.write_bytes(b"mine")
    with pytest.raises(TrainingError, match=f"{path.name}' exists already.*--overwrite") as caught:
        files.check(resume=False, overwrite=False)
    assert ("--resume" in str(caught.value)) is (name == "checkpoint")
    files.check(resume=False, overwrite=True)
    assert path.read_bytes() == b"mine"


def test_resuming_needs_a_checkpoint(files: Files) -> None:
    files.out.touch()
    with pytest.raises(UsageError, match=r"there is no checkpoint .*soft\.checkpoint' to resume"):
        files.check(resume=True, overwrite=False)
    files.checkpoint.touch()
    files.check(resume=True, overwrite=False)
    with pytest.raises(UsageError, match="exclude each other"):
        files.check(resume=True, overwrite=True)


@pytest.mark.parametrize("name", ["out", "best", "checkpoint"])
def test_a_folder_in_the_way(files: Files, name: str) -> None:
    getattr(files, name).mkdir()
    with pytest.raises(TrainingError, match="it is a folder"):
        files.check(resume=False, overwrite=True)


def test_the_folder_must_be_there_and_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrainingError, match="there is no such folder"):
        Files.beside(tmp_path / "none" / "soft.safetensors").check(resume=False, overwrite=False)

    def refuse(**_: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(TrainingError, match=r"cannot write .*soft\.safetensors': Permission denie"):
        Files.beside(tmp_path / "soft.safetensors").check(resume=False, overwrite=False)


def test_pictures_of_later_steps_are_removed(files: Files) -> None:
    files.remove_previews_after(0)  # there are none yet
    files.previews.mkdir()
    for step in (100, 200, 1_000_000):
        files.preview(step).touch()
    (files.previews / "notes.txt").touch()
    files.remove_previews_after(100)
    left = {path.name for path in files.previews.iterdir()}
    assert left == {"step-000100.png", "notes.txt"}
