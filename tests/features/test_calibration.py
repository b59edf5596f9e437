"""Calibration: unit variance, and nothing else changed."""

from __future__ import annotations

import copy

import torch

from photostyle.features import Encoder, calibrate, dead_leaves, random_encoder


def deviations(encoder: Encoder, photos: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad():
        return [features.std(dim=(0, 2, 3)) for features in encoder(photos)]


def test_calibrate_gives_every_channel_variance_one() -> None:
    torch.manual_seed(0)
    encoder, photos = Encoder(), dead_leaves(6, seed=3)
    assert max((spread - 1).abs().max() for spread in deviations(encoder, photos)) > 0.1
    calibrate(encoder, photos)
    for spread in deviations(encoder, photos):
        torch.testing.assert_close(spread, torch.ones_like(spread), rtol=0, atol=1e-4)


def test_calibrate_only_scales_channels() -> None:
    torch.manual_seed(1)
    encoder, photos = Encoder(), dead_leaves(6)
    calibrated = copy.deepcopy(encoder)
    calibrate(calibrated, photos)
    unseen = torch.rand(1, 3, 40, 56)
    spreads = deviations(encoder, photos)
    for before, after, spread in zip(encoder(unseen), calibrated(unseen), spreads, strict=True):
        expected = before / spread[:, None, None]
        torch.testing.assert_close(after, expected, rtol=1e-3, atol=1e-3)


def test_random_encoder_has_variance_one_where_it_was_calibrated() -> None:
    photos = dead_leaves(6, seed=5)
    for spread in deviations(random_encoder(0, photos), photos):
        torch.testing.assert_close(spread, torch.ones_like(spread), rtol=0, atol=1e-4)


def test_random_encoder_depends_on_its_seed_alone() -> None:
    first, again, other = (random_encoder(seed, dead_leaves(2)).state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["scales.0.0.weight"], other["scales.0.0.weight"])
