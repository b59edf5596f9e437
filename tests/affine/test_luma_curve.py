from __future__ import annotations

import numpy as np
import pytest

from photostyle.affine.luma_curve import apply_luma_curve, fit_luma_curve

RNG = np.random.default_rng(0)
COLOURS = RNG.random((4000, 3)).astype(np.float32)
LUMA = COLOURS @ np.array([0.299, 0.587, 0.114], np.float32)


def test_each_colour_gets_the_maps_of_its_luma():
    curve = RNG.random((5, 3, 4)).astype(np.float32)
    result = apply_luma_curve(curve, COLOURS)
    place = LUMA.astype(float) * 4
    lower = np.minimum(place.astype(int), 3)
    share = (place - lower)[:, None, None]
    maps = (1 - share) * curve[lower] + share * curve[lower + 1]
    expected = np.einsum("nij,nj->ni", maps, np.c_[COLOURS, np.ones(len(COLOURS))])
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_one_affine_map_is_found_again():
    matrix = np.array([[0.5, 0.2, 0.0, 0.1], [0.0, 0.9, 0.1, -0.1], [0.1, 0.0, 0.6, 0.2]])
    target = COLOURS @ matrix[:, :3].T + matrix[:, 3]
    curve = fit_luma_curve(COLOURS, target.astype(np.float32))
    assert curve.shape == (8, 3, 4)
    np.testing.assert_allclose(apply_luma_curve(curve, COLOURS), target, atol=0.01)


def test_a_tone_curve_is_found_that_no_single_map_could_be():
    target = COLOURS * (0.5 + LUMA[:, None])
    apart = np.abs(apply_luma_curve(fit_luma_curve(COLOURS, target), COLOURS) - target)
    single = np.abs(apply_luma_curve(fit_luma_curve(COLOURS, target, levels=2), COLOURS) - target)
    assert apart.mean() < 0.01
    assert np.isfinite(single).all()


def test_what_the_colours_do_not_tell_stays_as_it_is():
    grey = np.repeat(RNG.random((500, 1)), 3, 1).astype(np.float32)
    curve = fit_luma_curve(grey, 0.5 * grey)
    saturated = np.array([[0.6, 0.3, 0.3]], np.float32)  # luma 0.39
    result = apply_luma_curve(curve, saturated)[0]
    assert result[0] - result[1] == pytest.approx(0.3, abs=0.1)
    assert result.mean() < saturated.mean()


def test_a_single_colour_is_enough():
    one = np.full((1, 3), 0.5, np.float32)
    result = apply_luma_curve(fit_luma_curve(one, one + 0.1), one)
    np.testing.assert_allclose(result, 0.6, atol=0.02)
