"""Writing photo files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from photostyle.errors import PhotoError, UsageError
from photostyle.image import exif, icc
from photostyle.image.atomic import write_atomically
from photostyle.image.blocks import row_blocks
from photostyle.image.encode import ENCODERS
from photostyle.image.formats import Format, format_of
from photostyle.image.rounding import quantise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photostyle.image.photo import Photo

FloatArray = npt.NDArray[np.float32]
Samples = npt.NDArray[np.uint8 | np.uint16]


def write_photo(
    photo: Photo,
    path: str | Path,
    *,
    quality: int = 95,
    overwrite: bool = False,
    protect: Iterable[str | Path] = (),
) -> tuple[str, ...]:
    """Write a photo with its metadata, in the format that the file name asks for.

    Pixels are converted into the photo's colour profile, which is embedded. PNG and TIFF keep 16
    bits a channel, all but JPEG keep alpha; transparent parts of a JPEG become white. The file
    appears under its name when it is complete, or not at all.

    Args:
        photo: The photo.
        path: The file to write; its folder must exist.
        quality: Of JPEG and WebP, 1 to 100; the other formats are lossless.
        overwrite: Replace an existing file.
        protect: Files that are not replaced even so, such as the photo this one was made from.

    Returns:
        What the format cannot keep, one sentence each, to be shown to the user.

    Raises:
        UsageError: The file name ends in no known suffix, or the quality is out of range.
        PhotoError: The file exists, is protected or cannot be written, or the format cannot hold
            the photo.
    """
    path = Path(path)
    target = format_of(path)
    if not 1 <= quality <= 100:
        raise UsageError(f"quality {quality} is out of range: choose 1 to 100")
    try:
        _check_target(path, overwrite, protect)
        fitted, warnings = _fitted(photo, target)
        samples = _quantised(fitted)
        data = ENCODERS[target.name](samples, fitted, quality)
        del samples
        write_atomically(path, data, overwrite=overwrite)
    except FileExistsError as error:
        raise PhotoError(
            f"cannot write '{path}': it exists already; use --overwrite to replace it"
        ) from error
    except MemoryError as error:
        raise PhotoError(f"cannot write '{path}': not enough memory") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise PhotoError(f"cannot write '{path}': {reason or error}") from error
    return warnings


def _check_target(path: Path, overwrite: bool, protect: Iterable[str | Path]) -> None:
    """Find out what forbids writing to a path before any work is done.

    Raises:
        FileExistsError: The file exists and may not be replaced.
        ValueError: Anything else does.
    """
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder '{path.parent}'")
    if not path.exists():
        return
    if path.is_dir():
        raise ValueError("it is a folder")
    for other in map(Path, protect):
        if other.exists() and path.samefile(other):
            raise ValueError("it is an input; choose another name")
    if not overwrite:
        raise FileExistsError(path)


def _fitted(photo: Photo, target: Format) -> tuple[Photo, tuple[str, ...]]:
    """The photo without what a format cannot hold, and sentences that say so.

    Raises:
        ValueError: The format cannot hold a photo of this size.
    """
    if target.longest_side and max(photo.height, photo.width) > target.longest_side:
        raise ValueError(
            f"{target.name} holds at most {target.longest_side} pixels a side; choose PNG or TIFF"
        )
    warnings: list[str] = []
    if photo.bit_depth == 16 and not target.deep:
        warnings.append(f"{target.name} has 8 bits a channel, the photo had 16")
        photo = replace(photo, bit_depth=8)
    if photo.alpha is not None and not target.alpha:
        warnings.append(f"{target.name} has no transparency; it became white")
        photo = replace(photo, pixels=_on_white(photo, photo.alpha), alpha=None)
    if photo.iptc and not target.iptc:
        warnings.append(f"{target.name} has no place for IPTC data, which is not kept")
        photo = replace(photo, iptc=None)
    photo = replace(
        photo,
        exif=_unless_too_long("EXIF", photo.exif, target, warnings),
        xmp=_unless_too_long("XMP", photo.xmp, target, warnings),
        iptc=_unless_too_long("IPTC", photo.iptc, target, warnings),
    )
    if photo.exif:
        try:
            photo = replace(photo, exif=exif.with_size(photo.exif, photo.width, photo.height))
        except ValueError:
            warnings.append("the EXIF data is damaged and not kept")
            photo = replace(photo, exif=None)
    return photo, tuple(warnings)


def _unless_too_long(
    name: str, block: bytes | None, target: Format, warnings: list[str]
) -> bytes | None:
    """The metadata block, or None and a warning where the format cannot hold one as long."""
    if block and target.longest_block and len(block) > target.longest_block:
        warnings.append(f"the {name} data is too long for {target.name} and not kept")
        return None
    return block


def _on_white(photo: Photo, alpha: FloatArray) -> FloatArray:
    """The photo's pixels, with alpha, H W, over white paper."""
    result = np.empty(photo.pixels.shape, np.float32)
    for rows in row_blocks(*alpha.shape):
        result[rows] = 1 + (photo.floats(rows) - 1) * alpha[rows, :, None]
    return result


def _quantised(photo: Photo) -> Samples:
    """The photo in integers and in the colours of its profile, with alpha as a fourth channel.

    Raises:
        ValueError: There are values that are no numbers, or the profile is of an unknown kind.
    """
    conversion = icc.parse_matrix_profile(photo.icc_profile) if photo.icc_profile else None
    if conversion and conversion.is_srgb:
        conversion = None
    dtype = np.uint8 if photo.bit_depth == 8 else np.uint16
    if photo.pixels.dtype == dtype and photo.alpha is None and not conversion:
        return photo.pixels.view(dtype)
    channels = 3 if photo.alpha is None else 4
    samples: Samples = np.empty((photo.height, photo.width, channels), dtype)
    for rows in row_blocks(photo.height, photo.width):
        block = photo.floats(rows)
        if conversion:
            if not np.isfinite(block).all():
                raise ValueError("the result has values that are no numbers")
            block = conversion.from_srgb(np.clip(block, 0, 1))
        quantise(block, samples[rows, :, :3])
        if photo.alpha is not None:
            quantise(photo.alpha[rows], samples[rows, :, 3])
    return samples
