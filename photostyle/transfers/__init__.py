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
    from photostyle.transfers.saved_look import Deviation, closest_look, look_file, lut_file
    from photostyle.transfers.shoot import Frame, fit_shoot, frame_of, read_frames

__all__ = [
    "Deviation",
    "Frame",
    "Look",
    "LossWeights",
    "TransferConfig",
    "TransferResult",
    "closest_look",
    "fit_shoot",
    "frame_of",
    "look_file",
    "lut_file",
    "read_frames",
    "transfer",
]

_HOMES = {
    "Deviation": "saved_look",
    "Frame": "shoot",
    "Look": "look",
    "LossWeights": "config",
    "TransferConfig": "config",
    "TransferResult": "job",
    "closest_look": "saved_look",
    "fit_shoot": "shoot",
    "frame_of": "shoot",
    "look_file": "saved_look",
    "lut_file": "saved_look",
    "read_frames": "shoot",
    "transfer": "job",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
