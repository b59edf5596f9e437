from __future__ import annotations

import numpy as np
import pytest

from photostyle.image import fit_size, resize, resize_to


@pytest.mark.parametrize(
    ("size", "long_side", "expected"),
    [((3000, 4000), 400, (300, 400)), ((4000, 3000), 400, (400, 300)), ((1, 1), 5, (5, 5)),
     ((1, 1000), 10, (1, 10)), ((1000, 1), 1, (1, 1)), ((30, 40), 80, (60, 80))],
)  # fmt: skip
def test_fit_size_keeps_proportions_and_never_goes_below_one_pixel(size, long_side, expected):
    assert fit_size(*size, long_side) == expected


@pytest.mark.parametrize(
    "shape", [(6, 8), (6, 8, 1), (6, 8, 3), (6, 8, 7), (1, 1, 3), (1, 7), (3, 3, 3)]
)
@pytest.mark.parametrize("size", [(3, 4), (1, 1), (12, 16), (1, 20), (6, 8)])
def test_shape_type_and_range_are_kept(shape, size):
    pixels = np.random.default_rng(0).random(shape, np.float32)
    before = pixels.copy()
    result = resize_to(pixels, *size)
    assert result.shape == (*size, *shape[2:])
    assert result.dtype == np.float32
    assert result.min() >= pixels.min() - 1e-6
    assert result.max() <= pixels.max() + 1e-6
    assert not np.shares_memory(result, pixels)
    np.testing.assert_array_equal(pixels, before)


def test_smaller_is_the_mean_over_the_area():
    pixels = np.random.default_rng(1).random((12, 20, 3), np.float32)
    expected = pixels.reshape(3, 4, 5, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resize(pixels, 5), expected, atol=1e-6)


def test_a_checkerboard_becomes_grey_instead_of_aliasing():
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    np.testing.assert_allclose(resize(board, 31), 0.5, atol=0.07)


def test_larger_follows_a_ramp_and_does_not_overshoot_an_edge():
    ramp = np.linspace(0, 1, 16, dtype=np.float32)[None].repeat(16, 0)
    expected = (np.arange(64) + 0.5) / 4 - 0.5
    inner = slice(8, -8)
    np.testing.assert_allclose(resize(ramp, 64)[8, inner], expected[inner] / 15, atol=4e-3)
    edge = np.repeat(np.float32([[0.2, 0.9]]), 8, axis=1).repeat(16, 0)
    large = resize(edge, 64)
    assert large.min() >= np.float32(0.2)
    assert large.max() <= np.float32(0.9)


def test_one_side_can_grow_while_the_other_shrinks():
    pixels = np.tile(np.float32([0, 1]), (4, 8))
    np.testing.assert_allclose(resize_to(pixels, 8, 8), 0.5, atol=1e-6)


def test_the_same_size_gives_the_same_values():
    pixels = np.random.default_rng(2).random((5, 9, 3), np.float32)
    np.testing.assert_array_equal(resize(pixels, 9), pixels)
