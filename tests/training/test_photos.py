"""Photos to train on: found, read at several scales, cropped at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from photostyle.errors import PhotoError, UsageError
from photostyle.image import read_photo
from photostyle.training.photos import LONGEST, find_photos, pyramid, random_patch, read_pair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


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


def test_links_to_folders_are_followed_and_no_folder_is_listed_twice(tmp_path: Path) -> None:
    photos, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    for folder in (photos, elsewhere):
        folder.mkdir()
        (folder / "a.jpg").touch()
    for link, target in (("linked", elsewhere), ("again", elsewhere), ("itself", photos)):
        (photos / link).symlink_to(target, target_is_directory=True)
    found = [path.relative_to(photos).as_posix() for path in find_photos(photos)]
    assert found == ["a.jpg", "again/a.jpg"]


def test_photos_are_kept_at_the_scales_that_are_large_enough(
    landscape: Callable[..., NDArray[np.float32]],
) -> None:
    pyramids = [pyramid(landscape(*size), 48) for size in ((100, 200), (60, 80), (20, 30))]
    assert [[version.shape for version in versions] for versions in pyramids] == [
        [(100, 200, 3), (75, 150, 3), (55, 110, 3)],
        [(60, 80, 3)],
        [(48, 72, 3)],
    ]
    assert all(version.dtype == np.uint8 for versions in pyramids for version in versions)
    means = [version.mean() for version in pyramids[0]]
    assert max(means) - min(means) < 2
    assert means[0] == pytest.approx(255 * landscape(100, 200).mean(), abs=0.6)


def test_huge_photos_are_shrunk_first(landscape: Callable[..., NDArray[np.float32]]) -> None:
    largest, *_ = pyramid(landscape(100, 2 * LONGEST), 32)
    assert largest.shape == (50, LONGEST, 3)


def test_a_pair_has_six_channels_at_every_scale(photo_file: Callable[..., Path]) -> None:
    first = photo_file("a.png", 100, 200)
    versions = read_pair(first, photo_file("b.png", 100, 200, sky="dusk"), 48)
    assert [version.shape for version in versions] == [(100, 200, 6), (75, 150, 6), (55, 110, 6)]
    assert np.array_equal(versions[0][..., :3], read_photo(first).floats() * 255)
    assert versions[0][..., 3:].mean() < versions[0][..., :3].mean() - 20
    # Both halves of each version show the same.
    twice = read_pair(first, first, 48)
    assert all(np.array_equal(version[..., :3], version[..., 3:]) for version in twice)


def test_the_counterpart_is_scaled_to_the_first(photo_file: Callable[..., Path]) -> None:
    small, large = photo_file("small.png", 50, 75), photo_file("large.png", 100, 151)
    versions = read_pair(small, large, 32)
    assert [version.shape for version in versions] == [(50, 75, 6), (38, 57, 6)]
    apart = versions[0][..., :3].astype(float) - versions[0][..., 3:]
    assert np.abs(apart).mean() < 8


def test_photos_of_other_shapes_are_no_pair(
    photo_file: Callable[..., Path], tmp_path: Path
) -> None:
    wide, high = photo_file("wide.png", 60, 90), photo_file("high.png", 90, 60)
    with pytest.raises(PhotoError, match=r"wide.png' has 90 x 60 .*high.png' 60 x 90: .* same sha"):
        read_pair(wide, high, 32)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    for sides in ((wide, broken), (broken, wide)):
        with pytest.raises(PhotoError, match=r"broken\.jpg"):
            read_pair(*sides, 32)


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


def test_halves_of_a_pair_belong_together() -> None:
    noise = np.random.default_rng(4).integers(0, 100, (40, 50, 3), dtype=np.uint8)
    pair = np.concatenate([noise, noise + 100], axis=-1)
    alone = []
    for seed in range(40):
        patch = 255 * random_patch([[pair]], 32, np.random.default_rng(seed))
        assert patch.shape == (32, 32, 6)
        np.testing.assert_allclose(patch[..., 3:], patch[..., :3] + 100, atol=1e-3)
        alone.append(random_patch([[noise]], 32, np.random.default_rng(seed)))
        # The first half is what it would be without the other.
        np.testing.assert_allclose(patch[..., :3], 255 * alone[-1], atol=1e-3)
    assert len({patch.tobytes() for patch in alone}) == 40


def test_patches_depend_on_the_generator_alone() -> None:
    pyramids = [[np.random.default_rng(9).integers(0, 256, (50, 60, 3), dtype=np.uint8)]]
    first, again = (random_patch(pyramids, 32, np.random.default_rng(1)) for _ in range(2))
    other = random_patch(pyramids, 32, np.random.default_rng(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_colours_outside_of_srgb_do_not_wrap_around() -> None:
    wide = np.full((60, 80, 3), (-0.2, 0.5, 1.3), np.float32)
    for version in pyramid(wide, 48):
        assert (version == (0, 128, 255)).all()
