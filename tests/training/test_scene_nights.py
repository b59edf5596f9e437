"""Nights with names: darker skies, the same names."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.features.scene_parser import KINDS
from photostyle.training.scene_nights import scene_nights
from photostyle.training.scene_photos import NamedPhoto

SKY, BUILDING = KINDS.index("sky"), KINDS.index("building")


def town(seed: int, *, sky: bool = True) -> NamedPhoto:
    """A pale sky above houses of grey and brown, `64 96`."""
    random = np.random.default_rng(seed)
    pixels = random.integers(60, 140, (64, 96, 3), np.uint8)
    kinds = np.full((64, 96), BUILDING, np.uint8)
    if sky:
        pixels[:30] = (170, 200, 235)
        kinds[:30] = SKY
    return NamedPhoto(pixels, kinds, "day")


@pytest.fixture(scope="module")
def nights() -> list[NamedPhoto]:
    return scene_nights(12, [town(0), town(1, sky=False)], seed=0)


def test_names_stay_and_photos_without_sky_are_left_out(nights: list[NamedPhoto]) -> None:
    for night in nights:
        assert night.pixels.shape == (64, 96, 3)
        assert night.pixels.dtype == np.uint8
        assert night.folder == "nights"
        np.testing.assert_array_equal(night.kinds, town(0).kinds)


def test_most_skies_are_dark(nights: list[NamedPhoto]) -> None:
    levels = [night.pixels[:20].mean() for night in nights]
    assert np.median(levels) < 100
    assert len({round(level, 2) for level in levels}) == len(levels)


def test_without_skies_there_are_no_nights() -> None:
    assert scene_nights(3, [town(0, sky=False)], seed=0) == []


def test_the_seed_makes_the_nights() -> None:
    first, again, other = (scene_nights(1, [town(0)], seed)[0].pixels for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
