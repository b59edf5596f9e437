from __future__ import annotations

import torch

from photostyle.networks.levels import roughness, shares_of_levels


def test_values_lie_between_two_levels():
    shares = shares_of_levels(torch.tensor([0.0, 0.1, 0.5, 1.0, -3.0, 7.0]), 6)
    expected = torch.zeros(6, 6)
    expected[0, 0] = expected[4, 0] = expected[3, 5] = expected[5, 5] = 1
    expected[1, :2] = 0.5
    expected[2, 2:4] = 0.5
    assert torch.allclose(shares, expected, atol=1e-6)


def test_roughness_sums_squared_steps():
    values = torch.tensor([1.0, 3.0, 3.0, -1.0])
    assert values @ roughness(4) @ values == 4 + 0 + 16
