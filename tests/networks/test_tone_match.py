from __future__ import annotations

import pytest
import torch

from photostyle.networks.tone_match import (
    LEAST_SLOPE,
    MOST_SLOPE,
    QUANTILES,
    matched_tones,
    tone_quantiles,
)

DEPTH = 8
STRAIGHT = torch.linspace(0, 1, DEPTH)[None]


def grey(power=1.0, side=40):
    return (
        (torch.linspace(0, 1, side * side) ** power).reshape(1, 1, side, side).expand(1, 3, -1, -1)
    )


def coloured(seed):
    torch.manual_seed(seed)
    return grey() * 0.8 + 0.1 * torch.rand(1, 3, 40, 40)


def test_quantiles_of_a_ramp_are_even():
    found = tone_quantiles(grey())[0]
    assert torch.allclose(found, (torch.arange(QUANTILES) + 0.5) / QUANTILES, atol=1e-3)


@pytest.mark.parametrize("power", [0.75, 1.25])
def test_tones_become_those_of_the_look(power):
    wanted = tone_quantiles(grey(power))[0]
    curve = matched_tones(grey(), STRAIGHT, wanted)[0]
    levels = STRAIGHT[0]
    # At the black end the true curve is too steep or too flat.
    assert torch.allclose(curve[2:], levels[2:] ** power, atol=0.02)
    assert (levels[2:] ** power - levels[2:]).abs().max() > 0.06


def test_no_slope_is_beyond_its_limits():
    two = torch.where(torch.arange(QUANTILES) < QUANTILES // 2, 0.05, 0.95)
    for wanted in (two, torch.full((QUANTILES,), 0.5)):
        steps = matched_tones(grey(), STRAIGHT, wanted)[0].diff() * (DEPTH - 1)
        assert steps.min() >= LEAST_SLOPE - 1e-5
        assert steps.max() <= MOST_SLOPE + 1e-5
    assert steps.max() < 0.7


def test_a_falling_line_keeps_falling():
    steps = matched_tones(grey(), STRAIGHT.flip(1), tone_quantiles(grey(2))[0])[0].diff()
    assert (steps < 0).all()


def test_what_has_the_tones_stays():
    photo = coloured(0)
    curve = matched_tones(photo, STRAIGHT, tone_quantiles(photo)[0])
    assert torch.allclose(curve, STRAIGHT, atol=1e-5)


def test_photos_of_a_batch_do_not_mix():
    photos = torch.cat([coloured(0), coloured(1) ** 2])
    straight = torch.cat([STRAIGHT, 0.5 * STRAIGHT])
    wanted = tone_quantiles(coloured(2))[0]
    curve = matched_tones(photos, straight, wanted)
    assert torch.allclose(curve[1:], matched_tones(photos[1:], straight[1:], wanted), atol=1e-5)
