"""Noise under a steep look: kept down where there is nothing else, and nowhere else."""

import dataclasses

import numpy as np
import pytest

from photostyle.transfers.look import Look
from photostyle.transfers.noise import limit_noise


@pytest.fixture
def wall():
    """A flat wall with a little noise, and an edge in the middle."""
    photo = np.full((64, 80, 3), 0.3, np.float32)
    photo[:, 40:] = 0.6
    return photo + np.random.default_rng(0).normal(0, 0.005, photo.shape).astype(np.float32)


def steep(colours):
    return 3 * colours - 0.5


def test_a_steep_look_keeps_edges_and_half_of_the_noise(wall):
    result = limit_noise(wall, steep)
    for part in (np.s_[8:-8, 8:28], np.s_[8:-8, 52:-8]):
        assert result[part].std() < 0.6 * steep(wall)[part].std()
        assert result[part].std() > 1.2 * wall[part].std()
        np.testing.assert_allclose(result[part].mean(), steep(wall)[part].mean(), atol=1e-3)
    steps = (photo[8:-8, 41].mean() - photo[8:-8, 38].mean() for photo in (result, steep(wall)))
    np.testing.assert_allclose(*steps, rtol=0.02)


def test_a_look_that_amplifies_nothing_is_applied_as_it_is(wall):
    for look in (lambda c: 0.5 * c + 0.1, lambda c: c + 0):
        np.testing.assert_allclose(limit_noise(wall, look), look(wall), atol=1e-6)


def test_texture_is_no_noise():
    photo = np.random.default_rng(1).random((64, 64, 3), np.float32)
    np.testing.assert_allclose(limit_noise(photo, steep), steep(photo), atol=0.01)


def test_blocks_do_not_show(wall, monkeypatch):
    maps = np.zeros((1, 1, 1, 1, 3, 4), np.float32)
    maps[..., :3] = 1.5 * np.eye(3)
    look = Look(maps, None, quiet=True)
    whole = np.concatenate([block for _, block in look.blocks(wall, 1.0)])
    monkeypatch.setattr("photostyle.transfers.look._BLOCK_PIXELS", 7 * 80)
    parts = list(look.blocks(wall, 1.0))
    assert [first for first, _ in parts] == list(range(0, 64, 7))
    np.testing.assert_allclose(np.concatenate([b for _, b in parts]), whole, atol=1e-5)
    loud = dataclasses.replace(look, quiet=False)
    np.testing.assert_allclose(next(loud.blocks(wall, 1.0))[1], 1.5 * wall[:7], atol=1e-6)
