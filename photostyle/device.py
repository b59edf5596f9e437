"""Choosing the device a job runs on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from photostyle.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def resolve_device(name: str = "auto") -> torch.device:
    """Turn a device name into a device that exists.

    Args:
        name: `"auto"` (CUDA, else MPS, else CPU), `"cpu"`, `"cuda"`, `"cuda:N"` or `"mps"`.

    Returns:
        The device.

    Raises:
        UsageError: The name is none of the above.
        DeviceError: The device is not on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and (kind != "cuda" or not index.isdecimal())):
        raise UsageError(f"unknown device '{name}': use auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device '{name}' is not available: PyTorch sees {torch.cuda.device_count()} CUDA "
            "devices; use --device auto or cpu"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("device 'mps' is not available on this machine; use --device auto or cpu")
    return torch.device(name)


@contextmanager
def operator_threads(count: int) -> Iterator[None]:
    """Let PyTorch use so many threads inside an operation on the CPU, for as long as it lasts.

    Args:
        count: Number of threads, >= 1.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
