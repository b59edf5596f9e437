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
from photostyle.image.photo import Photo

FloatArray = npt.NDArray[np.float32]

MAX_PIXELS = 400_000_000
"""Photos with more pixels than this are refused by default: more than any camera and all but the
largest panoramas have, and as float32 RGB 4.8 GB, about what a laptop can spare."""

# From this share of pixels on, it is worth telling that colours had to be clipped.
_CLIPPED_SHARE = 1e-3


def read_photo(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a JPEG, PNG, TIFF or WebP photo.

    The pixels come out upright and in sRGB, converted from the embedded profile; colours outside of
    sRGB are clipped. Grey, palette and CMYK pictures become RGB. 16-bit PNG and TIFF files keep
    their precision. Of several pictures in a file the first is read.

    Args:
        path: The file.
        max_pixels: A file whose header claims more pixels is refused before any decoding.

    Returns:
        The photo; `warnings` holds what could not be kept.

    Raises:
        PhotoError: The file is missing, unreadable, damaged, too large or of an unsupported kind.
    """
    path = Path(path)
    data = _file_bytes(path)
    try:
        return _photo(decode(data, max_pixels))
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


def _photo(decoded: Decoded) -> Photo:
    colours = _to_srgb(decoded)
    return Photo(
        pixels=colours.pixels,
        alpha=None if decoded.alpha is None else _to_float(decoded.alpha),
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
    pixels: FloatArray
    icc_profile: bytes | None = None
    warnings: tuple[str, ...] = ()


def _to_srgb(decoded: Decoded) -> _Colours:
    """Convert samples to float32 in sRGB."""
    profile = decoded.icc_profile
    if profile is None:
        return _Colours(_to_float(decoded.samples))
    try:
        space = icc.colour_space(profile)
        if space == "GRAY" and decoded.grey:
            return _from_grey(decoded.samples, icc.grey_curve(profile))
        if space == "RGB" and icc.has_tables(profile):
            return _from_tables(decoded.samples, profile)
        if space == "RGB":
            return _from_matrix_profile(decoded.samples, profile)
        reason = f"is for {space or 'other'} pictures"
    except ValueError:
        reason = "is damaged"
    return _Colours(
        _to_float(decoded.samples),
        warnings=(f"its colour profile {reason} and not kept; the colours are taken for sRGB",),
    )


def _from_matrix_profile(samples: Samples, profile: bytes) -> _Colours:
    conversion = icc.parse_matrix_profile(profile)
    if conversion.is_srgb:
        return _Colours(_to_float(samples), profile)
    pixels = np.empty(samples.shape, np.float32)
    clipped = 0
    for rows in row_blocks(*samples.shape[:2]):
        pixels[rows], outside = conversion.to_srgb(samples[rows])
        clipped += outside
    share = clipped * 3 / samples.size
    warning = f"{share:.1%} of its pixels have colours outside of sRGB, which were clipped"
    return _Colours(pixels, profile, (warning,) if share >= _CLIPPED_SHARE else ())


def _from_grey(samples: Samples, curve: FloatArray) -> _Colours:
    step = (icc.CODES - 1) // np.iinfo(samples.dtype).max
    encoded = icc.linear_to_srgb(curve[::step])
    return _Colours(encoded.take(samples), warnings=("its grey profile was replaced by sRGB",))


def _from_tables(samples: Samples, profile: bytes) -> _Colours:
    warning = "its colour profile consists of tables and was replaced by sRGB"
    if samples.dtype == np.uint16:
        samples = ((samples + np.uint32(128)) // np.uint32(257)).astype(np.uint8)
        warning += ", at 8 bits"
    image = littlecms.to_srgb(Image.fromarray(np.ascontiguousarray(samples)), profile)
    return _Colours(_to_float(np.asarray(image)), warnings=(warning,))


def _to_float(samples: Samples) -> FloatArray:
    """Samples divided by the largest value of their type."""
    top = np.float32(np.iinfo(samples.dtype).max)
    result = np.empty(samples.shape, np.float32)
    for rows in row_blocks(*samples.shape[:2]):
        result[rows] = samples[rows]
        result[rows] /= top
    return result
