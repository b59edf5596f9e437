from __future__ import annotations

import numpy as np
import pytest
import torch

from photostyle.affine.monge_kantorovich import monge_kantorovich
from photostyle.networks.recolour import RIDGE, colour_moments, least_change


def spread(seed, scale=0.05):
    """A covariance as that of colours: correlated, of very different widths."""
    factor = np.random.default_rng(seed).normal(size=(3, 3)) * [1, 0.2, 0.02]
    return torch.tensor(scale * factor.T @ factor + RIDGE * np.eye(3), dtype=torch.float32)


def test_moments_are_those_of_each_photo():
    photos = torch.rand(2, 3, 20, 30, dtype=torch.float64)
    mean, covariance = colour_moments(photos)
    for photo, centre, width in zip(photos, mean, covariance, strict=True):
        colours = photo.flatten(1)
        assert torch.allclose(centre, colours.mean(1))
        exact = torch.cov(colours, correction=0) + RIDGE * torch.eye(3, dtype=torch.float64)
        assert torch.allclose(width, exact)


def test_one_covariance_becomes_the_other():
    source = torch.stack([spread(0), spread(1), RIDGE * torch.eye(3)])
    target = torch.stack([spread(2), RIDGE * torch.eye(3), spread(3)])
    matrix = least_change(source, target)
    assert torch.allclose(matrix @ source @ matrix, target, rtol=2e-3, atol=1e-5)
    assert torch.allclose(matrix, matrix.transpose(1, 2), atol=1e-3)


def test_the_same_covariance_changes_nothing():
    assert torch.allclose(least_change(spread(0), spread(0)), torch.eye(3), atol=1e-3)


def test_it_is_the_map_that_transfers_start_from():
    rng = np.random.default_rng(0)
    source, target = (rng.random((500, 3)) @ rng.random((3, 3)) for _ in range(2))
    covariances = [
        colour_moments(torch.tensor(each.T[None, :, None], dtype=torch.float64))[1][0]
        for each in (source, target)
    ]
    expected = monge_kantorovich(source, target, ridge=RIDGE)[:, :3]
    np.testing.assert_allclose(least_change(*covariances).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("grey", [True, False])
def test_there_is_a_gradient_for_grey_photos_too(grey):
    photo = torch.rand(1, 1, 9, 9).expand(1, 3, 9, 9) if grey else torch.rand(1, 3, 9, 9)
    photo = photo.clone().requires_grad_()
    least_change(colour_moments(photo)[1], spread(1)).square().sum().backward()
    assert photo.grad.isfinite().all()
    assert photo.grad.abs().sum() > 0
