"""photostyle: photorealistic style transfer and photo filters.

The public names are loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from photostyle.errors import PhotostyleError
    from photostyle.image import Photo, read_photo, write_photo
    from photostyle.laplacian import MattingLaplacian
    from photostyle.progress import Progress
    from photostyle.transfers import transfer

__all__ = [
    "MattingLaplacian",
    "Photo",
    "PhotostyleError",
    "Progress",
    "__version__",
    "read_photo",
    "transfer",
    "write_photo",
]

_HOMES = {
    "MattingLaplacian": "photostyle.laplacian",
    "Photo": "photostyle.image",
    "PhotostyleError": "photostyle.errors",
    "Progress": "photostyle.progress",
    "read_photo": "photostyle.image",
    "transfer": "photostyle.transfers",
    "write_photo": "photostyle.image",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'photostyle' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
