from __future__ import annotations

import numpy as np
import pytest

from photostyle.image import clip_like, quantise
from photostyle.image.rounding import as_fewer_bits, as_full_range, as_uint16


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_quantise_rounds_and_clips(dtype, top):
    values = np.array([-1, 0, 0.49 / top, 0.51 / top, 0.5, 1, 2], np.float32)
    out = np.empty(values.shape, dtype)
    quantise(values, out)
    assert out.tolist() == [0, 0, 0, 1, (top + 1) // 2, top, top]


def test_floating_point_values_are_stored_as_they_are():
    values = np.array([-1, 0.3, 7], np.float32)
    out = np.empty(3, np.float32)
    quantise(values, out)
    np.testing.assert_array_equal(out, values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(dtype, value):
    with pytest.raises(ValueError, match="no numbers"):
        quantise(np.array([0.5, value], np.float32), np.empty(2, dtype))


def test_an_edit_leaves_colours_outside_of_srgb_where_they_were_at_most():
    before = np.array([-0.5, -0.5, -0.5, 1.5, 1.5, 0.5, 0.5], np.float32)
    after = np.array([-0.7, -0.2, 0.3, 1.2, 1.9, -0.1, 1.1], np.float32)
    expected = np.array([-0.5, -0.2, 0.3, 1.2, 1.5, 0, 1], np.float32)
    np.testing.assert_array_equal(clip_like(after.copy(), before), expected)
    np.testing.assert_array_equal(clip_like(before.copy(), before), before)


def test_samples_of_fewer_bits_are_spread_over_the_whole_range():
    samples = np.array([[0, 1, 512, 1023, 1024, 65535]], np.uint16)
    assert as_full_range(samples, 10).tolist() == [[0, 64, 32800, 65535, 65535, 65535]]
    assert as_full_range(samples, 16).tolist() == samples.tolist()


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_fewer_bits_are_rounded_and_come_back(bits):
    codes = np.arange(1 << bits, dtype=np.uint16).reshape(-1, 16)
    assert as_fewer_bits(as_full_range(codes, bits), bits).tolist() == codes.tolist()
    assert as_fewer_bits(np.array([32, 33], np.uint16), 10).tolist() == [0, 1]


def test_floating_point_values_become_16_bits():
    assert as_uint16(np.array([0, 0.5, 2], np.float32)).tolist() == [0, 32768, 65535]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(0, 5, 3), (1,), (2, 2), (1, 4), (4, 1), (1, 1, 3), (7, 9, 3)])
def test_arrays_of_any_shape(dtype: type, shape: tuple[int, ...]) -> None:
    values = np.linspace(-0.2, 1.1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    made = np.full(shape, 77, dtype)
    quantise(values, made)
    exact = np.clip(values.astype(np.float64), 0, 1) * np.iinfo(dtype).max
    assert np.abs(made - exact).max(initial=0) <= 0.51
