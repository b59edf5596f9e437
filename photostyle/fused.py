"""Fused kernels for NVIDIA GPUs: the one place that knows Triton.

Kernels are functions of pointers and numbers, written in files of their own beside what they
compute. Triton compiles them for the GPU at hand on first use and keeps the result on disk. It
comes with PyTorch's CUDA builds and no other: import a file of kernels only where
`runs_fused_kernels` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from subprocess import SubprocessError
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

Function = TypeVar("Function", bound=Callable[..., Any])

_OLDEST = (3, 5)  # carries tuples through loops
_OLDEST_GPU = (7, 5)


def __getattr__(name: str) -> Any:
    """`tl`, the language of the kernels, which takes half a second to load."""
    if name != "tl":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    import triton.language

    return triton.language


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function on first use, for `launch`. Its module must hold the language as `tl`."""
    import triton

    return triton.jit(function)


def kernel_part(function: Function) -> Function:
    """The same for a function that only kernels call."""
    import triton

    # Interpreted, a plain function does as well, and does not set the interpreter up anew.
    return function if triton.knobs.runtime.interpret else cast("Function", triton.jit(function))


def launch(
    kernel: Any,
    programs: tuple[int, ...],
    *arguments: Tensor | float,
    warps: int = 4,
    **constants: object,
) -> None:
    """Run so many programs of a kernel, on the device of the first argument, a tensor.

    Args:
        kernel: What `kernel` returned.
        programs: Their number along up to three axes, each >= 1.
        arguments: Tensors, handed over as pointers to their first element, and numbers.
        warps: Warps of 32 threads that share a program.
        constants: What the kernel takes as `constexpr`: it is compiled for each value anew.
    """
    with torch.cuda.device_of(arguments[0]):
        kernel[programs](*arguments, num_warps=warps, enable_fp_fusion=True, **constants)


@cache
def runs_fused_kernels(device: torch.device) -> bool:
    """Whether kernels can be compiled for a device, and run there.

    Triton may be absent or too old, and it needs a C compiler and Python's headers to start
    kernels at all: an empty kernel shows.
    """
    if device.type != "cuda" or torch.version.cuda is None:
        return False
    if torch.cuda.get_device_capability(device) < _OLDEST_GPU:
        return False
    try:
        import triton
    except ImportError:
        return False
    if tuple(map(int, triton.__version__.split(".")[:2])) < _OLDEST:
        return False
    try:
        launch(kernel(_nothing), (1,), torch.empty(1, device=device))
    except (triton.TritonError, SubprocessError, RuntimeError, OSError):
        return False
    return True


def _nothing(pointer: Any) -> None:
    pass
