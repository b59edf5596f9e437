"""Exposure: stops of linear light, until the sensor clips."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.training.exposure import (
    BRIGHTEST,
    DARKEST,
    expose,
    from_linear,
    to_linear,
    wrong_exposure,
)


def greys() -> np.ndarray:
    """A row of grey patches from black to white, `1 256 3`."""
    return np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 3, axis=2)


def test_srgb_values_and_back() -> None:
    # IEC 61966-2-1: mid grey 0.5 is 21.4 % of the light.
    assert to_linear(np.float32([0.5]))[0] == pytest.approx(0.21404, abs=1e-5)
    assert from_linear(np.float32([0.18]))[0] == pytest.approx(0.46136, abs=1e-5)
    assert np.abs(from_linear(to_linear(greys())) - greys()).max() < 1e-6


@pytest.mark.parametrize("ev", [-3, -1, 0, 1, 2])
def test_a_stop_doubles_the_light_until_it_clips(ev: float) -> None:
    light = to_linear(expose(greys(), ev))
    expected = np.minimum(to_linear(greys()) * 2.0**ev, 1)
    assert np.abs(light - expected).max() < 1e-5
    if ev > 0:
        assert (light[to_linear(greys()) >= 2.0**-ev] == 1).all()


def test_gains_are_another_white_balance() -> None:
    light = to_linear(expose(greys(), -1, np.float32([1.2, 1, 0.8])))
    ratios = light[0, 50:] / to_linear(greys())[0, 50:]
    assert np.abs(ratios - [0.6, 0.5, 0.4]).max() < 1e-4


def test_gamma_bends_the_curve_and_keeps_its_ends() -> None:
    bent = expose(greys(), 0, gamma=2)
    assert np.abs(bent - greys() ** 2).max() < 1e-5


def test_wrong_exposures_span_the_range() -> None:
    photo = np.full((4, 4, 3), 0.3, np.float32)  # clips nowhere, even at +2 EV with a drift
    stops, tints = [], []
    for seed in range(200):
        result = wrong_exposure(photo, np.random.default_rng(seed))
        assert np.array_equal(result, wrong_exposure(photo, np.random.default_rng(seed)))
        red, green, _ = to_linear(result)[0, 0]
        stops.append(np.log2(green / to_linear(photo)[0, 0, 1]))
        tints.append(np.log2(red / green))
    # The drift of contrast adds a little to the stops.
    assert DARKEST - 1.5 < min(stops) < DARKEST + 0.5
    assert BRIGHTEST - 0.5 < max(stops) < BRIGHTEST + 1
    assert 60 <= sum(abs(tint) < 1e-4 for tint in tints) <= 140
    assert 0.05 < np.std(tints) < 0.3
