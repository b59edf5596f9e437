"""Photos with labels: how they are read, shrunk and put aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from photostyle.errors import PhotoError, UsageError
from photostyle.training.scene_photos import (
    UNKNOWN,
    NamedPhoto,
    read_named_photos,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Map = NDArray[np.uint8]

LONG_SIDE = 352


def write_labels(folder: Path, maps: dict[str, Map]) -> Path:
    path = folder / "labels.npz"
    # Names have slashes and dots, which mypy cannot tell from savez's own options.
    np.savez(path, **maps)  # type: ignore[arg-type]
    return path


def halves(height: int, width: int) -> Map:
    """Labels: 1 above, 2 below, and nobody knows what in the last quarter of the width."""
    kinds = np.ones((height, width), np.uint8)
    kinds[height // 2 :] = 2
    kinds[:, -width // 4 :] = UNKNOWN
    return kinds


def test_reads_the_photos_that_the_labels_name(
    photo_file: Callable[..., Path], tmp_path: Path
) -> None:
    photo_file("clean/deep/b.png", 600, 900)
    photo_file("clean/a.jpg", 900, 600)
    photo_file("clean/without labels.png", 90, 60)
    photo_file("night/c.png", 176, 352, sky="dusk")
    names = {"night/c.png": (8, 16), "clean/deep/b.png": (16, 24), "clean/a.jpg": (120, 80)}
    labels = write_labels(tmp_path, {name: halves(*size) for name, size in names.items()})
    photos = read_named_photos(tmp_path, labels, LONG_SIDE)
    short = round(LONG_SIDE * 2 / 3)
    assert [photo.folder for photo in photos] == ["clean", "clean", "night"]
    sizes = [(LONG_SIDE, short), (short, LONG_SIDE), (LONG_SIDE // 2, LONG_SIDE)]
    for photo, size in zip(photos, sizes, strict=True):
        assert photo.pixels.shape == (*size, 3)
        assert photo.kinds.shape == size
        assert photo.pixels.dtype == photo.kinds.dtype == np.uint8
        # Between two labels no third comes to be.
        assert set(np.unique(photo.kinds)) == {1, 2, UNKNOWN}
        assert abs(float((photo.kinds == UNKNOWN).mean()) - 0.25) < 0.01
        assert photo.kinds[0, 0] == 1
        assert photo.kinds[-1, 0] == 2
    day, dusk = photos[1].pixels, photos[2].pixels
    assert day[:20, :, 2].mean() > day[:20, :, 0].mean() > dusk[:20, :, 0].mean() + 20


def test_a_photo_of_the_right_size_keeps_its_pixels(
    photo_file: Callable[..., Path], landscape: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    photo_file("p/a.png", LONG_SIDE // 2, LONG_SIDE)
    labels = write_labels(tmp_path, {"p/a.png": halves(LONG_SIDE // 2, LONG_SIDE)})
    (photo,) = read_named_photos(tmp_path, labels, LONG_SIDE)
    original = np.round(255 * landscape(LONG_SIDE // 2, LONG_SIDE))
    assert np.abs(photo.pixels - original).max() <= 1
    assert np.array_equal(photo.kinds, halves(LONG_SIDE // 2, LONG_SIDE))


def test_labels_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    text = tmp_path / "text.npz"
    text.write_text("sky, water, trees")
    empty, cut = tmp_path / "empty.npz", tmp_path / "cut.npz"
    empty.touch()
    whole = write_labels(tmp_path, {"p/a.png": halves(8, 12)}).read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    for path in (tmp_path / "nowhere.npz", tmp_path, text, empty, cut):
        with pytest.raises(UsageError, match=r"is no file of labels \(npz\)") as caught:
            read_named_photos(tmp_path, path, LONG_SIDE)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_labels_without_photos_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"labels\.npz names no photos"):
        read_named_photos(tmp_path, write_labels(tmp_path, {}), LONG_SIDE)


@pytest.mark.parametrize(
    ("kinds", "fault"),
    [
        (np.zeros((4, 4, 3), np.uint8), "no map of bytes"),
        (np.zeros((4, 4), np.int64), "no map of bytes"),
        (np.zeros((0, 4), np.uint8), "no map of bytes"),
        (np.full((4, 4), 15, np.uint8), "a label that is no kind"),
    ],
)
def test_maps_that_are_none_are_an_error(tmp_path: Path, kinds: Map, fault: str) -> None:
    with pytest.raises(UsageError, match=fault) as caught:
        read_named_photos(tmp_path, write_labels(tmp_path, {"p/a.png": kinds}), LONG_SIDE)
    assert "p/a.png" in str(caught.value)


def test_a_missing_photo_is_an_error(photo_file: Callable[..., Path], tmp_path: Path) -> None:
    photo_file("p/a.png", 20, 30)
    labels = write_labels(tmp_path, {name: halves(8, 12) for name in ("p/a.png", "p/b.png")})
    with pytest.raises(PhotoError, match=r"p/b\.png"):
        read_named_photos(tmp_path, labels, LONG_SIDE)


def test_every_eighth_of_one_folder_is_put_aside() -> None:
    def plain(folder: str) -> NamedPhoto:
        return NamedPhoto(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), folder)

    # Equal photos, of which only the place in the list differs, and other folders between them.
    photos = [plain(("clean", "night", "clean", "cleaner")[index % 4]) for index in range(70)]
    own = [photo for photo in photos if photo.folder == "clean"]
    kept, aside = split(photos, "clean")
    assert [id(photo) for photo in aside] == [id(own[index]) for index in (7, 15, 23, 31)]
    assert not {id(photo) for photo in kept} & {id(photo) for photo in aside}
    ids = [id(photo) for photo in photos]
    assert sorted(ids.index(id(photo)) for photo in [*kept, *aside]) == list(range(70))
    assert [ids.index(id(photo)) for photo in kept] == sorted(ids.index(id(p)) for p in kept)


def test_a_folder_of_seven_keeps_all() -> None:
    photos = [NamedPhoto(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), "a")] * 7
    kept, aside = split(photos, "a")
    assert (len(kept), len(aside)) == (7, 0)


def test_shrinking_keeps_labels_where_their_pixels_are() -> None:
    kinds = halves(64, 96)
    photo = NamedPhoto(np.repeat(kinds[..., None], 3, 2), kinds, "a")
    small = photo.shrunk(48)
    assert small.kinds.shape == (32, 48)
    assert small.folder == "a"
    np.testing.assert_array_equal(small.kinds, halves(32, 48))
    np.testing.assert_array_equal(small.pixels[..., 0], small.kinds)
    assert photo.shrunk(96) is photo
