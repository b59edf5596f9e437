"""Photorealistic style transfer: the look of one photo onto another.

The package is not called `transfer` because `photostyle.transfer` is the function.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.transfers.config import LossWeights, TransferConfig
    from photostyle.transfers.job import TransferResult, transfer
    from photostyle.transfers.look import Look

__all__ = ["Look", "LossWeights", "TransferConfig", "TransferResult", "transfer"]

_HOMES = {
    "Look": "look",
    "LossWeights": "config",
    "TransferConfig": "config",
    "TransferResult": "job",
    "transfer": "job",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
