"""The photo formats, and what each of them can hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from photostyle.errors import UsageError

FormatName = Literal["JPEG", "PNG", "TIFF", "WEBP"]


@dataclass(frozen=True, slots=True)
class Format:
    """What a photo format can hold."""

    name: FormatName
    """The format, by the name Pillow gives it."""

    suffixes: tuple[str, ...]
    """File name endings, in lower case, the usual one first."""

    deep: bool
    """Whether it holds 16 bits a channel."""

    alpha: bool
    """Whether it holds an alpha channel."""

    iptc: bool
    """Whether there is an agreed place for IPTC records."""

    longest_side: int | None = None
    """Largest width or height in pixels, None where files are the only limit."""

    longest_block: int | None = None
    """Largest EXIF, XMP or IPTC block in bytes, None where there is no limit."""


# A JPEG segment holds 65533 bytes, its identifier included.
JPEG = Format("JPEG", (".jpg", ".jpeg", ".jpe"), False, False, True, 65500, 65500)
PNG = Format("PNG", (".png",), True, True, False)
TIFF = Format("TIFF", (".tif", ".tiff"), True, True, True)
WEBP = Format("WEBP", (".webp",), False, True, False, 16383)

FORMATS = {format_.name: format_ for format_ in (JPEG, PNG, TIFF, WEBP)}

PHOTO_SUFFIXES = tuple(suffix for format_ in FORMATS.values() for suffix in format_.suffixes)
"""Every file name ending of a photo, in lower case."""


def format_of(path: str | Path) -> Format:
    """The format a file name asks for.

    Args:
        path: A file name; the file need not exist.

    Raises:
        UsageError: The name ends in none of `PHOTO_SUFFIXES`.
    """
    suffix = Path(path).suffix.lower()
    for format_ in FORMATS.values():
        if suffix in format_.suffixes:
            return format_
    raise UsageError(
        f"'{path}' is no photo file name: it must end in {', '.join(PHOTO_SUFFIXES[:-1])} or "
        f"{PHOTO_SUFFIXES[-1]}"
    )
