"""The size of a photo, from its header alone."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.ImageFile import ImageFile

# Image.open() would refuse large pictures, by a limit that decoders in other threads change.
_KINDS: tuple[tuple[bytes, type[ImageFile]], ...] = (
    (b"\xff\xd8", JpegImageFile),
    (b"\x89PNG", PngImageFile),
    (b"II", TiffImageFile),
    (b"MM", TiffImageFile),
    (b"RIFF", WebPImageFile),
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a photo's header claims."""

    pixels: int
    """Width times height, not yet upright."""

    deep: bool
    """Whether it has 16 bits a channel."""


UNKNOWN = Header(0, False)
"""Of a file without a header that can be read. Reading the photo fails as early."""


def read_header(path: Path) -> Header:
    """Read the header of a photo file, without its pixels.

    Not to be called while other threads decode: it changes the filters of warnings for a moment.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = file.read(32)
            kind = next((kind for magic, kind in _KINDS if start.startswith(magic)), None)
            if kind is None:
                return UNKNOWN
            file.seek(0)
            with kind(file) as image:
                # Pillow's mode hides it: 16-bit RGB is opened as 8-bit.
                deep = start[24] == 16 if kind is PngImageFile else _is_deep_tiff(image)
                return Header(image.width * image.height, deep)
    except Exception:  # noqa: BLE001 - damaged headers make decoders fail in every way there is
        return UNKNOWN


def _is_deep_tiff(image: ImageFile) -> bool:
    return isinstance(image, TiffImageFile) and max(image.tag_v2.get(258, (8,))) > 8
