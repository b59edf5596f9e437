"""Skies: blue or cloudy, down to the horizon, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.training.sky import sky_of

BLUE, CLOUD, GRASS, WALL = (0.35, 0.55, 0.85), (0.9, 0.9, 0.92), (0.3, 0.5, 0.2), (0.7, 0.6, 0.5)


def above(sky: tuple[float, ...], ground: tuple[float, ...], horizon: int = 60) -> np.ndarray:
    photo = np.empty((120, 160, 3), np.float32)
    photo[:horizon], photo[horizon:] = sky, ground
    return photo


@pytest.mark.parametrize("sky", [BLUE, CLOUD])
def test_it_ends_at_the_horizon(sky: tuple[float, ...]) -> None:
    found = sky_of(above(sky, GRASS))
    assert found.shape == (120, 160)
    assert found.dtype == np.float32
    assert found[:52].min() > 0.99
    assert found[68:].max() < 0.01


def test_blue_water_under_land_is_no_sky() -> None:
    photo = above(BLUE, GRASS)
    photo[90:] = BLUE
    assert sky_of(photo)[90:].max() < 0.01


def test_it_goes_on_below_a_wire() -> None:
    photo = above(BLUE, GRASS)
    photo[20:22] = 0.05
    found = sky_of(photo)
    assert found[40:50].min() > 0.99


@pytest.mark.parametrize("colour", [GRASS, WALL, (0.05, 0.05, 0.08)])
def test_other_photos_have_none(colour: tuple[float, ...]) -> None:
    assert sky_of(above(colour, colour)).max() == 0


def test_what_is_bright_but_rough_is_none() -> None:
    rough = np.random.default_rng(0).random((30, 40, 1), np.float32) > 0.5
    photo = np.repeat(np.repeat(np.where(rough, 0.95, 0.4), 4, 0), 4, 1)
    assert sky_of(np.repeat(photo, 3, 2).astype(np.float32)).mean() < 0.2


def test_clouds_do_not_cut_it() -> None:
    random = np.random.default_rng(0)
    photo = above(BLUE, GRASS)
    for _ in range(12):
        row, column = random.integers(5, 45), random.integers(0, 140)
        photo[row : row + 8, column : column + 20] = CLOUD
    found = sky_of(photo)
    assert found[:52].min() > 0.99
    assert found[68:].max() < 0.01


def test_roofs_stand_against_it() -> None:
    photo = above(BLUE, GRASS)
    photo[25:60, 50:110] = WALL
    found = sky_of(photo)
    assert found[30:, 60:100].max() < 0.01
    assert found[:50, :40].min() > 0.99


def test_large_photos_have_the_same_sky() -> None:
    small = above(BLUE, GRASS)
    large = np.repeat(np.repeat(small, 5, 0), 5, 1)
    np.testing.assert_allclose(sky_of(large)[::5, ::5].mean(), sky_of(small).mean(), atol=0.02)
