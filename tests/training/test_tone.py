from __future__ import annotations

import numpy as np
import pytest
import torch

from photostyle.affine import slice_apply
from photostyle.features import dead_leaves
from photostyle.training.config import TrainConfig
from photostyle.training.tone import ToneTrainer, apply_grids, random_photo, roughness

CONFIG = TrainConfig(
    family="tone", degrade=("exposure",), steps=40, first_cycle=40, batch=2, rate=3e-3
)


@pytest.fixture(scope="module")
def pyramids():
    pictures = (dead_leaves(6, 96).permute(0, 2, 3, 1) * 255).to(torch.uint8).numpy()
    return [[picture] for picture in pictures]


def trainer(pyramids):
    return ToneTrainer(pyramids, CONFIG, torch.device("cpu"))


def test_most_of_a_photo_becomes_a_thumbnail():
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (100, 200, 3))
    for seed in range(20):
        thumbnail = random_photo([[ramp]], np.random.default_rng(seed))
        assert thumbnail.shape == (256, 256, 3)
        assert 0.58 <= np.ptp(thumbnail[0, :, 0]) * 255 / 200 <= 1


def test_each_photo_gets_its_own_grid():
    torch.manual_seed(0)
    photos, grids = torch.rand(2, 3, 20, 30), torch.randn(2, 4, 4, 4, 3, 4)
    applied = apply_grids(photos, grids)
    whole = torch.ones(20, 30, 1)
    for photo, grid, result in zip(photos, grids, applied, strict=True):
        expected = slice_apply(photo.permute(1, 2, 0).contiguous(), whole, grid[None])
        torch.testing.assert_close(result.permute(1, 2, 0), expected)


def test_roughness_is_that_in_space():
    grids = torch.zeros(2, 3, 3, 4, 3, 4)
    grids[..., 0, :, :] = 5
    assert roughness(grids) == 0
    grids[:, 1] += 1
    assert roughness(grids) == 1


def test_exposure_is_learnt(pyramids):
    run = trainer(pyramids)
    degraded, wanted = run.examples(1000)
    before = (degraded - wanted).abs().mean()
    for _ in range(CONFIG.steps):
        run.step()
    assert (run.repair(degraded) - wanted).abs().mean() < 0.93 * before


def test_a_run_that_was_resumed_ends_with_the_same_weights(pyramids):
    through, stopped = trainer(pyramids), trainer(pyramids)
    for _ in range(2):
        through.step()
        stopped.step()
    resumed = trainer(pyramids)
    resumed.restore(stopped.state())
    for run in (through, resumed):
        for _ in range(2):
            run.step()
    for name, value in through.weights().items():
        assert torch.equal(value, resumed.weights()[name])
