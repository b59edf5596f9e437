from __future__ import annotations

import numpy as np
import torch

from photostyle.affine import palette

RNG = np.random.default_rng(0)
CHANGE = RNG.normal(size=3)


def palette_axes(colours):
    return palette.palette_axes(torch.from_numpy(colours)).numpy()


def test_greys_differ_along_grey_alone():
    greys = RNG.random((500, 1)).astype(np.float32) * np.ones(3, np.float32)
    np.testing.assert_allclose(palette_axes(greys) @ CHANGE, CHANGE.mean(), rtol=1e-3)


def test_two_colours_differ_along_the_line_between_them():
    first, second = np.array([0.2, 0.1, 0.1]), np.array([1.0, 0.9, 0.7])
    toned = first + RNG.random((500, 1)) * (second - first)
    kept = palette_axes(toned) @ CHANGE
    assert np.abs(np.cross(kept, second - first)).max() < 1e-6


def test_colours_of_all_kinds_are_free():
    np.testing.assert_allclose(palette_axes(RNG.random((500, 3))), np.eye(3), atol=1e-5)


def test_a_single_colour_leaves_no_way():
    for colour in (np.full((500, 3), 0.7, np.float32), np.zeros((1, 3), np.float32)):
        assert np.abs(palette_axes(colour)).max() < 1e-6


def test_noise_counts_little():
    greys = RNG.random((5000, 1)) + RNG.normal(0, 0.5 / 255, (5000, 3))
    pink = np.array([0.1, -0.05, -0.05])
    assert np.linalg.norm(palette_axes(greys) @ pink) < 0.1 * np.linalg.norm(pink)


def test_maps_are_kept_to_a_palette():
    maps = torch.from_numpy(RNG.normal(size=(2, 3, 4)))
    greys = torch.from_numpy(RNG.random((500, 1))) * torch.tensor([1.0, 1.0, 1.0]).double()
    axes, middle = palette.palette_axes(greys), greys.mean(0)
    colours = torch.cat([torch.rand(3, 40).double(), torch.ones(1, 40).double()])
    free, kept = maps @ colours, palette.within_palette(maps, axes, middle) @ colours
    assert (kept.amax(1) - kept.amin(1)).max() < 1e-6
    assert torch.allclose(kept.mean(1), free.mean(1), atol=1e-3)
