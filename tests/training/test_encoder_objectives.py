"""The losses: their values where they are known, and gradients down to the encoder."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from photostyle.features import Encoder
from photostyle.training.encoder_objectives import (
    Objective,
    balanced_assignment,
    cluster_loss,
    contrast_loss,
)
from photostyle.training.encoder_photos import random_views


def test_contrast_of_rows_that_say_nothing_is_the_log_of_their_number() -> None:
    same = torch.ones(7, 5)
    assert contrast_loss(same, same).item() == pytest.approx(math.log(7))


def test_contrast_compares_directions_with_their_temperature() -> None:
    axes = torch.eye(3)
    expected = math.log(math.exp(1 / 0.5) + 2) - 1 / 0.5
    loss = contrast_loss(2 * axes, 5 * axes, temperature=0.5)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_contrast_is_smaller_for_matching_rows() -> None:
    rows = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    assert contrast_loss(rows, rows) < contrast_loss(rows, rows.roll(1, dims=0)) - 1


def test_balanced_assignment_uses_every_cluster_alike() -> None:
    scores = torch.rand(600, 6, generator=torch.Generator().manual_seed(0))
    scores[:, 0] += 1  # everybody's favourite
    shares = balanced_assignment(scores, rounds=50)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(600))
    torch.testing.assert_close(shares.sum(dim=0), torch.full((6,), 100.0), rtol=0.02, atol=0)


def test_balanced_assignment_keeps_each_places_own_preference() -> None:
    scores = 0.9 * torch.eye(4).repeat(5, 1)
    assert torch.equal(balanced_assignment(scores).argmax(dim=1), scores.argmax(dim=1))


def test_cluster_loss_values() -> None:
    nothing = torch.zeros(12, 4)
    assert cluster_loss(nothing, nothing).item() == pytest.approx(math.log(4))
    agree = torch.eye(4).repeat(3, 1)
    assert cluster_loss(agree, agree) < 0.01
    assert cluster_loss(agree, agree.roll(1, dims=1)) > 5


def test_objective_gives_finite_losses_whose_gradients_reach_every_weight() -> None:
    torch.manual_seed(0)
    encoder = Encoder()
    objective = Objective(encoder.widths)
    photo = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    views = random_views([[photo]] * 2, 2, 32, 6, np.random.default_rng(0))
    looks = torch.cat([views.first, views.second])
    losses = objective(encoder(looks), looks, views)
    assert set(losses) == {"contrast", "cluster", "picture", "height"}
    assert all(loss.shape == () and torch.isfinite(loss) for loss in losses.values())
    sum(losses.values(), start=torch.zeros(())).backward()
    for name, parameter in [*encoder.named_parameters(), *objective.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_picture_loss_is_the_mean_error_of_the_four_readings() -> None:
    objective = Objective([4, 4, 4, 4])
    for parameter in objective.picture.parameters():
        parameter.data.zero_()
    photo = np.full((64, 64, 3), 51, np.uint8)
    views = random_views([[photo]], 1, 32, 3, np.random.default_rng(0))
    looks = torch.full((2, 3, 32, 32), 0.7)
    maps = [torch.ones(2, 4, 32 >> scale, 32 >> scale) for scale in range(4)]
    assert objective(maps, looks, views)["picture"].item() == pytest.approx(2 * 0.7 + 2 * 0.2)
