"""Dead leaves look like photos to a filter: in range, with edges and a falling spectrum."""

from __future__ import annotations

import torch

from photostyle.features import dead_leaves


def test_pictures_are_in_range_and_differ() -> None:
    pictures = dead_leaves(3, size=48, seed=1)
    assert pictures.shape == (3, 3, 48, 48)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert not torch.equal(pictures[0], pictures[1])


def test_same_seed_same_pictures() -> None:
    assert torch.equal(dead_leaves(2, size=32, seed=2), dead_leaves(2, size=32, seed=2))
    assert not torch.equal(dead_leaves(2, size=32, seed=2), dead_leaves(2, size=32, seed=3))


def test_amplitude_falls_about_as_one_over_frequency() -> None:
    grey = dead_leaves(24, size=64).mean(dim=1)
    grey = grey - grey.mean(dim=(1, 2), keepdim=True)
    window = torch.hann_window(64)
    power = torch.fft.rfft2(grey * window * window[:, None]).abs().square().mean(dim=0)
    rows, columns = torch.fft.fftfreq(64) * 64, torch.arange(33)
    frequency = (rows[:, None].square() + columns.square()).sqrt()
    rings = torch.stack(
        [power[(frequency >= f) & (frequency < 2 * f)].mean() for f in (2.0, 4.0, 8.0, 16.0)]
    )
    slopes = torch.log2(rings[:-1] / rings[1:]) / 2
    assert slopes.min() > 0.5
    assert slopes.max() < 2.0
