"""The slicing kernels of NVIDIA GPUs against PyTorch in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from photostyle.affine import slice_apply
from photostyle.affine.slice_torch import slice_apply_torch

CASES = [
    ((7, 11), (1, 3, 2, 5)),
    ((1, 1), (2, 1, 1, 1)),
    ((5, 3), (3, 1, 3, 2)),
    ((17, 23), (1, 1, 2, 8)),  # pixels of a cell do not fit into one block
]


@pytest.fixture
def slice_fused(device, monkeypatch):
    """`slice_apply`, with tensors on the CPU too handed to the kernels of NVIDIA GPUs."""
    if device.type == "cpu":
        from photostyle.affine.slice_cuda import CudaSlice

        monkeypatch.setattr("photostyle.affine.grid._Slice", CudaSlice)
    return slice_apply


def example(height, width, shape, seed=0):
    """Image, some of it out of range, weights, some of them zero, and grid, in float64."""
    rng = np.random.default_rng(seed)
    image = rng.uniform(-0.1, 1.1, (height, width, 3))
    weights = rng.random((height, width, shape[0])) * (rng.random((height, width, shape[0])) > 0.3)
    weights[..., 0] += 0.1
    weights /= weights.sum(-1, keepdims=True)
    grid = rng.normal(size=(*shape, 3, 4))
    return [torch.from_numpy(a).float().double() for a in (image, weights, grid)]


def single(device, *tensors):
    return [tensor.float().to(device) for tensor in tensors]


@pytest.mark.parametrize(("size", "shape"), CASES)
def test_result_and_gradient(size, shape, device, slice_fused):
    image, weights, grid = example(*size, shape)
    probe = torch.from_numpy(np.random.default_rng(1).normal(size=image.shape)).float()
    grid.requires_grad_()
    expected = slice_apply_torch(image, weights, grid, 0, len(image))
    (gradient,) = torch.autograd.grad((expected * probe.double()).sum(), grid)
    ours = single(device, image, weights, grid.detach())
    ours[2].requires_grad_()
    result = slice_fused(*ours)
    torch.testing.assert_close(result.cpu().double(), expected, atol=2e-5, rtol=1e-4)
    (result * probe.to(device)).sum().backward()
    torch.testing.assert_close(ours[2].grad.cpu().double(), gradient, atol=2e-5, rtol=1e-4)


def test_blocks_of_rows_are_the_whole(device, slice_fused):
    image, weights, grid = single(device, *example(12, 9, (2, 3, 3, 4)))
    whole = slice_fused(image, weights, grid)
    parts = [
        slice_fused(image[i : i + 5], weights[i : i + 5], grid, first=i, height=12)
        for i in range(0, 12, 5)
    ]
    assert torch.equal(torch.cat(parts), whole)


def test_two_runs_give_the_same_bits(device, slice_fused):
    runs = []
    for _ in range(2):
        image, weights, grid = single(device, *example(9, 14, (2, 1, 2, 3)))
        grid.requires_grad_()
        result = slice_fused(image, weights, grid)
        result.square().sum().backward()
        runs.append((result.detach(), grid.grad))
    assert torch.equal(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])


def test_memory_layout_does_not_matter(device, slice_fused):
    image, weights, grid = single(device, *example(5, 6, (2, 2, 2, 2)))
    planar = image.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    expected = slice_fused(image, weights, grid)
    assert torch.equal(slice_fused(planar, weights.mT.contiguous().mT, grid), expected)


def test_gradient_through_some_rows_is_refused(device, slice_fused):
    image, weights, grid = single(device, *example(6, 4, (1, 2, 2, 2)))
    with pytest.raises(ValueError, match="whole image"):
        slice_fused(image[:3], weights[:3], grid.requires_grad_(), first=0, height=6)
