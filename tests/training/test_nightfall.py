"""Nights: dark, blue, darker upwards, and no darker than they may be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from photostyle.training.nightfall import LARGEST_SIGMA, Nightfall, night, rendered_night


def grey(level: float, height: int = 20) -> np.ndarray:
    return np.full((height, 30, 3), level, np.float32)


def lab(photo: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)


def test_a_day_becomes_dark_and_blue() -> None:
    result = rendered_night(grey(0.6))
    assert result.shape == (20, 30, 3)
    assert result.dtype == np.float32
    before, after = lab(grey(0.6)).mean((0, 1)), lab(result).mean((0, 1))
    assert before[0] > 60
    assert 10 < after[0] < 40
    assert after[2] < before[2] - 8  # b: towards blue
    assert abs(after[1]) < 12


def test_it_is_darker_upwards_by_the_dome_alone() -> None:
    rows = lab(rendered_night(grey(0.6), Nightfall(dome=0.6)))[:, 0, 0]
    assert (np.diff(rows) >= 0).all()
    assert rows[-1] > 1.2 * rows[0]
    flat = rendered_night(grey(0.6), Nightfall(dome=0.0))
    assert np.ptp(flat, axis=0).max() < 1e-6


def test_the_order_of_tones_stays() -> None:
    ramp = np.repeat(np.linspace(0, 1, 50, dtype=np.float32), 3).reshape(1, 50, 3)
    luma = rendered_night(ramp).mean(-1)[0]
    assert (np.diff(luma) > 0).all()
    assert luma[0] < 0.01
    assert luma[-1] < 0.8


def test_red_loses_more_than_blue() -> None:
    photo = grey(0.5)
    photo[:, :15] = (0.7, 0.2, 0.2)
    photo[:, 15:] = (0.2, 0.2, 0.7)
    flat = lab(rendered_night(photo, Nightfall(dome=0, contrast=0)))[0]
    before = lab(photo)[0]
    assert flat[0, 0] - flat[-1, 0] < before[0, 0] - before[-1, 0]


def test_what_is_dark_already_stays_much_as_it_is() -> None:
    result = rendered_night(grey(0.12), Nightfall(dome=0, contrast=0))
    assert 0.5 < lab(result)[0, 0, 0] / lab(grey(0.12))[0, 0, 0] < 1


def test_nights_differ_and_come_from_the_generator_alone() -> None:
    photo = np.random.default_rng(0).random((20, 30, 3), np.float32)
    nights = [night(photo, np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4, 5)]
    assert np.array_equal(nights[0], nights[1])
    means = [float(n.mean()) for n in nights[1:]]
    assert max(means) > 1.2 * min(means)
    for result in nights:
        assert result.min() > -5 * LARGEST_SIGMA
        assert result.max() < 1 + 5 * LARGEST_SIGMA
        assert result.dtype == np.float32


def test_some_skies_are_black_above_a_lit_ground() -> None:
    photo = grey(0.5, 120)
    photo[:60] = (0.35, 0.55, 0.85)
    ratios = []
    for seed in range(30):
        luma = night(photo, np.random.default_rng(seed)).mean(-1)
        ratios.append(luma[:40].mean() / luma[80:].mean())
    assert min(ratios) < 0.2
    assert max(ratios) > 0.7


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_are_no_trouble(level: float) -> None:
    assert np.isfinite(rendered_night(grey(level))).all()
