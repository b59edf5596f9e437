"""Degradations: what each does, measured, and the same for the same random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.errors import UsageError
from photostyle.features import dead_leaves
from photostyle.training.degrade import (
    ALONE_SHARE,
    CLEAN_SHARE,
    CROPPED_SHARE,
    DEGRADATIONS,
    GAMMA,
    SHARES,
    degrade,
    jpeg,
    noise,
    parse_degradations,
    to_uint8,
)

Image = np.ndarray


def leaves(size: int = 64, seed: int = 0) -> Image:
    return np.ascontiguousarray(dead_leaves(1, size, seed)[0].permute(1, 2, 0).numpy())


def grey(value: float, size: int = 96) -> Image:
    return np.full((size, size, 3), value, np.float32)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_results_are_photos_and_depend_on_the_generator_alone(name: str) -> None:
    photo = leaves()
    before = photo.copy()
    results = [DEGRADATIONS[name](photo, generator(seed)) for seed in range(12)]
    assert np.array_equal(photo, before)
    for seed, result in enumerate(results):
        assert result.shape == photo.shape
        assert result.dtype == np.float32
        assert np.isfinite(result).all()
        assert np.array_equal(result, DEGRADATIONS[name](photo, generator(seed)))
        if name not in ("night", "noise", "blur"):  # whose noise is not clipped
            assert result.min() >= 0
            assert result.max() <= 1
    assert not np.array_equal(results[0], results[1])


def test_gaussian_noise_has_the_sigma_that_was_drawn() -> None:
    photo = grey(0.5)
    sigmas = []
    for seed in range(40):
        random = generator(seed)
        result = noise(photo, random)
        replay = generator(seed)
        replay.standard_normal(photo.shape, np.float32)
        if replay.random() < 0.8:
            sigma = replay.uniform(0, 55 / 255)
            assert (result - photo).std() == pytest.approx(sigma, rel=0.03)
            assert (result - photo).mean() == pytest.approx(0, abs=5 * sigma / photo.size**0.5)
            sigmas.append(sigma)
    assert 20 <= len(sigmas) <= 38
    assert min(sigmas) < 10 / 255
    assert max(sigmas) > 45 / 255


def test_a_sensors_noise_grows_with_the_light() -> None:
    photo = grey(0.2)
    photo[48:] = 0.8
    grown, seen = [], 0
    for seed in range(60):
        replay = generator(seed)
        replay.standard_normal(photo.shape, np.float32)
        if replay.random() < 0.8:
            continue
        seen += 1
        light = noise(photo, generator(seed)) ** GAMMA
        dark, bright = light[:44].std(), light[52:].std()
        assert bright > 0.98 * dark
        grown.append(bright / dark)
    assert seen >= 5
    assert max(grown) > 1.3


def test_blocks_start_where_the_crop_put_them() -> None:
    random = generator(0)
    photo = np.clip(leaves(96) + 0.03 * random.standard_normal((96, 96, 3)), 0, 1)
    photo = photo.astype(np.float32)
    starts = []
    for seed in range(150):
        replay = generator(seed)
        down, right = replay.integers(0, 8, 2) if replay.random() < CROPPED_SHARE else (0, 0)
        starts.append((int(down), int(right)))
        if 10 + int(86 * replay.random() ** 1.5) > 25:
            continue
        luma = jpeg(photo, generator(seed)) @ np.array([0.299, 0.587, 0.114], np.float32)
        for axis, start in enumerate((down, right)):
            jumps = np.abs(np.diff(luma, axis=axis)).mean(axis=1 - axis)
            phases = [jumps[phase::8].mean() for phase in range(8)]
            # The jump between pixels 7 and 8 of the compressed picture.
            assert int(np.argmax(phases)) == (7 - start) % 8
    assert 122 <= starts.count((0, 0)) <= 146
    assert len(set(starts)) > 8


def test_quality_and_colour_resolution_vary() -> None:
    stripes = grey(0.5)
    stripes[:, ::2] = (0.8, 0.4, 0.2)
    stripes[:, 1::2] = (0.2, 0.5, 0.8)
    photo = leaves(96)
    contrasts, errors = [], []
    for seed in range(60):
        result = jpeg(stripes, generator(seed))
        red_minus_blue = result[..., 0] - result[..., 2]
        contrasts.append(np.abs(np.diff(red_minus_blue, axis=1)).mean() / 1.2)
        errors.append(np.square(jpeg(photo, generator(seed)) - photo).mean())
    full = [contrast > 0.6 for contrast in contrasts]
    assert 5 <= sum(full) <= 20
    assert min(contrasts) < 0.3
    decibels = -10 * np.log10(errors)
    assert decibels.min() < 30
    assert decibels.max() > 36


def test_files_hold_eight_bits() -> None:
    result = degrade(leaves(), ("noise", "jpeg"), generator(3))
    assert result.dtype == np.float32
    levels = result * 255
    assert np.abs(levels - levels.round()).max() < 1e-3
    assert result.min() >= 0
    assert result.max() <= 1


def test_some_stay_clean_and_most_others_get_one_degradation() -> None:
    photo = to_uint8(grey(0.5, 16)) / np.float32(255)
    shares = np.array([1, SHARES["jpeg"]]) / (1 + SHARES["jpeg"])
    clean = blocky = both = 0
    for seed in range(400):
        result = degrade(photo, ("noise", "jpeg"), generator(seed))
        replay = generator(seed)
        if replay.random() < CLEAN_SHARE:
            assert np.array_equal(result, photo)
            clean += 1
        elif replay.random() >= ALONE_SHARE:
            both += 1
        elif replay.choice(2, 1, replace=False, p=shares) == 1:
            # A plain picture survives compression.
            assert np.abs(result - photo).max() < 0.02
            blocky += 1
    assert 10 <= clean <= 45
    assert 50 <= both <= 105
    assert 200 <= blocky <= 280


def test_names_are_put_in_the_order_of_their_application() -> None:
    assert parse_degradations("jpeg, noise") == ("noise", "jpeg")
    assert parse_degradations("exposure") == ("exposure",)
    assert parse_degradations("jpeg,noise,blur") == ("blur", "noise", "jpeg")
    assert parse_degradations("haze,exposure") == ("exposure", "haze")
    assert parse_degradations("noise,noise") == ("noise",)


@pytest.mark.parametrize("names", ["", "noise,rain", "noise;jpeg"])
def test_unknown_names_are_refused(names: str) -> None:
    with pytest.raises(
        UsageError, match=r"unknown degradation .*: use some of exposure, night, haze, blur"
    ):
        parse_degradations(names)
