"""JPEG as training has it."""

from __future__ import annotations

import numpy as np

from photostyle.features import dead_leaves
from photostyle.training.compression import compressed, to_uint8


def leaves() -> np.ndarray:
    return np.ascontiguousarray(dead_leaves(1, 64, 0)[0].permute(1, 2, 0).numpy())


def error(photo: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(np.mean((photo - other) ** 2)))


def test_lower_quality_loses_more() -> None:
    photo = leaves()
    errors = [error(compressed(photo, q, half_colour=False), photo) for q in (98, 75, 20)]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_half_colour_loses_colour_alone() -> None:
    photo = leaves()
    full, half = (compressed(photo, 98, half_colour=h) for h in (False, True))
    assert error(half, photo) > 1.5 * error(full, photo)
    luma = np.array([0.299, 0.587, 0.114])
    assert error(half @ luma, photo @ luma) < 0.5 * error(half, photo)


def test_channels_keep_their_order() -> None:
    red = np.zeros((16, 16, 3), np.float32) + np.float32([0.8, 0.2, 0.1])
    np.testing.assert_allclose(compressed(red, 95, half_colour=True), red, atol=0.02)


def test_what_is_out_of_range_is_clipped() -> None:
    assert to_uint8(np.float32([-0.2, 0.0, 0.5, 1.0, 1.7])).tolist() == [0, 0, 128, 255, 255]
