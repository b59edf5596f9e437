"""Slicing a bilateral grid of affine colour maps and applying it, on whichever device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from photostyle.affine.slice_cpu import slice_apply_cpu, slice_apply_cpu_backward
from photostyle.affine.slice_torch import slice_apply_torch
from photostyle.fused import runs_fused_kernels


def slice_apply(
    image: Tensor,
    weights: Tensor,
    grid: Tensor,
    *,
    first: int = 0,
    height: int | None = None,
) -> Tensor:
    """Apply one bilateral grid of affine colour maps per segment to an image.

    Each pixel looks up a 3x4 matrix by trilinear interpolation at its position and its luma in
    the grid of every segment, and gets the sum over segments of weight times matrix times
    `[R, G, B, 1]` (Chen et al. 2007, Real-time edge-aware image processing with the bilateral
    grid; Gharbi et al. 2017, Deep bilateral learning). Differentiable with respect to the grid;
    in float32 a fused kernel does it in one pass, on the CPU and, with Triton, on NVIDIA GPUs.

    Args:
        image: `H W 3`, sRGB-encoded, in [0, 1]: rows `first` to `first + H` of a photo.
        weights: `H W M`, each pixel's share in the M segments; they sum to 1.
        grid: `M Gy Gx Gz 3 4`; cell centres are spread evenly over height and width, and from
            luma 0 to luma 1.
        first: Index of the image's first row within the photo.
        height: Height of the photo in pixels; that of the image when None.

    Returns:
        `H W 3`, not clipped.
    """
    height = len(image) if height is None else height
    fused: type[torch.autograd.Function]
    if image.dtype == torch.float32 and image.device.type == "cpu":
        fused = _Slice
    elif image.dtype == torch.float32 and runs_fused_kernels(image.device):
        from photostyle.affine.slice_cuda import CudaSlice

        fused = CudaSlice
    else:
        return slice_apply_torch(image, weights, grid, first, height)
    if grid.requires_grad and (first != 0 or height != len(image)):
        raise ValueError("gradients need the whole image, not some of its rows")
    result: Tensor = fused.apply(grid, image, weights, first, height)  # type: ignore[no-untyped-call]
    return result


class _Slice(torch.autograd.Function):
    """The CPU kernels as one differentiable step."""

    @staticmethod
    def forward(
        ctx: Any, grid: Tensor, image: Tensor, weights: Tensor, first: int, height: int
    ) -> Tensor:
        ctx.save_for_backward(image, weights)
        ctx.shape = tuple(grid.shape)
        return torch.from_numpy(
            slice_apply_cpu(image.numpy(), weights.numpy(), grid.detach().numpy(), first, height)
        )

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        image, weights = ctx.saved_tensors
        grad = slice_apply_cpu_backward(
            image.numpy(), weights.numpy(), ctx.shape, grads[0].contiguous().numpy()
        )
        return torch.from_numpy(grad), None, None, None, None
