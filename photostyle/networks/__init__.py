"""Generators and discriminators: pure modules, without weights or files of their own."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.networks.conditional_tone import ConditionalToneGenerator
    from photostyle.networks.deconvolution import DeconvolutionGenerator
    from photostyle.networks.discriminator import PatchDiscriminator
    from photostyle.networks.look import GlobalLook
    from photostyle.networks.repair import RepairGenerator
    from photostyle.networks.tone import ToneGenerator

__all__ = [
    "ConditionalToneGenerator",
    "DeconvolutionGenerator",
    "GlobalLook",
    "PatchDiscriminator",
    "RepairGenerator",
    "ToneGenerator",
]

_HOMES = {
    "ConditionalToneGenerator": "photostyle.networks.conditional_tone",
    "DeconvolutionGenerator": "photostyle.networks.deconvolution",
    "GlobalLook": "photostyle.networks.look",
    "PatchDiscriminator": "photostyle.networks.discriminator",
    "RepairGenerator": "photostyle.networks.repair",
    "ToneGenerator": "photostyle.networks.tone",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'photostyle.networks' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
