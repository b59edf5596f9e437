from __future__ import annotations

import numpy as np
import pytest
import torch

from photostyle.affine import apply_grid_cpu, slice_apply
from photostyle.image import clip_like

RNG = np.random.default_rng(0)


def random_grid(*cells):
    return (np.eye(3, 4) + RNG.normal(0, 0.2, (*cells, 3, 4))).astype(np.float32)


@pytest.mark.parametrize("cells", [(5, 4, 3), (1, 1, 1), (2, 7, 1), (16, 16, 8)])
@pytest.mark.parametrize("size", [(37, 23), (1, 1), (4, 61)])
def test_as_slicing_in_float64(cells, size):
    pixels = RNG.uniform(-0.2, 1.3, (*size, 3)).astype(np.float32)
    grid = random_grid(*cells)
    out = np.empty_like(pixels)
    apply_grid_cpu(pixels, grid, out)
    exact = slice_apply(
        torch.from_numpy(pixels).double(),
        torch.ones(*size, 1, dtype=torch.float64),
        torch.from_numpy(grid)[None].double(),
    )
    np.testing.assert_allclose(out, clip_like(exact.float().numpy(), pixels), atol=3e-6)


@pytest.mark.parametrize("source", [np.uint8, np.uint16])
@pytest.mark.parametrize("target", [np.uint8, np.uint16])
def test_integers_are_rounded_to_the_nearest(source, target):
    samples = RNG.integers(0, np.iinfo(source).max, (19, 31, 3), source, endpoint=True)
    grid = random_grid(4, 4, 4)
    out, exact = np.empty(samples.shape, target), np.empty(samples.shape, np.float32)
    apply_grid_cpu(samples, grid, out)
    apply_grid_cpu(samples.astype(np.float32) / np.iinfo(source).max, grid, exact)
    assert np.abs(out - np.clip(exact, 0, 1) * float(np.iinfo(target).max)).max() <= 0.6


def test_the_identity_changes_no_sample():
    samples = np.arange(65536, dtype=np.uint16).repeat(3).reshape(256, 256, 3)
    out = np.empty_like(samples)
    identity = np.broadcast_to(np.eye(3, 4, dtype=np.float32), (16, 16, 8, 3, 4))
    apply_grid_cpu(samples, identity, out)
    np.testing.assert_array_equal(out, samples)
