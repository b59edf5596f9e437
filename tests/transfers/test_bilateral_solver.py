"""The bilateral solver: near the target where it is trusted, smooth within edges."""

import numpy as np
import pytest

from photostyle.transfers.bilateral_solver import solve_bilateral


@pytest.fixture
def halves():
    """A photo of two colours, each a little noisy."""
    random = np.random.default_rng(0)
    photo = np.full((64, 96, 3), 0.3)
    photo[:, 41:] = [0.6, 0.5, 0.2]
    return (photo + random.normal(0, 0.01, photo.shape)).astype(np.float32)


def solved(photo, target, confidence, smoothness=10.0):
    return solve_bilateral(photo, target, confidence, reach=8, smoothness=smoothness)


def test_a_target_of_one_value_is_the_solution(halves):
    target = np.broadcast_to(np.float32([0.2, -3]), (64, 96, 2))
    values = solved(halves, target, np.full((64, 96), 0.1, np.float32))
    np.testing.assert_allclose(values, target, atol=1e-4)


def test_what_is_known_of_a_few_pixels_is_carried_on_to_the_edge(halves):
    target = np.random.default_rng(1).uniform(size=(64, 96, 1)).astype(np.float32)
    confidence = np.full((64, 96), 1e-6, np.float32)
    for column, value in ((20, 1.0), (70, 0.0)):
        target[20:44, column - 8 : column + 8] = value
        confidence[20:44, column - 8 : column + 8] = 1
    values = solved(halves, target, confidence)[..., 0]
    for half, value in ((values[:, :41], 1), (values[:, 41:], 0)):
        assert np.abs(half - value).mean() < 0.02
        assert np.abs(half - value).max() < 0.5


def test_channels_do_not_know_of_each_other(halves):
    random = np.random.default_rng(2)
    target = random.uniform(size=(64, 96, 3)).astype(np.float32)
    confidence = random.uniform(0.1, 1, (64, 96)).astype(np.float32)
    together = solved(halves, target, confidence)
    alone = np.concatenate(
        [solved(halves, target[..., k : k + 1], confidence) for k in range(3)], -1
    )
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_smoothness_decides_between_the_target_and_its_mean(halves):
    random = np.random.default_rng(3)
    target = random.uniform(size=(64, 96, 1)).astype(np.float32)
    confidence = np.ones((64, 96), np.float32)
    spreads = [
        solved(halves, target, confidence, smoothness)[:, :41].std()
        for smoothness in (0.01, 10.0, 1000.0)
    ]
    assert spreads[0] > 1.5 * spreads[1] > 3 * spreads[2]
