"""Rendered rooms: names that fit what is to be seen."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.training.room_pictures import SIZE, rendered_rooms
from photostyle.training.rooms import FLOOR, LIGHT, WALL
from photostyle.training.scene_photos import NamedPhoto

COUNT = 6


@pytest.fixture(scope="module")
def photos() -> list[NamedPhoto]:
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 256, (40, 60, 3), np.uint8) for _ in range(3)]
    return [NamedPhoto(picture, np.zeros((40, 60), np.uint8)) for picture in pixels]


@pytest.fixture(scope="module")
def rooms(photos: list[NamedPhoto]) -> list[NamedPhoto]:
    return rendered_rooms(COUNT, photos, seed=0)


def test_pictures_and_names_have_one_size(rooms: list[NamedPhoto]) -> None:
    assert len(rooms) == COUNT
    for room in rooms:
        assert room.pixels.shape == (*SIZE, 3)
        assert room.pixels.dtype == room.kinds.dtype == np.uint8
        assert room.kinds.shape == SIZE
        assert room.folder == "rooms"


def test_floors_are_below_walls(rooms: list[NamedPhoto]) -> None:
    rows = np.arange(SIZE[0])[:, None] + np.zeros(SIZE)
    seen = [room for room in rooms if (room.kinds == FLOOR).any()]
    assert len(seen) >= COUNT - 2
    for room in seen:
        assert rows[room.kinds == FLOOR].mean() > rows[room.kinds == WALL].mean() + 20


def test_pictures_are_exposed_and_not_flat(rooms: list[NamedPhoto]) -> None:
    for room in rooms:
        assert 25 < room.pixels.mean() < 235
        assert room.pixels.std() > 12
    lights = [room.pixels[room.kinds == LIGHT].mean() for room in rooms if LIGHT in room.kinds]
    rest = [room.pixels[room.kinds != LIGHT].mean() for room in rooms if LIGHT in room.kinds]
    assert np.mean(lights) > np.mean(rest) + 20


def test_names_follow_what_is_seen(rooms: list[NamedPhoto]) -> None:
    """Colours step at the borders of kinds."""
    steps, elsewhere = [], []
    for room in rooms:
        change = np.abs(np.diff(room.pixels.astype(float), axis=1)).mean(-1)
        border = np.diff(room.kinds.astype(int), axis=1) != 0
        steps.append(change[border].mean())
        elsewhere.append(change[~border].mean())
    assert np.mean(steps) > 3 * np.mean(elsewhere)


def test_the_seed_and_the_place_in_the_row_make_a_room(photos: list[NamedPhoto]) -> None:
    first, again, other = (rendered_rooms(1, photos, seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    np.testing.assert_array_equal(first.kinds, again.kinds)
    assert not np.array_equal(first.kinds, other.kinds)
