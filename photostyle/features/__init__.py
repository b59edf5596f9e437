"""What networks see in photos: features for losses (the small encoder, VGG-19), and scenes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.features.ade_kinds import AdeKinds
    from photostyle.features.calibration import calibrate, random_encoder
    from photostyle.features.encoder import Encoder
    from photostyle.features.leaves import dead_leaves
    from photostyle.features.scene_parser import SceneParser
    from photostyle.features.upernet import UperNet
    from photostyle.features.vgg19 import Vgg19

__all__ = [
    "AdeKinds",
    "Encoder",
    "SceneParser",
    "UperNet",
    "Vgg19",
    "calibrate",
    "dead_leaves",
    "random_encoder",
]

_HOMES = {
    "AdeKinds": "photostyle.features.ade_kinds",
    "Encoder": "photostyle.features.encoder",
    "SceneParser": "photostyle.features.scene_parser",
    "UperNet": "photostyle.features.upernet",
    "Vgg19": "photostyle.features.vgg19",
    "calibrate": "photostyle.features.calibration",
    "dead_leaves": "photostyle.features.leaves",
    "random_encoder": "photostyle.features.calibration",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'photostyle.features' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
