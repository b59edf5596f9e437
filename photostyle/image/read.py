"""Reading photo files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from photostyle.errors import PhotoError
from photostyle.image import icc, littlecms
from photostyle.image.blocks import row_blocks
from photostyle.image.decode import Decoded, decode
from photostyle.image.formats import RAW_SUFFIXES
from photostyle.image.photo import BitDepth, Photo, PixelArray, as_floats
from photostyle.image.rounding import as_uint8, as_uint16

if TYPE_CHECKING:
    from photostyle.image.stored import Samples

FloatArray = npt.NDArray[np.float32]

MAX_PIXELS = 400_000_000
"""Photos with more pixels than this are refused by default: more than any camera and all but the
largest panoramas have, and as float32 RGB 4.8 GB, about what a laptop can spare."""

# Colours of 8-bit files this near to sRGB are clipped to it: they lose half of a step at most.
_NEARLY_SRGB = np.float32(1e-4)


def read_photo(path: str | Path, *, max_pixels: int = MAX_PIXELS, floating: bool = True) -> Photo:
    """Read a photo: JPEG, PNG, TIFF, WebP, AVIF, HEIC, JPEG XL or a camera's raw data.

    The pixels come out upright and in sRGB, converted from the embedded profile; colours outside of
    sRGB have values outside of [0, 1]. Grey, palette and CMYK pictures become RGB. Files of 16 bits
    and of floating point values keep their precision. Of several pictures in a file the first is
    read. A camera's raw data are developed with the camera's white balance.

    Args:
        path: The file.
        max_pixels: A file whose header claims more pixels is refused before any decoding.
        floating: Give float32 pixels. If not, pixels are in as many bits as the file has, a
            quarter or half of the memory, unless they had to be converted to sRGB: then those of an
            8-bit file are in 16 bits, or float32 where there are colours outside of sRGB; those of
            a 16-bit file, whose darkest values sRGB in 16 bits would not tell apart, are float32.

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
    warnings: tuple[str, ...] = ()


def _to_srgb(decoded: Decoded, floating: bool) -> _Colours:
    """Convert samples to sRGB."""
    profile = decoded.icc_profile
    if profile is None:
        return _Colours(_unconverted(decoded.samples, floating))
    try:
        space = icc.colour_space(profile)
        if space == "GRAY" and decoded.grey:
            return _from_grey(decoded.samples, profile, floating)
        if space == "RGB" and icc.has_tables(profile):
            return _from_tables(decoded.samples, profile, floating)
        if space == "RGB":
            return _from_matrix_profile(decoded.samples, profile, floating)
        reason = f"is for {space or 'other'} pictures"
    except ValueError:
        reason = "is damaged"
    return _Colours(
        _unconverted(decoded.samples, floating),
        warnings=(f"its colour profile {reason} and not kept; the colours are taken for sRGB",),
    )


def _from_matrix_profile(samples: Samples, profile: bytes, floating: bool) -> _Colours:
    conversion = icc.parse_matrix_profile(profile)
    if conversion.is_srgb:
        return _Colours(_unconverted(samples, floating), profile)
    short = samples.dtype == np.uint8 and not floating
    pixels: PixelArray = np.empty(samples.shape, np.uint16 if short else np.float32)
    for rows in row_blocks(*samples.shape[:2]):
        converted = conversion.to_srgb(samples[rows])
        if pixels.dtype == np.uint16 and _leave_srgb(converted):
            done = pixels[: rows.start]
            pixels = np.empty(samples.shape, np.float32)
            pixels[: rows.start] = as_floats(done)
        pixels[rows] = as_uint16(converted) if pixels.dtype == np.uint16 else converted
    return _Colours(pixels, profile)


def _leave_srgb(pixels: FloatArray) -> bool:
    return bool(pixels.min() < -_NEARLY_SRGB or pixels.max() > 1 + _NEARLY_SRGB)


def _from_grey(samples: Samples, profile: bytes, floating: bool) -> _Colours:
    curve = icc.grey_curve(profile)
    if icc.is_srgb_curve(curve):
        return _Colours(_unconverted(samples, floating))
    # One channel is enough to convert: the other two are views of it.
    grey = samples[..., 0]
    short = grey.dtype != np.float32 and not floating
    pixels: PixelArray = np.empty((*grey.shape, 3), np.uint16 if short else np.float32)
    for rows in row_blocks(*grey.shape):
        converted = icc.grey_to_srgb(grey[rows], curve)[..., None]
        pixels[rows] = as_uint16(converted) if short else converted
    return _Colours(pixels, warnings=("its grey profile was replaced by sRGB",))


def _from_tables(samples: Samples, profile: bytes, floating: bool) -> _Colours:
    warning = "its colour profile consists of tables and was replaced by sRGB"
    if samples.dtype != np.uint8:
        samples = as_uint8(samples)
        warning += ", at 8 bits"
    image = littlecms.to_srgb(Image.fromarray(np.ascontiguousarray(samples)), profile)
    return _Colours(_unconverted(np.asarray(image), floating), warnings=(warning,))


def _unconverted(samples: Samples, floating: bool) -> PixelArray:
    """Samples that are in sRGB already."""
    if floating and samples.dtype != np.float32:
        return as_floats(samples)
    return np.ascontiguousarray(samples)
