"""Tones of a look that must not turn around."""

import numpy as np
import pytest
import torch

from photostyle.affine.luma_curve import LEVELS
from photostyle.device import resolve_device
from photostyle.progress import silent
from photostyle.transfers.config import LossWeights, TransferConfig
from photostyle.transfers.segments import single_segment
from photostyle.transfers.solver import fit_look
from photostyle.transfers.tone_order import ToneOrder


@pytest.fixture
def grey():
    """`64 64 3`: all levels of grey."""
    return torch.linspace(0, 1, 64).expand(3, 64, -1).permute(1, 2, 0).contiguous()


def whole(photo):
    return torch.ones_like(photo[..., :1])


def maps(slope=1.0, offset=0.0, segments=1):
    grid = slope * torch.eye(3, 4)
    grid[:, 3] = offset
    return grid.expand(segments, 2, 3, LEVELS, 3, 4).clone()


def test_rising_curves_cost_nothing(grey):
    assert ToneOrder(grey, whole(grey))(maps()) == 0
    assert ToneOrder(grey, whole(grey))(maps(0.0, 0.5)) == 0


def test_falling_ones_cost_their_squared_slope(grey):
    order = ToneOrder(grey, whole(grey))
    assert order(maps(-1.0, 1.0)).item() == pytest.approx(1, rel=0.1)
    assert order(maps(-0.5, 1.0)).item() == pytest.approx(0.25, rel=0.1)


def test_only_where_they_fall(grey):
    turned = maps()
    turned[:, :, :, -1, :, 3] -= 0.5
    gap = 1 / (LEVELS - 1)
    expected = ((0.5 - gap) / gap) ** 2 / (LEVELS - 1)
    assert ToneOrder(grey, whole(grey))(turned).item() == pytest.approx(expected, rel=0.1)


def test_segments_may_change_places(grey):
    # What is bright becomes black and what is dark white, but by curves that rise.
    shares = torch.zeros(64, 64, 2)
    shares[:, :32, 0], shares[:, 32:, 1] = 1, 1
    grid = maps(0.5, segments=2)
    grid[0, ..., 3] = 0.5
    assert ToneOrder(grey, shares)(grid) == 0


def test_a_segment_is_judged_by_its_own_colours(grey):
    # Greys would get darker the brighter they are, but leaves get brighter.
    green = grey * torch.tensor([0.2, 1.0, 0.2])
    grid = maps()
    grid[..., 0, 0] = grid[..., 2, 2] = -3
    assert ToneOrder(grey, whole(grey))(grid) > 0.1
    assert ToneOrder(green, whole(green))(grid) < 0.01


def test_what_a_segment_has_not_may_turn_around(grey):
    turned = maps()
    turned[:, :, :, -1, :, 3] -= 0.5
    dark = 0.6 * grey
    assert ToneOrder(dark, whole(dark))(turned) == 0


def test_fits_turn_fewer_tones_around():
    # From brown to a brighter blue; the nearest colours of the style get darker on the way.
    ramp = np.random.default_rng(0).random((48, 64, 1), np.float32)
    content = np.float32([0.5, 0.2, 0.05]) + ramp * np.float32([-0.3, 0.4, 0.9])
    style = np.float32([1, 0.6, 0.3]) + ramp * np.float32([-1, -0.1, 0.3])
    image = torch.from_numpy(content)
    costs = []
    for weight in (0.0, LossWeights().order):
        config = TransferConfig(iterations=40, weights=LossWeights(order=weight))
        segments = single_segment(content, style)
        look = fit_look(content, style, segments, config, resolve_device("cpu"), silent)
        costs.append(ToneOrder(image, whole(image))(torch.from_numpy(look.grid)).item())
    assert costs[0] > 0.01
    assert costs[1] < 0.1 * costs[0]
