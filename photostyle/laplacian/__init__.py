"""The matting Laplacian: how far a picture is from a locally affine recolouring of a photo.

`MattingLaplacian` is the operator, `matting_energy` the differentiable loss. Behind them are three
implementations of one interface (`backend`): compiled loops (`cpu`), fused kernels for NVIDIA GPUs
(`cuda`) and PyTorch (`tensor`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.laplacian.energy import matting_energy
    from photostyle.laplacian.operator import MattingLaplacian

__all__ = ["MattingLaplacian", "matting_energy"]

_HOMES = {"MattingLaplacian": "operator", "matting_energy": "energy"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
