"""Bilateral slicing against a plain float64 reference, and its gradient."""

import numpy as np
import pytest
import torch

from photostyle.affine import slice_apply
from photostyle.affine.slice_torch import slice_apply_torch


def reference(image, weights, grid):
    """Trilinear look-up and application, one pixel at a time."""
    height, width, _ = image.shape
    segments, ny, nx, nz = grid.shape[:4]
    out = np.zeros((height, width, 3))

    def axis(position, cells):
        position = min(max(position, 0.0), cells - 1.0)
        lower = min(int(position), max(cells - 2, 0))
        return ((lower, 1 - position + lower), (min(lower + 1, cells - 1), position - lower))

    for y in range(height):
        for x in range(width):
            luma = image[y, x] @ [0.299, 0.587, 0.114]
            for s in range(segments):
                matrix = sum(
                    wy * wx * wz * grid[s, cy, cx, cz]
                    for cy, wy in axis((y + 0.5) / height * ny - 0.5, ny)
                    for cx, wx in axis((x + 0.5) / width * nx - 0.5, nx)
                    for cz, wz in axis(luma * (nz - 1), nz)
                )
                out[y, x] += weights[y, x, s] * (matrix @ np.append(image[y, x], 1))
    return out


def example(height, width, shape, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.random((height, width, 3))
    weights = rng.random((height, width, shape[0])) * (rng.random((height, width, shape[0])) > 0.3)
    weights[..., 0] += 0.1
    weights /= weights.sum(-1, keepdims=True)
    return image, weights, rng.normal(size=(*shape, 3, 4))


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((7, 11), (1, 3, 4, 5)),
        ((1, 1), (2, 1, 1, 1)),
        ((13, 5), (3, 2, 6, 8)),
        ((3, 9), (2, 5, 1, 2)),
    ],
)
def test_every_path_matches_the_reference(size, shape):
    image, weights, grid = example(*size, shape)
    expected = reference(image, weights, grid)
    exact = slice_apply_torch(*map(torch.from_numpy, (image, weights, grid)), 0, size[0])
    np.testing.assert_allclose(exact, expected, atol=1e-12)
    single = [torch.from_numpy(a.astype(np.float32)) for a in (image, weights, grid)]
    np.testing.assert_allclose(slice_apply(*single), expected, atol=2e-5)


def test_blocks_of_rows_are_the_whole():
    image, weights, grid = (
        torch.from_numpy(a.astype(np.float32)) for a in example(12, 9, (2, 3, 3, 4))
    )
    whole = slice_apply(image, weights, grid)
    parts = [
        slice_apply(image[i : i + 5], weights[i : i + 5], grid, first=i, height=12)
        for i in range(0, 12, 5)
    ]
    torch.testing.assert_close(torch.cat(parts), whole)


def test_kernel_gradient_matches_autograd():
    image, weights, grid = example(17, 23, (2, 4, 5, 6))
    probe = torch.from_numpy(np.random.default_rng(1).normal(size=image.shape))
    exact = torch.from_numpy(grid).requires_grad_()
    (
        slice_apply_torch(torch.from_numpy(image), torch.from_numpy(weights), exact, 0, 17) * probe
    ).sum().backward()
    single = torch.from_numpy(grid.astype(np.float32)).requires_grad_()
    out = slice_apply(
        torch.from_numpy(image.astype(np.float32)),
        torch.from_numpy(weights.astype(np.float32)),
        single,
    )
    (out * probe.float()).sum().backward()
    torch.testing.assert_close(single.grad.double(), exact.grad, atol=1e-5, rtol=1e-4)


def test_gradient_check_in_float64():
    image, weights, grid = (torch.from_numpy(a) for a in example(3, 4, (2, 2, 2, 3)))
    assert torch.autograd.gradcheck(
        lambda g: slice_apply_torch(image, weights, g, 0, 3), grid.requires_grad_()
    )


def test_identity_grid_changes_nothing():
    image = torch.rand(9, 8, 3, generator=torch.Generator().manual_seed(0))
    grid = torch.eye(3, 4).expand(1, 4, 4, 8, 3, 4).contiguous()
    torch.testing.assert_close(slice_apply(image, torch.ones(9, 8, 1), grid), image)


def test_gradient_through_some_rows_is_refused():
    image, weights, grid = (
        torch.from_numpy(a.astype(np.float32)) for a in example(6, 4, (1, 2, 2, 2))
    )
    with pytest.raises(ValueError, match="whole image"):
        slice_apply(image[:3], weights[:3], grid.requires_grad_(), first=0, height=6)
