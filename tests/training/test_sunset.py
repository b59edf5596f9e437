"""Sunsets: warm at the horizon, blue above, warm and cool below, and clouds as they were."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from photostyle.training.sunset import rendered_sunset


def landscape(horizon: float = 0.5) -> np.ndarray:
    """Blue sky with a white cloud, above stony ground with a dark half."""
    photo = np.full((96, 128, 3), (0.6, 0.55, 0.5), np.float32)
    photo[:, 64:] = 0.15
    sky = round(96 * horizon)
    photo[:sky] = (0.35, 0.55, 0.9)
    photo[sky // 4 : sky // 2, 20:60] = (0.9, 0.9, 0.92)
    return photo


def lab(photo: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.ascontiguousarray(photo), cv2.COLOR_RGB2LAB)


def test_the_sky_is_warm_at_the_horizon_and_blue_at_the_top() -> None:
    result = rendered_sunset(landscape())
    assert result.shape == (96, 128, 3)
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1
    blues = lab(result)[:44, 100, 2]
    assert blues[0] < -5
    assert blues[-1] > 25
    assert (np.diff(blues) > -1).all()


def test_clouds_are_warmer_and_brighter_than_the_air_around_them() -> None:
    result = lab(rendered_sunset(landscape()))
    cloud, air = result[18, 40], result[18, 100]
    assert cloud[0] > air[0] + 10
    assert cloud[1:].sum() > air[1:].sum() + 10


def test_what_the_sun_lights_is_warm_and_shade_is_cool() -> None:
    result = lab(rendered_sunset(landscape()))
    assert result[80, 20, 2] > 12
    assert result[80, 110, 2] < 0


def test_without_a_sky_light_alone_changes() -> None:
    ground = np.full((60, 80, 3), (0.3, 0.2, 0.1), np.float32)
    ground[:, 40:] = (0.75, 0.55, 0.45)
    before, after = lab(ground), lab(rendered_sunset(ground))
    assert (after[..., 0] < before[..., 0]).all()
    assert np.ptp(after[:, 60], axis=0).max() < 0.1


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_are_no_trouble(level: float) -> None:
    result = rendered_sunset(np.full((40, 50, 3), level, np.float32))
    assert np.isfinite(result).all()
    assert result.max() <= level
