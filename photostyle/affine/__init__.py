"""Local affine colour maps: bilateral grids of them, and maps fitted in small windows.

A photo stays a photo as long as, in every small window, the output is an affine function of the
input's colours (Levin et al. 2006; Luan et al. 2017). Everything here produces such outputs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.affine.grid import slice_apply
    from photostyle.affine.grid_cpu import apply_grid_cpu
    from photostyle.affine.lift import AffineField, fit_affine

__all__ = ["AffineField", "apply_grid_cpu", "fit_affine", "slice_apply"]

_HOMES = {
    "AffineField": "lift",
    "apply_grid_cpu": "grid_cpu",
    "fit_affine": "lift",
    "slice_apply": "grid",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
