"""The photos of a run: what is said about bad ones, and which are kept for validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photostyle.errors import PhotoError, UsageError
from photostyle.progress import Progress, silent
from photostyle.training.config import TrainConfig
from photostyle.training.dataset import (
    Dataset,
    held_out_names,
    read_dataset,
    read_pairs,
    read_single,
)

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
    assert told[2:] == [f"2 of 5 photos in '{folder}' cannot be read and are left out"]


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
    with pytest.raises(UsageError, match=rf"only {count} of the {count + 2} photos can be read in"):
        read(folder)


def test_a_single_photo_is_too_few(photo_file: Callable[..., Path]) -> None:
    photo = photo_file("photos/1.png")
    with pytest.raises(
        UsageError, match=r"there (is|are) (only )?(1|one) photo.*: training needs 2"
    ):
        read(photo.parent)
    with pytest.raises(UsageError, match="is a file: give a folder"):
        read(photo)


def test_a_photo_may_be_all_there_is(photo_file: Callable[..., Path], tmp_path: Path) -> None:
    path = photo_file("photos/1.png", 60, 200)
    alone = read_single(path)
    assert (len(alone.train), alone.held_out, alone.skipped) == (1, [], 0)
    assert alone.train[0][0].shape == (128, 427, 3)
    other = read_single(photo_file("others/1.png", 60, 200, sky="dusk")).fingerprint
    assert other != alone.fingerprint == read_single(path).fingerprint
    with pytest.raises(UsageError, match="is a folder: give a photo"):
        read_single(path.parent)
    with pytest.raises(UsageError, match=r"there is no photo '.*none\.jpg'"):
        read_single(tmp_path / "none.jpg")
    path.write_bytes(b"no photo")
    with pytest.raises(PhotoError, match=r"1\.png"):
        read_single(path)


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


def pairs(folder: Path, other: Path, config: TrainConfig = SMALL) -> tuple[Dataset, list[str]]:
    told: list[str] = []
    return read_pairs(folder, other, config, progress=silent, warn=told.append), told


@pytest.fixture
def sides(photo_file: Callable[..., Path]) -> tuple[Path, Path]:
    """Three photos by day and, as other files, the same at dusk."""
    for height in (60, 70, 80):
        photo_file(f"day/deep/{height}.png", height, 80)
        path = photo_file(f"dusk/deep/{height}.jpg", height, 80, sky="dusk")
    dusk = path.parent.parent
    return dusk.with_name("day"), dusk


def test_pairs_are_of_the_same_name_whatever_the_format(sides: tuple[Path, Path]) -> None:
    reports: list[Progress] = []
    data = read_pairs(*sides, SMALL, progress=reports.append, warn=pytest.fail)
    assert [versions[0].shape for versions in data.train] == [(h, 80, 6) for h in (60, 70, 80)]
    for versions in data.train:  # inputs first
        assert versions[0][..., :3].mean() > versions[0][..., 3:].mean() + 20
    assert (data.held_out, data.skipped) == ([], 0)
    assert reports == [Progress("read", done, 3) for done in range(3)]
    other_way = read_pairs(*sides[::-1], SMALL, progress=silent, warn=pytest.fail)
    assert other_way.train[0][0][..., :3].mean() < other_way.train[0][0][..., 3:].mean() - 20


def test_photos_that_are_alone_are_told_and_left_out(
    sides: tuple[Path, Path], photo_file: Callable[..., Path]
) -> None:
    for name in ("day/60.png", "dusk/deep/90.png", "dusk/deep/91.png"):  # one in another folder
        photo_file(name, 60, 80)
    data, told = pairs(*sides)
    assert (len(data.train), data.skipped) == (3, 0)
    first, second = told
    assert first.startswith(f"1 of the 4 photos in '{sides[0]}' have no counterpart")
    assert first.endswith("'60.png' among them")
    assert second.startswith(f"2 of the 5 photos in '{sides[1]}' have no counterpart")
    assert second.endswith("'90.png' among them")


def test_pairs_that_will_not_do_are_named_skipped_and_counted(
    sides: tuple[Path, Path], photo_file: Callable[..., Path]
) -> None:
    photo_file("day/odd.png", 60, 80)
    photo_file("dusk/odd.png", 60, 50)
    photo_file("day/broken.png", 60, 80)
    (sides[1] / "broken.png").write_bytes(b"no photo")
    data, told = pairs(*sides)
    assert (len(data.train), data.skipped) == (3, 2)
    assert "broken.png" in told[0]
    assert "odd.png" in told[1]
    assert "same shape" in told[1]
    assert told[2].startswith("2 of 5 pairs in ")


def test_too_few_pairs(sides: tuple[Path, Path], photo_file: Callable[..., Path]) -> None:
    day, _ = sides
    others = photo_file("others/deep/60.png", 60, 80).parent.parent
    with pytest.raises(UsageError, match=r"only one pair in '.*day' and '.*others': train"):
        pairs(day, others)
    (others / "deep" / "60.png").rename(others / "deep" / "61.png")
    with pytest.raises(UsageError, match=r"there are no pairs in"):
        pairs(day, others)
    with pytest.raises(UsageError, match="is a file: give a folder"):
        pairs(day, others / "deep" / "61.png")
    with pytest.raises(UsageError, match="there is no folder"):
        pairs(day, others / "none")


def test_which_pairs_are_held_out_depends_on_names_without_formats(
    photo_file: Callable[..., Path],
) -> None:
    held_out = []
    for suffix in ("png", "jpg"):
        for number in range(10):
            photo_file(f"{suffix}/day/{number}.{suffix}", 60 + 2 * number, 80)
            path = photo_file(f"{suffix}/dusk/{number}.png", 60 + 2 * number, 80)
        data, _ = pairs(path.parent.with_name("day"), path.parent)
        assert (len(data.train), len(data.held_out)) == (9, 1)
        heights = {versions[0].shape[0] for versions in data.train}
        assert data.held_out[0][0].shape[0] not in heights
        held_out.append((data.held_out[0][0].shape, data.fingerprint))
    assert held_out[0] == held_out[1]


def test_of_two_with_one_name_the_first_counts(
    photo_file: Callable[..., Path], tmp_path: Path
) -> None:
    for name in ("day/1.jpg", "day/1.png", "day/2.png", "others/1.png", "others/2.png"):
        photo_file(name)
    told: list[str] = []
    data = read_pairs(
        tmp_path / "day", tmp_path / "others", SMALL, progress=silent, warn=told.append
    )
    assert len(data.train) == 2
    assert any("1.png' is left out: '1.jpg' has the same name" in text for text in told)
