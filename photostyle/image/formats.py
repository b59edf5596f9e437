"""The photo formats, and what each of them can hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from photostyle.errors import UsageError

FormatName = Literal["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF", "JXL"]
SourceName = Literal["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF", "JXL", "RAW"]
"""A camera's raw data can be read, but not written."""


@dataclass(frozen=True, slots=True)
class Format:
    """What a photo format can hold, as photostyle writes it."""

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
    """Largest EXIF, XMP or IPTC block in bytes, None where there is no limit. A longer XMP packet
    may be divided."""

    floating: bool = False
    """Whether it holds 32-bit floating point values."""

    resolution: bool = False
    """Whether it has a place for the resolution besides EXIF."""

    comments: bool = False
    """Whether it holds comments as JPEG files have them."""

    georeference: bool = False
    """Whether it holds the place of the pixels on a map as GeoTIFF files have it."""

    profile: bool = True
    """Whether it holds any colour profile; if not, colours are written in sRGB."""

    grey: bool = True
    """Whether it holds pictures of a single channel."""

    inks: bool = False
    """Whether it holds CMYK."""

    coded_bits: tuple[int, ...] = ()
    """Bits a channel that its codec has besides 8, if any; the usual number first."""


# A JPEG segment holds 65533 bytes, its identifier included.
JPEG = Format(
    "JPEG", (".jpg", ".jpeg", ".jpe"), False, False, True, 65500, 65500,
    resolution=True, comments=True, inks=True,
)  # fmt: skip
PNG = Format("PNG", (".png",), True, True, True, resolution=True)
TIFF = Format(
    "TIFF", (".tif", ".tiff"), True, True, True,
    floating=True, resolution=True, georeference=True, inks=True,
)  # fmt: skip
WEBP = Format("WEBP", (".webp",), False, True, False, 16383, grey=False)
AVIF = Format("AVIF", (".avif",), False, True, False, 32768, coded_bits=(10, 12))
HEIF = Format("HEIF", (".heic", ".heif", ".hif"), False, True, False, 16384, coded_bits=(10, 12))
JXL = Format("JXL", (".jxl",), True, True, False, profile=False)

FORMATS = {format_.name: format_ for format_ in (JPEG, PNG, TIFF, WEBP, AVIF)}
"""The formats of results that are always there, by name."""

EXTRA_FORMATS = {"heif": HEIF, "jxl": JXL}
"""The formats of results that extras of photostyle add, by the name of the extra."""

_WRITTEN = (*FORMATS.values(), *EXTRA_FORMATS.values())

RAW_SUFFIXES = (
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef",
    ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf",
    ".srw", ".x3f",
)  # fmt: skip
"""File name endings of cameras' raw data, in lower case."""

RESULT_SUFFIXES = tuple(suffix for format_ in _WRITTEN for suffix in format_.suffixes)
"""Every file name ending of a result, in lower case."""

PHOTO_SUFFIXES = (*RESULT_SUFFIXES, *RAW_SUFFIXES)
"""Every file name ending of a photo, in lower case."""


def format_of(path: str | Path) -> Format:
    """The format a file name asks for.

    Args:
        path: A file name; the file need not exist.

    Raises:
        UsageError: The name ends in no suffix of a format that can be written.
    """
    suffix = Path(path).suffix.lower()
    for format_ in _WRITTEN:
        if suffix in format_.suffixes:
            return format_
    if suffix in RAW_SUFFIXES:
        raise UsageError(
            f"'{path}' names a camera's raw data, which cannot be written: choose .tif (16 bits) "
            "or .jpg"
        )
    raise UsageError(
        f"'{path}' is no photo file name: it must end in {', '.join(RESULT_SUFFIXES[:-1])} or "
        f"{RESULT_SUFFIXES[-1]}"
    )


def usual_suffix(name: SourceName) -> str:
    """How the names of files of a format usually end, with dot."""
    if name == "RAW":
        return ".raw"
    return next(format_.suffixes[0] for format_ in _WRITTEN if format_.name == name)


def result_suffix(path: str | Path) -> str:
    """The suffix of a photo's result unless another is asked for: the photo's own.

    Args:
        path: The photo's file name.

    Returns:
        With dot, as the name has it; `.tif`, which keeps 16 bits, for a camera's raw data.
    """
    suffix = Path(path).suffix
    return ".tif" if suffix.lower() in RAW_SUFFIXES else suffix
