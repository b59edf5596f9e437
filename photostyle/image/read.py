"""Reading photo files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from photostyle.errors import PhotoError
from photostyle.image import icc, littlecms
from photostyle.image.blocks import row_blocks
from photostyle.image.decode import Decoded, Samples, decode
from photostyle.image.photo import Photo, PixelArray, as_floats
from photostyle.image.rounding import as_uint16

FloatArray = npt.NDArray[np.float32]

MAX_PIXELS = 400_000_000
"""Photos with more pixels than this are refused by default: more than any camera and all but the
largest panoramas have, and as float32 RGB 4.8 GB, about what a laptop can spare."""

# From this share of pixels on, it is worth telling that colours had to be clipped.
_CLIPPED_SHARE = 1e-3


def read_photo(path: str | Path, *, max_pixels: int = MAX_PIXELS, floating: bool = True) -> Photo:
    """Read a JPEG, PNG, TIFF or WebP photo.

    The pixels come out upright and in sRGB, converted from the embedded profile; colours outside of
    sRGB are clipped. Grey, palette and CMYK pictures become RGB. 16-bit PNG and TIFF files keep
    their precision. Of several pictures in a file the first is read.

    Args:
        path: The file.
        max_pixels: A file whose header claims more pixels is refused before any decoding.
        floating: Give float32 pixels. If not, pixels are in as many bits as the file has, a
            quarter or half of the memory; in 16 bits when they had to be converted to sRGB.

    Returns:
        The photo; `warnings` holds what could not be kept.

    Raises:
        PhotoError: The file is missing, unreadable, damaged, too large or of an unsupported kind.
    """
    path = Path(path)
    data = _file_bytes(path)
    try:
        return _photo(decode(data, max_pixels), floating)
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
        bit_depth=16 if decoded.samples.dtype == np.uint16 else 8,
        format=decoded.format,
        icc_profile=colours.icc_profile,
        exif=decoded.exif,
        xmp=decoded.xmp,
        iptc=decoded.iptc,
        dpi=decoded.dpi,
        warnings=(*decoded.warnings, *colours.warnings),
    )


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
            return _from_grey(decoded.samples, icc.grey_curve(profile), floating)
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
    pixels = _empty(samples, floating)
    clipped = 0
    for rows in row_blocks(*samples.shape[:2]):
        converted, outside = conversion.to_srgb(samples[rows])
        pixels[rows] = converted if floating else as_uint16(converted)
        clipped += outside
    share = clipped * 3 / samples.size
    warning = f"{share:.1%} of its pixels have colours outside of sRGB, which were clipped"
    return _Colours(pixels, profile, (warning,) if share >= _CLIPPED_SHARE else ())


def _from_grey(samples: Samples, curve: FloatArray, floating: bool) -> _Colours:
    step = (icc.CODES - 1) // np.iinfo(samples.dtype).max
    encoded = icc.linear_to_srgb(curve[::step])
    table = encoded if floating else as_uint16(encoded)
    return _Colours(table.take(samples), warnings=("its grey profile was replaced by sRGB",))


def _from_tables(samples: Samples, profile: bytes, floating: bool) -> _Colours:
    warning = "its colour profile consists of tables and was replaced by sRGB"
    if samples.dtype == np.uint16:
        samples = ((samples + np.uint32(128)) // np.uint32(257)).astype(np.uint8)
        warning += ", at 8 bits"
    image = littlecms.to_srgb(Image.fromarray(np.ascontiguousarray(samples)), profile)
    return _Colours(_unconverted(np.asarray(image), floating), warnings=(warning,))


def _unconverted(samples: Samples, floating: bool) -> PixelArray:
    """Samples that are in sRGB already."""
    if floating:
        return as_floats(samples)
    return np.ascontiguousarray(samples)


def _empty(samples: Samples, floating: bool) -> PixelArray:
    if floating:
        return np.empty(samples.shape, np.float32)
    return np.empty(samples.shape, np.uint16)
