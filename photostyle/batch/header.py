"""The size of a photo, from its header alone."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from photostyle.image import RAW_SUFFIXES, icc, isobmff
from photostyle.image.jxl_header import read_jxl_header
from photostyle.image.raw import raw_size
from photostyle.image.signature import SIGNATURE_BYTES, signature_of
from photostyle.image.tiff_directory import first_directory, is_raw

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from PIL.ImageFile import ImageFile

    from photostyle.image.formats import FormatName

# Image.open() would refuse large pictures, by a limit that decoders in other threads change.
_KINDS: Mapping[FormatName, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
}

_WIDTH, _HEIGHT, _BITS, _FORMAT, _ICC = 256, 257, 258, 339, 34675  # of a TIFF file
_FLOATING = 3

_BEGINNING = 1 << 20
"""Bytes in which the headers of AVIF, HEIC and JPEG XL files are looked for."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a photo's header claims."""

    pixels: int
    """Width times height, not yet upright."""

    deep: bool
    """Whether it has more than 8 bits a channel."""

    wide: bool = False
    """Whether its pixels may come as float32: for it has floating point values, or a profile of
    colours outside of sRGB."""


UNKNOWN = Header(0, False)
"""Of a file without a header that can be read. Reading the photo fails as early."""


def read_header(path: Path) -> Header:
    """Read the header of a photo file, without its pixels.

    Not to be called while other threads decode: it changes the filters of warnings for a moment.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _header(file, path)
    except Exception:  # noqa: BLE001 - damaged headers make decoders fail in every way there is
        return UNKNOWN


def _header(file: BinaryIO, path: Path) -> Header:
    start = file.read(SIGNATURE_BYTES)
    name = signature_of(start)
    file.seek(0)
    if name == "TIFF":
        tags = first_directory(file)
        if not is_raw(tags) and path.suffix.lower() not in RAW_SUFFIXES:
            return _of_tiff(tags)
        name = "RAW"
    if name == "RAW":
        return Header(raw_size(path), True)
    if name in ("AVIF", "HEIF"):
        said = isobmff.properties(file.read(_BEGINNING))
        return Header(said.width * said.height, said.bits > 8, _is_wide(said.icc_profile))
    if name == "JXL":
        # How to tell its profile is in the compressed data.
        size = read_jxl_header(file.read(_BEGINNING))
        return Header(size.width * size.height, False, True)
    if name is None:
        return UNKNOWN
    with _KINDS[name](file) as image:
        # Pillow's mode hides it: 16-bit RGB is opened as 8-bit.
        deep = name == "PNG" and start[24] == 16
        return Header(image.width * image.height, deep, _is_wide(image.info.get("icc_profile")))


def _of_tiff(tags: Mapping[int, Any]) -> Header:
    deep = max(tags.get(_BITS, (8,))) > 8
    floating = tags.get(_FORMAT, (1,))[0] == _FLOATING
    return Header(tags[_WIDTH] * tags[_HEIGHT], deep, floating or _is_wide(tags.get(_ICC)))


def _is_wide(profile: bytes | None) -> bool:
    if profile is None:
        return False
    try:
        return not icc.parse_matrix_profile(profile).is_srgb
    except ValueError:  # a profile of another kind, such as for grey or CMYK, or a damaged one
        return True
