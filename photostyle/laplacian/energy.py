"""The matting energy as a loss that autograd can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from photostyle.laplacian.backend import Backend
    from photostyle.laplacian.operator import MattingLaplacian


def matting_energy(p: Tensor, laplacian: MattingLaplacian[Tensor]) -> Tensor:
    """p^T L p: how far a picture is from being locally affine in the colours of a photo.

    The gradient is 2 L p. It is found in the same pass as the value.

    Args:
        p: `C H W` or `B C H W`, as the laplacian's guide.
        laplacian: Of the photo, on the device and in the precision of p.

    Returns:
        The energy, summed over channels and batch, of shape `()`; >= 0.

    Raises:
        UsageError: p does not fit the guide.
    """
    energy: Tensor = _MattingEnergy.apply(  # type: ignore[no-untyped-call]
        laplacian.planes(p), laplacian.backend
    )
    return energy


class _MattingEnergy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, p: Tensor, backend: Backend) -> Tensor:
        if ctx.needs_input_grad[0]:
            product, energies = backend.matvec_and_energy(p.detach())
            ctx.save_for_backward(product)
        else:
            energies = backend.energy(p.detach())
        return energies.sum().to(p.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (product,) = ctx.saved_tensors
        return 2 * grad * product, None
