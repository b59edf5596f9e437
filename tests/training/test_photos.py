"""Photos to train on: found, read at several scales, cropped at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from photostyle.errors import PhotoError, UsageError
from photostyle.training.photos import LONGEST, find_photos, random_patch, read_pyramids

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def never(error: PhotoError) -> None:
    raise AssertionError(error)


def test_photos_are_found_at_any_depth_in_a_fixed_order(tmp_path: Path) -> None:
    names = ["b.JPG", "a/deep/c.png", "a/b.tif", "notes.txt", "z.webp"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_photos(tmp_path)]
    assert found == ["a/b.tif", "a/deep/c.png", "b.JPG", "z.webp"]


def test_a_folder_must_be_there_and_hold_photos(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no photos in"):
        find_photos(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        find_photos(tmp_path / "none")


def test_photos_are_read_at_the_scales_that_are_large_enough(
    photo_file: Callable[..., Path],
) -> None:
    large, small = photo_file("large.png", 100, 200), photo_file("small.png", 60, 80)
    tiny = photo_file("tiny.png", 20, 30)
    pyramids = read_pyramids([large, small, tiny], 48, never)
    assert [[version.shape for version in pyramid] for pyramid in pyramids] == [
        [(100, 200, 3), (75, 150, 3), (55, 110, 3)],
        [(60, 80, 3)],
        [(48, 72, 3)],
    ]
    assert all(version.dtype == np.uint8 for pyramid in pyramids for version in pyramid)
    means = [version.mean() for version in pyramids[0]]
    assert max(means) - min(means) < 2


def test_huge_photos_are_shrunk_first(photo_file: Callable[..., Path]) -> None:
    ((largest, *_),) = read_pyramids([photo_file("huge.png", 100, 2 * LONGEST)], 32, never)
    assert largest.shape == (50, LONGEST, 3)


def test_unreadable_photos_are_told_and_left_out(
    photo_file: Callable[..., Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    told: list[PhotoError] = []
    assert len(read_pyramids([broken, photo_file("good.png")], 32, told.append)) == 1
    assert "broken.jpg" in str(told[0])
    with pytest.raises(UsageError, match="not one of the photos can be read"):
        read_pyramids([broken], 32, told.append)


def test_patches_come_from_everywhere_in_every_version() -> None:
    # Every pixel says which version it is and where.
    def version(number: int, height: int, width: int) -> np.ndarray:
        rows, columns = np.mgrid[:height, :width]
        return np.stack([rows, columns, np.full_like(rows, number)], axis=2).astype(np.uint8)

    pyramids = [[version(201, 40, 60), version(202, 34, 36)], [version(203, 32, 32)]]
    random = np.random.default_rng(0)
    numbers, turned = [], 0
    for _ in range(300):
        patch = random_patch(pyramids, 32, random)
        assert patch.shape == (32, 32, 3)
        assert patch.dtype == np.float32
        levels = np.round(patch * 255).astype(int)
        channel = int(np.argmax(levels.min(axis=(0, 1))))
        numbers.append(levels[0, 0, channel])
        first, second = (levels[..., c] for c in range(3) if c != channel)
        # One of the others counts rows, one columns, forwards or backwards.
        steps = {abs(int(np.diff(first, axis=a).mean())) for a in (0, 1)}
        assert steps == {0, 1}
        assert {abs(int(np.diff(second, axis=a).mean())) for a in (0, 1)} == {0, 1}
        turned += abs(int(np.diff(first, axis=0).mean())) == 0
    assert set(numbers) == {201, 202, 203}
    assert 110 <= numbers.count(203) <= 190
    # A version is drawn as often as it has area: 2400 to 1224 pixels.
    assert numbers.count(201) > 1.3 * numbers.count(202)
    assert 100 <= turned <= 200


def test_patches_depend_on_the_generator_alone() -> None:
    pyramids = [[np.random.default_rng(9).integers(0, 256, (50, 60, 3), dtype=np.uint8)]]
    first, again = (random_patch(pyramids, 32, np.random.default_rng(1)) for _ in range(2))
    other = random_patch(pyramids, 32, np.random.default_rng(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
