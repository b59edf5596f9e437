"""Lamps: light around their feet on the ground alone, of the colours of lamps."""

from __future__ import annotations

import numpy as np

from photostyle.training.lamps import lamps


def test_it_is_uneven_positive_and_comes_from_the_generator_alone() -> None:
    ground = np.ones((120, 160), np.float32)
    light, bulbs = lamps(ground, np.random.default_rng(1))
    assert light.shape == (120, 160, 3)
    assert light.dtype == np.float32
    assert light.min() >= 0
    assert light.max() > 2 * light.min()
    assert bulbs.shape == (120, 160, 1)
    assert (bulbs.min(), bulbs.max()) == (0, 1)
    assert bulbs.mean() < 0.05
    assert np.array_equal(light, lamps(ground, np.random.default_rng(1))[0])
    assert not np.array_equal(light, lamps(ground, np.random.default_rng(2))[0])


def test_without_ground_there_are_none() -> None:
    light, bulbs = lamps(np.zeros((40, 50), np.float32), np.random.default_rng(0))
    assert light.max() == bulbs.max() == 0


def test_most_light_falls_where_lamps_stand() -> None:
    ground = np.zeros((120, 160), np.float32)
    ground[60:] = 1
    lights = sum(lamps(ground, np.random.default_rng(seed))[0] for seed in range(10))
    assert lights[60:].mean() > 1.2 * lights[:50].mean()  # type: ignore[index]


def test_lamps_are_warm_or_neutral() -> None:
    ground = np.ones((40, 50), np.float32)
    ratios = []
    for seed in range(20):
        red, _, blue = lamps(ground, np.random.default_rng(seed))[0].mean((0, 1))
        ratios.append(red / blue)
    assert min(ratios) > 0.7
    assert max(ratios) > 2
