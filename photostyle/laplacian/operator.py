"""The matting Laplacian as a matrix-free operator."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.errors import UsageError
from photostyle.fused import runs_fused_kernels
from photostyle.laplacian.cpu import MAX_RADIUS, CpuBackend
from photostyle.laplacian.tensor import TensorBackend

if TYPE_CHECKING:
    from photostyle.laplacian.backend import Backend

Image = TypeVar("Image", NDArray[np.floating[Any]], Tensor)


class MattingLaplacian(Generic[Image]):
    """The matting Laplacian L of a photo: it measures what no local affine map of colours explains.

    Over all windows of n = (2r + 1)^2 pixels that lie fully inside the photo I,

        p^T L p = sum of n (var p - cov(I, p)^T Delta^-1 cov(I, p)),
        Delta = cov(I, I) + epsilon / n Id.

    L is symmetric, its eigenvalues lie in [0, n], and L 1 = 0. It is never formed: a product is
    one pass over the photo.

    The photo (the guide) is an array `H W 3`, a tensor `3 H W`, or a batch `B 3 H W` of photos with
    one L each; float32 or float64. Whatever p the methods take has its kind, precision, device and
    size, and any number of channels: `H W` or `H W C` for an array, `C H W` and `B C H W` for
    tensors. Results come back in kind (an array may be a transposed view). Autograd does not look
    inside; see `matting_energy`.

    float32 on the CPU runs in compiled loops that add up in double precision: L p is right to the
    last digit of a float32. On NVIDIA GPUs with Triton, radius 1 in float32 is one fused pass that
    gives the same bits in every run. There and elsewhere float32 has a relative error of about
    1e-5 on photos, 1e-4 on very smooth ones.

    References: Levin, Lischinski & Weiss (2006), A closed form solution to natural image matting;
    the defaults are those of Luan, Paris, Shechtman & Bala (2017), Deep photo style transfer.

    Args:
        guide: The photo, usually in [0, 1]. Not copied if that can be helped: leave it unchanged.
        radius: Window radius r in pixels, >= 1.
        epsilon: Regularisation > 0, in squared units of the guide: epsilon / n is the variance
            below which the guide's own variation explains nothing.

    Raises:
        UsageError: `radius` or `epsilon` is out of range, or the guide is no photo in the sense
            above, or is smaller than one window.
    """

    def __init__(self, guide: Image, radius: int = 1, epsilon: float = 1e-7) -> None:
        if radius < 1 or not epsilon > 0:
            raise UsageError(
                f"a matting Laplacian needs radius >= 1 and epsilon > 0, not {radius} and {epsilon}"
            )
        planes = _planes(guide).detach()
        if planes.shape[1] != 3:
            raise UsageError(f"a guide has 3 channels, not {planes.shape[1]}")
        window = 2 * radius + 1
        height, width = planes.shape[2:]
        if min(height, width) < window:
            raise UsageError(
                f"a photo of {width} x {height} pixels holds no window of {window} x {window}: "
                "use a larger photo or a smaller radius"
            )
        self._guide: Image = guide
        self._planes: Tensor = planes
        self.backend: Backend = _backend(planes, radius, epsilon)
        """The implementation chosen for the guide's device and precision."""

    def matvec(self, p: Image) -> Image:
        """L p, in the shape of p.

        Raises:
            UsageError: p does not fit the guide.
        """
        return _images(self.backend.matvec(self.planes(p).detach()), p)

    def quadratic_form(self, p: Image) -> float:
        """p^T L p, summed over channels and batch, in one pass that does not form L p.

        Raises:
            UsageError: p does not fit the guide.
        """
        return float(self.backend.energy(self.planes(p).detach()).sum())

    @cached_property
    def diagonal(self) -> Image:
        """The diagonal of L, as one channel: `H W 1`, `1 H W` or `B 1 H W`, in [0, n)."""
        return _images(self.backend.diagonal(), self._guide)

    def planes(self, p: Image) -> Tensor:
        """P as the backend takes it: `B C H W`, in the same memory if possible.

        Raises:
            UsageError: p does not fit the guide.
        """
        planes = _planes(p)
        same_kind = isinstance(p, np.ndarray) == isinstance(self._guide, np.ndarray)
        if not same_kind or _place(planes) != _place(self._planes):
            raise UsageError(
                f"{_describe(p)} does not go with a guide that is {_describe(self._guide)}"
            )
        return planes


def _backend(planes: Tensor, radius: int, epsilon: float) -> Backend:
    """The fastest implementation for a guide `B 3 H W`."""
    if planes.dtype == torch.float32 and radius == 1 and runs_fused_kernels(planes.device):
        from photostyle.laplacian.cuda import CudaBackend

        return CudaBackend(planes, epsilon)
    compiled = planes.device.type == "cpu" and planes.dtype == torch.float32
    backend = CpuBackend if compiled and radius <= MAX_RADIUS else TensorBackend
    return backend(planes, radius, epsilon / (2 * radius + 1) ** 2)


def _describe(image: Image) -> str:
    where = f" on {image.device}" if isinstance(image, Tensor) else ""
    kind = "a tensor" if isinstance(image, Tensor) else "an array"
    return f"{kind} {' '.join(map(str, image.shape))} of {image.dtype}{where}"


def _place(planes: Tensor) -> tuple[object, ...]:
    """What the planes of p must have in common with those of the guide: all but the channels."""
    return planes.dtype, planes.device, len(planes), planes.shape[2:]


def _planes(image: Image) -> Tensor:
    """An image as a tensor `B C H W`, in the same memory if possible."""
    if isinstance(image, Tensor):
        if image.ndim in (3, 4) and image.dtype in (torch.float32, torch.float64):
            return image.reshape(-1, *image.shape[-3:])
    elif image.ndim in (2, 3) and image.dtype in (np.float32, np.float64):
        channels_first = np.atleast_3d(image).transpose(2, 0, 1)
        return torch.from_numpy(np.require(channels_first, requirements=("C", "W")))[None]
    raise UsageError(
        "a matting Laplacian works on float32 or float64 arrays H W or H W C, or tensors C H W or "
        f"B C H W, not on {_describe(image)}"
    )


def _images(planes: Tensor, like: Image) -> Image:
    """Planes `B C H W` back in the shape of an image."""
    if isinstance(like, Tensor):
        return planes.reshape(like.shape[:-3] + planes.shape[1:])
    interleaved = planes[0].permute(1, 2, 0).numpy()
    return interleaved[..., 0] if like.ndim == 2 else interleaved
