"""Photo files: pixels, colour profile and metadata, read and written without losing any of them.

The public names are loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.image.formats import (
        PHOTO_SUFFIXES,
        RAW_SUFFIXES,
        RESULT_SUFFIXES,
        format_of,
        result_suffix,
    )
    from photostyle.image.photo import Photo, PixelArray, as_floats
    from photostyle.image.read import MAX_PIXELS, read_photo
    from photostyle.image.rounding import clip_like, quantise
    from photostyle.image.scaling import fit_size, resize, resize_to
    from photostyle.image.write import write_photo

__all__ = [
    "MAX_PIXELS",
    "PHOTO_SUFFIXES",
    "RAW_SUFFIXES",
    "RESULT_SUFFIXES",
    "Photo",
    "PixelArray",
    "as_floats",
    "clip_like",
    "fit_size",
    "format_of",
    "quantise",
    "read_photo",
    "resize",
    "resize_to",
    "result_suffix",
    "write_photo",
]

_HOMES = {
    "MAX_PIXELS": "photostyle.image.read",
    "PHOTO_SUFFIXES": "photostyle.image.formats",
    "RAW_SUFFIXES": "photostyle.image.formats",
    "RESULT_SUFFIXES": "photostyle.image.formats",
    "Photo": "photostyle.image.photo",
    "PixelArray": "photostyle.image.photo",
    "as_floats": "photostyle.image.photo",
    "clip_like": "photostyle.image.rounding",
    "fit_size": "photostyle.image.scaling",
    "format_of": "photostyle.image.formats",
    "quantise": "photostyle.image.rounding",
    "read_photo": "photostyle.image.read",
    "resize": "photostyle.image.scaling",
    "resize_to": "photostyle.image.scaling",
    "result_suffix": "photostyle.image.formats",
    "write_photo": "photostyle.image.write",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'photostyle.image' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
