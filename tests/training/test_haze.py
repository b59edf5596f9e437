"""Haze: Koschmieder's law, and depths that follow the photo."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.features import dead_leaves
from photostyle.training.haze import (
    CLEAR_SHARE,
    THICKEST,
    draw_airlight,
    draw_depth,
    guided_filter,
    haze,
    scatter,
    sky_likeness,
)

Image = np.ndarray


def leaves(size: int = 64, seed: int = 0) -> Image:
    return np.ascontiguousarray(dead_leaves(1, size, seed)[0].permute(1, 2, 0).numpy())


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_light_decays_with_the_distance_and_haze_takes_its_place() -> None:
    photo = leaves()
    airlight = np.float32([0.8, 0.85, 0.9])
    depth = np.zeros((64, 64), np.float32)
    depth[:32] = 2
    depth[:4] = 50
    hazy = scatter(photo, depth, np.log(2), airlight)
    assert hazy.dtype == np.float32
    assert np.abs(hazy[32:] - photo[32:]).max() < 1e-6
    assert np.abs(hazy[4:32] - (photo[4:32] / 4 + airlight * 3 / 4)).max() < 1e-6
    assert np.abs(hazy[:4] - airlight).max() < 1e-6


def test_haze_runs_from_next_to_none_to_thick() -> None:
    photo = leaves()
    shares = []
    for seed in range(200):
        result = haze(photo, generator(seed))
        assert result.shape == photo.shape
        assert result.dtype == np.float32
        assert result.min() >= 0
        assert result.max() <= 1
        shares.append(result.std(axis=(0, 1)).mean() / photo.std(axis=(0, 1)).mean())
    clear = sum(share > 0.9 for share in shares)
    assert CLEAR_SHARE * 200 - 15 <= clear <= CLEAR_SHARE * 200 + 40
    assert np.exp(-THICKEST) < min(shares) < 0.4


def test_haze_is_a_light_grey_mostly_bluish_where_it_is_tinted() -> None:
    colours = np.stack([draw_airlight(generator(seed)) for seed in range(300)])
    assert colours.min() > 0.45
    assert colours.max() <= 1
    assert colours.mean(axis=1).min() < 0.66
    assert colours.mean(axis=1).max() > 0.94
    blueness = colours[:, 2] - colours[:, 0]
    assert 0.3 < (blueness > 0.01).mean() < 0.6
    assert 0.1 < (blueness < -0.01).mean() < 0.35
    assert blueness.max() < 0.4


def test_depth_grows_upwards_on_the_whole_and_is_never_the_same() -> None:
    photo = leaves(48) * np.float32(0.5)  # nothing bright that passes for sky
    depths = np.stack([draw_depth(photo, generator(seed)) for seed in range(60)])
    assert depths.shape == (60, 48, 48)
    assert depths.dtype == np.float32
    assert depths.min() >= 0
    assert depths.max() <= 1
    assert depths[:, :12].mean() > depths[:, -12:].mean() + 0.2
    assert depths.std(axis=0).min() > 0.05
    # Also across: fields, tilts and things.
    assert depths.std(axis=2).mean() > 0.05


@pytest.mark.parametrize("shape", [(40, 7), (1, 30), (30, 1)])
def test_any_shape_has_a_depth(shape: tuple[int, int]) -> None:
    depth = draw_depth(np.full((*shape, 3), 0.4, np.float32), generator(0))
    assert depth.shape == shape
    assert np.isfinite(depth).all()


def test_edges_of_the_depth_are_those_of_the_photo() -> None:
    guide = np.full((48, 48), 0.2, np.float32)
    guide[:, 20:] = 0.8
    blurred = np.clip((np.arange(48, dtype=np.float32) - 10) / 20, 0, 1)[None].repeat(48, axis=0)
    result = guided_filter(guide, blurred, 8, 1e-3)
    steps = np.diff(result[24])
    assert int(np.argmax(steps)) == 19
    assert steps[19] > 5 * np.abs(np.delete(steps, 19)).max()


def test_guided_filter_agrees_with_its_definition() -> None:
    random = generator(1)
    guide, values = random.random((2, 9, 11), np.float32)
    radius, epsilon = 2, 0.01
    padded_guide, padded = (np.pad(x.astype(float), 4, mode="symmetric") for x in (guide, values))
    slopes, offsets = np.empty((2, 13, 15))
    for y in range(13):
        for x in range(15):
            g, p = padded_guide[y : y + 5, x : x + 5], padded[y : y + 5, x : x + 5]
            a = ((g * p).mean() - g.mean() * p.mean()) / (g.var() + epsilon)
            slopes[y, x], offsets[y, x] = a, p.mean() - a * g.mean()
    expected = np.empty((9, 11))
    for y in range(9):
        for x in range(11):
            a, b = (w[y : y + 5, x : x + 5].mean() for w in (slopes, offsets))
            expected[y, x] = a * guide[y, x] + b
    assert np.abs(guided_filter(guide, values, radius, epsilon) - expected).max() < 1e-5


def test_sky_is_bright_and_smooth_and_at_the_top() -> None:
    luma = np.full((80, 80), 0.9, np.float32)
    luma[30:60] = 0.2
    luma[12:16, 38:41] = 0  # a bird
    likeness = sky_likeness(luma)
    assert likeness[:25].mean() > 0.9
    assert likeness[32:].max() < 0.1  # the bright ground is not connected to the top
    assert sky_likeness(np.full((80, 80), 0.3, np.float32)).max() < 0.01
    rough = generator(0).random((80, 80), np.float32) * 0.4 + 0.6
    assert sky_likeness(rough).mean() < 0.02


def test_sky_is_the_farthest() -> None:
    photo = leaves(64) * np.float32(0.5)
    photo[:20] = 0.95
    for seed in range(10):
        assert draw_depth(photo, generator(seed))[:14].min() > 0.85
