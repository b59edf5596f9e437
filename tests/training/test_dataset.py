"""The photos of a run: what is said about bad ones, and which are kept for validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photostyle.errors import UsageError
from photostyle.progress import Progress, silent
from photostyle.training.config import TrainConfig
from photostyle.training.dataset import Dataset, held_out_names, read_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = TrainConfig(size=32)


def read(folder: Path, config: TrainConfig = SMALL) -> tuple[Dataset, list[str]]:
    told: list[str] = []
    return read_dataset(folder, config, progress=silent, warn=told.append), told


@pytest.fixture
def folder(photo_file: Callable[..., Path]) -> Path:
    """Three photos that differ in height."""
    paths = [photo_file(f"photos/{height}.png", height, 80) for height in (60, 70, 80)]
    return paths[0].parent


def test_reads_all_and_reports_each(folder: Path) -> None:
    reports: list[Progress] = []
    data = read_dataset(folder, SMALL, progress=reports.append, warn=pytest.fail)
    assert [pyramid[0].shape[0] for pyramid in data.train] == [60, 70, 80]
    assert data.held_out == []
    assert data.skipped == 0
    assert reports == [Progress("read", done, 3) for done in range(3)]


def test_unreadable_photos_are_named_skipped_and_counted(folder: Path) -> None:
    (folder / "broken.jpg").write_bytes(b"no photo")
    (folder / "empty.png").touch()
    data, told = read(folder)
    assert len(data.train) == 3
    assert data.skipped == 2
    assert "broken.jpg" in told[0]
    assert "empty.png" in told[1]
    assert told[2:] == ["2 of 5 photos cannot be read and are left out"]


def test_small_photos_are_enlarged_with_a_warning(
    folder: Path, photo_file: Callable[..., Path]
) -> None:
    photo_file("photos/tiny.png", 20, 30)
    data, (told,) = read(folder)
    assert data.train[-1][0].shape == (32, 48, 3)
    assert told.startswith("1 of the photos have a side of less than 32 pixels")


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_photos(photo_file: Callable[..., Path], tmp_path: Path, count: int) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"no photo")
    (folder / "worse.jpg").write_bytes(b"no photo")
    for number in range(count):
        photo_file(f"photos/{number}.png")
    with pytest.raises(UsageError, match=rf"only {count} of the {count + 2} photos .* can be read"):
        read(folder)


def test_a_single_photo_is_too_few(photo_file: Callable[..., Path]) -> None:
    photo = photo_file("photos/1.png")
    with pytest.raises(UsageError, match="only one photo"):
        read(photo.parent)
    with pytest.raises(UsageError, match="is a file: give a folder"):
        read(photo)


def test_the_fingerprint_is_that_of_names_and_sizes(folder: Path, tmp_path: Path) -> None:
    first = read(folder)[0].fingerprint
    moved = folder.rename(tmp_path / "elsewhere")
    assert read(moved)[0].fingerprint == first
    (moved / "60.png").rename(moved / "61.png")
    assert read(moved)[0].fingerprint != first


@pytest.mark.parametrize(
    ("count", "share", "held_out"),
    [(7, 0.5, 0), (8, 0.05, 1), (30, 0.05, 2), (100, 0.05, 5), (100, 0, 0), (8, 0.5, 4)],
)
def test_how_many_are_held_out(count: int, share: float, held_out: int) -> None:
    names = [f"{number}.jpg" for number in range(count)]
    assert len(held_out_names(names, share)) == held_out


def test_which_are_held_out_depends_on_names_alone() -> None:
    names = [f"{number}.jpg" for number in range(40)]
    chosen = held_out_names(names, 0.1)
    assert held_out_names(names[::-1], 0.1) == chosen
    # One more photo moves at most one across.
    assert len(held_out_names([*names, "new.jpg"], 0.1) & chosen) >= len(chosen) - 1


def test_held_out_photos_are_not_trained_on(photo_file: Callable[..., Path]) -> None:
    paths = [photo_file(f"photos/{number}.png", 60 + 2 * number, 80) for number in range(10)]
    data, _ = read(paths[0].parent)
    assert (len(data.train), len(data.held_out)) == (9, 1)
    heights = {pyramid[0].shape[0] for pyramid in data.train}
    assert data.held_out[0][0].shape[0] not in heights
    assert len(read(paths[0].parent, TrainConfig(size=32, hold_out=0))[0].train) == 10
