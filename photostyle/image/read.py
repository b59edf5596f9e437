"""Reading photo files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from photostyle.errors import PhotoError
from photostyle.image import icc
from photostyle.image.blocks import row_blocks
from photostyle.image.decode import Decoded, decode
from photostyle.image.formats import RAW_SUFFIXES
from photostyle.image.photo import BitDepth, InkArray, Photo, PixelArray, as_floats
from photostyle.image.profiles import is_reversible, parse_profile
from photostyle.image.rounding import quantise

if TYPE_CHECKING:
    from photostyle.image.stored import Samples

FloatArray = npt.NDArray[np.float32]

MAX_PIXELS = 400_000_000
"""Photos with more pixels than this are refused by default: more than any camera and all but the
largest panoramas have, and as float32 RGB 4.8 GB, about what a laptop can spare."""


def read_photo(path: str | Path, *, max_pixels: int = MAX_PIXELS, floating: bool = True) -> Photo:
    """Read a photo: JPEG, PNG, TIFF, WebP, AVIF, HEIC, JPEG XL or a camera's raw data.

    The pixels come out upright and in sRGB, converted from the embedded profile; colours outside of
    sRGB have values outside of [0, 1]. Grey, palette and CMYK pictures become RGB; what they were
    is told, so that they can be written as that again. Files of 16 bits and of floating point
    values keep their precision. Of several pictures in a file the first is read. A camera's raw
    data are developed with the camera's white balance.

    Args:
        path: The file.
        max_pixels: A file whose header claims more pixels is refused before any decoding.
        floating: Give float32 pixels. If not, pixels are in as many bits as the file has, a
            quarter or half of the memory, unless they had to be converted to sRGB: as many bits of
            that would neither tell its darkest values apart nor hold colours outside of sRGB.

    Returns:
        The photo; `warnings` holds what could not be kept.

    Raises:
        PhotoError: The file is missing, unreadable, damaged, too large or of an unsupported kind,
            or needs a package that is not installed.
    """
    path = Path(path)
    data = _file_bytes(path)
    try:
        from_camera = path.suffix.lower() in RAW_SUFFIXES
        return _photo(decode(data, max_pixels, from_camera=from_camera), floating)
    except (ValueError, OSError) as error:
        raise PhotoError(f"cannot read '{path}': {_one_line(error)}") from error
    except MemoryError as error:
        raise PhotoError(f"cannot read '{path}': not enough memory") from error
    except Exception as error:
        # Damaged files make decoders fail in every way there is.
        raise PhotoError(
            f"cannot read '{path}': the file is damaged ({type(error).__name__}: "
            f"{_one_line(error)})"
        ) from error


def _file_bytes(path: Path) -> bytes:
    """The contents of a file.

    Raises:
        PhotoError: There is no such file, or it is empty or cannot be read.
    """
    try:
        if path.is_dir():
            raise PhotoError(f"cannot read '{path}': it is a folder")
        if path.exists() and not path.is_file():
            raise PhotoError(f"cannot read '{path}': it is not a regular file")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise PhotoError(f"cannot read '{path}': there is no such file") from error
    except (OSError, ValueError) as error:
        raise PhotoError(f"cannot read '{path}': {_one_line(error)}") from error
    if not data:
        raise PhotoError(f"cannot read '{path}': the file is empty")
    return data


def _one_line(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split())


def _photo(decoded: Decoded, floating: bool) -> Photo:
    colours = _to_srgb(decoded, floating)
    return Photo(
        pixels=colours.pixels,
        alpha=None if decoded.alpha is None else as_floats(decoded.alpha),
        bit_depth=_BITS[decoded.samples.dtype],
        format=decoded.format,
        icc_profile=colours.icc_profile,
        grey=colours.grey,
        inks=colours.inks,
        coding=decoded.coding,
        exif=decoded.exif,
        xmp=decoded.xmp,
        iptc=decoded.iptc,
        dpi=decoded.dpi,
        comments=decoded.comments,
        georeference=decoded.georeference,
        warnings=(*decoded.warnings, *colours.warnings),
    )


_BITS: dict[np.dtype[Any], BitDepth] = {
    np.dtype(np.uint8): 8,
    np.dtype(np.uint16): 16,
    np.dtype(np.float32): 32,
}


@dataclass(frozen=True, eq=False)
class _Colours:
    pixels: PixelArray
    icc_profile: bytes | None = None
    grey: bool = False
    inks: InkArray | None = None
    warnings: tuple[str, ...] = ()


def _to_srgb(decoded: Decoded, floating: bool) -> _Colours:
    """Convert samples to sRGB."""
    profile, samples = decoded.icc_profile, decoded.samples
    wanted = "CMYK" if decoded.inks else "RGB"
    if profile is None:
        return _of_no_profile(decoded, floating)
    try:
        space = icc.colour_space(profile)
        if space == "GRAY" and decoded.grey:
            return _from_grey(samples, profile, floating)
        if space == wanted:
            return _from_profile(samples, profile, floating)
        reason = f"is for {space or 'other'} pictures"
    except ValueError:
        reason = "is damaged"
    taken = "a rough guess" if decoded.inks else "taken for sRGB"
    colours = _of_no_profile(replace(decoded, icc_profile=None), floating)
    return replace(
        colours, warnings=(f"its colour profile {reason} and not kept; the colours are {taken}",)
    )


def _of_no_profile(decoded: Decoded, floating: bool) -> _Colours:
    if not decoded.inks:
        return _Colours(_unconverted(decoded.samples, floating), grey=decoded.grey)
    deep = decoded.samples.dtype != np.uint8
    pixels: PixelArray = np.empty(
        (*decoded.samples.shape[:2], 3),
        np.float32 if floating else np.uint16 if deep else np.uint8,
    )
    for rows in row_blocks(*pixels.shape[:2]):
        left = 1 - as_floats(decoded.samples[rows])
        quantise(left[..., :3] * left[..., 3:], pixels[rows])
    return _Colours(
        pixels,
        warnings=("it was converted from CMYK without a profile; the colours are a rough guess",),
    )


def _from_profile(samples: Samples, profile: bytes, floating: bool) -> _Colours:
    """From the colours of an RGB or CMYK profile."""
    conversion = parse_profile(profile)
    if conversion.is_srgb:
        return _Colours(_unconverted(samples, floating), profile)
    shape = (*samples.shape[:2], 3)
    pixels = np.empty(shape, np.float32)
    for rows in row_blocks(*shape[:2]):
        pixels[rows] = conversion.to_srgb(samples[rows])
    if not is_reversible(profile):
        return _Colours(pixels, warnings=(_ONE_WAY,))
    inks = np.ascontiguousarray(samples) if samples.shape[2] == 4 else None
    return _Colours(pixels, profile, inks=cast("InkArray | None", inks))


_ONE_WAY = "its colour profile is for reading only and was replaced by sRGB"


def _from_grey(samples: Samples, profile: bytes, floating: bool) -> _Colours:
    conversion = icc.parse_grey_profile(profile)
    if conversion.is_srgb:
        return _Colours(_unconverted(samples, floating), profile, grey=True)
    # One channel is enough to convert: the other two are views of it.
    grey = samples[..., 0]
    pixels = np.empty((*grey.shape, 3), np.float32)
    for rows in row_blocks(*grey.shape):
        pixels[rows] = conversion.to_srgb(grey[rows])[..., None]
    return _Colours(pixels, profile, grey=True)


def _unconverted(samples: Samples, floating: bool) -> PixelArray:
    """Samples that are in sRGB already."""
    if floating and samples.dtype != np.float32:
        return as_floats(samples)
    return np.ascontiguousarray(samples)
