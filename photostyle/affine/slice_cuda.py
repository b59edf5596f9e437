"""Bilateral slicing on NVIDIA GPUs, fused with the application of the colour maps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from photostyle.affine import slice_kernels
from photostyle.fused import launch

_FORWARD_BLOCK = 128  # pixels of a program
_BACKWARD_BLOCK = 256


def slice_apply_cuda(
    image: Tensor, weights: Tensor, grid: Tensor, first: int, height: int
) -> Tensor:
    """Apply segment grids of affine colour maps to rows of an image.

    Arguments and result as in `photostyle.affine.slice_apply`, float32 and contiguous.
    """
    out = torch.empty_like(image)
    pixels = image[..., 0].numel()
    launch(
        slice_kernels.forward,
        (-(-pixels // _FORWARD_BLOCK),),
        image,
        weights,
        grid,
        out,
        pixels,
        image.shape[1],
        first,
        height,
        *grid.shape[:4],
        BLOCK=_FORWARD_BLOCK,
    )
    return out


def slice_apply_cuda_backward(
    image: Tensor, weights: Tensor, shape: torch.Size, grad: Tensor
) -> Tensor:
    """Gradient of `slice_apply_cuda` with respect to the grid.

    Args:
        image: `H W 3`, the whole photo.
        weights: `H W M`.
        shape: Shape of the grid, `(M, Gy, Gx, Gz, 3, 4)`.
        grad: `H W 3`, gradient with respect to the output.

    Returns:
        Gradient with the shape of the grid. Every cell is summed in a fixed order.
    """
    out = grad.new_empty(shape)
    segments, ny, nx, nz = shape[:4]
    launch(
        slice_kernels.backward,
        (ny * nx, 3, segments),
        image,
        weights,
        grad,
        out,
        image.shape[1],
        image.shape[0],
        *shape[:4],
        BLOCK=_BACKWARD_BLOCK,
        LAYERS=1 << (nz - 1).bit_length(),
    )
    return out


class CudaSlice(torch.autograd.Function):
    """The kernels as one step that is differentiable with respect to the grid."""

    @staticmethod
    def forward(
        ctx: Any, grid: Tensor, image: Tensor, weights: Tensor, first: int, height: int
    ) -> Tensor:
        """Apply the maps; see `slice_apply_cuda`."""
        image, weights = image.contiguous(), weights.contiguous()
        ctx.save_for_backward(image, weights)
        ctx.shape = grid.shape
        return slice_apply_cuda(image, weights, grid.contiguous(), first, height)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        """See `slice_apply_cuda_backward`."""
        image, weights = ctx.saved_tensors
        gradient = slice_apply_cuda_backward(image, weights, ctx.shape, grad.contiguous())
        return gradient, None, None, None, None
