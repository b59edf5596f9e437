"""Photos for training: where they are found, and points that are the same place in both views."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from photostyle.errors import PhotoError, UsageError
from photostyle.training.encoder_photos import LONG_SIDE, Scene, random_views, read_scenes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor


def map_of_places(height: int, width: int) -> np.ndarray:
    """A picture whose red is x and whose green is y, both relative to the size."""
    rows, columns = np.mgrid[:height, :width]
    places = np.stack([(columns + 0.5) / width, (rows + 0.5) / height, 0 * rows], axis=2)
    return np.round(255 * places).astype(np.uint8)


def at(pictures: Tensor, points: Tensor) -> Tensor:
    return F.grid_sample(pictures, points[:, None], align_corners=False)[:, :, 0].mT


@pytest.mark.parametrize(("height", "width"), [(200, 200), (90, 260), (50, 40)])
def test_points_show_the_same_place_in_both_views(height: int, width: int) -> None:
    scenes: list[Scene] = [[map_of_places(height, width)]]
    views = random_views(scenes * 20, 20, 64, 12, np.random.default_rng(0))
    first, second = at(views.first, views.first_points), at(views.second, views.second_points)
    # Views may reach over the border, where the photo is mirrored.
    inside = (views.heights > 0) & (views.heights < 1)
    inside &= (second[..., :2] - 0.5).abs().amax(dim=2) < 0.46
    assert inside.float().mean() > 0.5
    assert (first - second).abs().amax(dim=2)[inside].max() < 0.02
    assert (first[..., 1] - views.heights)[inside].abs().max() < 0.02
    assert views.first_points.abs().max() < 1
    assert views.second_points.abs().max() < 1


def test_views_of_a_photo_differ() -> None:
    views = random_views([[map_of_places(200, 200)]], 1, 64, 4, np.random.default_rng(0))
    assert not torch.equal(views.first, views.second)


def test_frames_of_a_camera_are_drawn_as_often_as_other_photos() -> None:
    def plain(value: int) -> np.ndarray:
        return np.full((64, 64, 3), value, np.uint8)

    scenes = [[plain(0)], [plain(100), plain(150), plain(200)]]
    random = np.random.default_rng(0)
    views = [random_views(scenes, 1, 16, 2, random) for _ in range(200)]
    colours = [round(255 * float(view.first.mean())) for view in views]
    assert {0, 100, 150, 200} == set(colours)
    assert 30 <= colours.count(0) <= 70
    assert any(view.first.mean() != view.second.mean() for view in views)


def test_reads_photos_from_files_and_folders(photo_file: Callable[..., Path]) -> None:
    single = photo_file("single.png", 60, 80)
    photo_file("folder/deep/a.jpg", 600, 900)
    folder = photo_file("folder/b.png", 900, 600).parent
    (folder / "notes.txt").write_text("not a photo")
    scenes = read_scenes([single, folder])
    assert [frame.shape for scene in scenes for frame in scene] == [
        (36, 48, 3),
        (LONG_SIDE, round(LONG_SIDE * 2 / 3), 3),
        (round(LONG_SIDE * 2 / 3), LONG_SIDE, 3),
    ]
    assert all(frame.dtype == np.uint8 for scene in scenes for frame in scene)


def test_frames_of_a_camera_get_the_size_of_its_first(photo_file: Callable[..., Path]) -> None:
    photo_file("camera/day/1.png", 100, 150)
    camera = photo_file("camera/night/2.png", 104, 150, sky="dusk").parents[1]
    ((day, night),) = read_scenes([], [camera])
    assert day.shape == night.shape == (60, 90, 3)
    assert abs(day.astype(float).mean() - night.astype(float).mean()) > 10


def test_no_photos_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no photos to train on"):
        read_scenes([tmp_path])


def test_a_damaged_photo_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(PhotoError, match=r"broken\.jpg"):
        read_scenes([tmp_path])
