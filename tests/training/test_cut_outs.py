"""Subjects before other backgrounds: what is cut out keeps its name, the rest is background."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.features.scene_parser import KINDS
from photostyle.training.cut_outs import SIZE, cut_outs
from photostyle.training.scene_photos import UNKNOWN, NamedPhoto

SKY, ANIMAL, OBJECT, BACKGROUND = (
    KINDS.index(name) for name in ("sky", "animal", "object", "background")
)


def photo(*, animal: bool) -> NamedPhoto:
    """A red animal, or nothing, before a blue sky with some grain."""
    random = np.random.default_rng(0)
    pixels = np.full((90, 120, 3), (60, 90, 230), np.uint8)
    kinds = np.full((90, 120), SKY, np.uint8)
    if animal:
        pixels[20:70, 30:90] = 230, 20, 20
        kinds[20:70, 30:90] = ANIMAL
    return NamedPhoto(pixels + random.integers(0, 20, pixels.shape, np.uint8), kinds)


@pytest.fixture(scope="module")
def pictures() -> list[NamedPhoto]:
    return cut_outs(24, [photo(animal=True)], seed=0)


def test_there_are_a_subject_a_background_and_what_is_between(pictures: list[NamedPhoto]) -> None:
    for picture in pictures:
        assert picture.pixels.shape == (SIZE, SIZE, 3)
        assert picture.folder == "cut-outs"
        values = set(np.unique(picture.kinds))
        assert BACKGROUND in values
        assert UNKNOWN in values
        assert values - {BACKGROUND, UNKNOWN} in ({ANIMAL}, {OBJECT})
        assert 0.01 < (picture.kinds < BACKGROUND).mean() < 0.95


def test_an_animal_is_cut_out_along_its_outline(pictures: list[NamedPhoto]) -> None:
    animals = [picture for picture in pictures if ANIMAL in picture.kinds]
    assert 6 <= len(animals) <= 18
    for picture in animals:
        inside = picture.pixels[picture.kinds == ANIMAL].astype(float)
        assert (inside[:, 0] > 180).mean() > 0.95
        assert (inside[:, 2] < 90).mean() > 0.95


def test_some_backgrounds_are_plain(pictures: list[NamedPhoto]) -> None:
    spread = [picture.pixels[:12].astype(float).std((0, 1)).max() for picture in pictures]
    assert min(spread) < 12


def test_without_subjects_there_are_solids() -> None:
    for picture in cut_outs(4, [photo(animal=False)], seed=1):
        assert OBJECT in picture.kinds


def test_the_seed_makes_the_pictures() -> None:
    source = [photo(animal=True)]
    first, again, other = (cut_outs(1, source, seed)[0].pixels for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
