"""The day a photo was taken."""

from __future__ import annotations

import re
import warnings
from datetime import datetime
from typing import TYPE_CHECKING, Any

from photostyle.image import png
from photostyle.image.optional import optional_module
from photostyle.image.signature import SIGNATURE_BYTES, signature_of

if TYPE_CHECKING:
    from pathlib import Path

_EXIF_DIRECTORY, _DATE_TIME_ORIGINAL = 0x8769, 0x9003
_DATE = re.compile(r"([0-9]{4}):(0[1-9]|1[0-2]):(0[1-9]|[12][0-9]|3[01])(?: |$)")

UNDATED = "undated"
"""Instead of the day of a file that cannot be found."""


def date_of(path: Path) -> str:
    """The day a photo was taken, YYYY-MM-DD; that of the file where the photo does not tell.

    Not to be called while other threads decode: it changes Pillow's limit for a moment.
    """
    try:
        return _date_taken(path) or datetime.fromtimestamp(path.stat().st_mtime).date().isoformat()
    except OSError:
        return UNDATED


def _date_taken(path: Path) -> str | None:
    try:
        told = _exif_directory(path).get(_DATE_TIME_ORIGINAL)
    except Exception:  # noqa: BLE001 - damaged headers make decoders fail in every way there is
        return None
    found = _DATE.match(told) if isinstance(told, str) else None
    return None if found is None or found[1] == "0000" else "-".join(found.groups())


def _exif_directory(path: Path) -> dict[int, Any]:
    """What the camera noted, by tag."""
    from PIL import Image

    with path.open("rb") as file:
        name = signature_of(file.read(SIGNATURE_BYTES))
    if name in ("PNG", "HEIF"):
        # In a PNG file it may follow the pixels, and Pillow would decode those to get there.
        block = png.metadata(path.read_bytes())[0] if name == "PNG" else _heif_block(path)
        exif = Image.Exif()
        exif.load(block or b"")
        return exif.get_ifd(_EXIF_DIRECTORY)
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = 2**62  # no pixels are decoded
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.getexif().get_ifd(_EXIF_DIRECTORY)
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _heif_block(path: Path) -> bytes | None:
    package = optional_module("pillow_heif", "heif", "HEIC photos need another package")
    block: bytes | None = package.open_heif(path).info.get("exif")
    return block
