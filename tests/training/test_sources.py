"""What is imitated follows from what is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photostyle.errors import UsageError
from photostyle.training.sources import imitated

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def given(tmp_path: Path) -> Path:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").touch()
    (tmp_path / "day").mkdir()
    (tmp_path / "night").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("a.jpg", "b.jpg"), "pair"),
        (("day", "b.jpg"), "photo"),
        (("day", "night"), ""),
        (("day",), ""),
        (("a.jpg",), ""),
        (("day", "missing"), ""),
    ],
)
def test_what_is_imitated(given: Path, names: tuple[str, ...], kind: str) -> None:
    assert imitated([given / name for name in names]) == kind


@pytest.mark.parametrize("names", [("a.jpg", "missing"), ("missing", "b.jpg")])
def test_one_of_two_is_missing(given: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=r"there is no photo or folder '.*missing'"):
        imitated([given / name for name in names])


def test_the_wrong_way_round(given: Path) -> None:
    with pytest.raises(
        UsageError, match=r"a\.jpg' is a photo and .*day' a folder: give the folder"
    ):
        imitated([given / "a.jpg", given / "day"])
