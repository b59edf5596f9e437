"""Writing photo files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import numpy.typing as npt

from photostyle.errors import PhotoError, UsageError
from photostyle.image import exif, icc, xmp
from photostyle.image.atomic import write_atomically
from photostyle.image.blocks import row_blocks
from photostyle.image.encode import ENCODERS
from photostyle.image.formats import Format, format_of
from photostyle.image.photo import as_floats
from photostyle.image.profiles import parse_profile
from photostyle.image.resolution import NO_RESOLUTION, is_resolution
from photostyle.image.rounding import quantise
from photostyle.image.stored import Coding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photostyle.image.photo import BitDepth, InkArray, Photo
    from photostyle.image.profiles import Profile
    from photostyle.image.stored import Samples

FloatArray = npt.NDArray[np.float32]

_TYPES: dict[BitDepth, type[np.uint8 | np.uint16 | np.float32]] = {
    8: np.uint8,
    16: np.uint16,
    32: np.float32,
}

# Colours nearer than this to the border of sRGB do not count as outside of it, and from this share
# of the pixels on it is worth telling that colours had to be clipped.
_TOLERANCE, _CLIPPED_SHARE = np.float32(1 / 255), 1e-3

# Channels that differ by more than this, in the encoding of sRGB, show colour.
_GREY_TOLERANCE = 2.5 / 255

# A pixel changed by less than the first keeps its amounts of ink, by more than the second gets
# those of its new colour, and in between some of both: else there would be edges in a gradient.
_SAME_INKS, _OTHER_INKS = np.float32(0.6 / 255), np.float32(16 / 255)


def write_photo(
    photo: Photo,
    path: str | Path,
    *,
    quality: int = 95,
    overwrite: bool = False,
    protect: Iterable[str | Path] = (),
    color: Literal["keep", "srgb"] = "keep",
) -> tuple[str, ...]:
    """Write a photo with its metadata, in the format that the file name asks for.

    Pixels are converted into the photo's colour profile, which is embedded. A photo in CMYK stays
    so in a JPEG or TIFF, with the same amounts of ink where its pixels are the same; one in grey as
    long as its pixels are grey. PNG, TIFF and JPEG XL keep 16 bits a channel, TIFF floating point
    values as well, AVIF and HEIC 10 and 12; all but JPEG keep alpha; transparent parts of a JPEG
    become white. The file appears under its name when it is complete, or not at all.

    Args:
        photo: The photo.
        path: The file to write; its folder must exist.
        quality: Of JPEG, WebP, AVIF, HEIC and JPEG XL, 1 to 100; the other formats are lossless.
        overwrite: Replace an existing file.
        protect: Files that are not replaced even so, such as the photo this one was made from.
        color: `"srgb"` writes sRGB and no profile, whatever profile the photo has; colours outside
            of sRGB are clipped.

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
        fitted, warnings = _fitted(photo, target, color)
        warnings += _subsampling(fitted, target, quality)
        # What an edit pushes out of sRGB is no loss; what a wider file had there is.
        if _is_narrowed(photo, fitted):
            warnings += _clipping(fitted)
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


def _fitted(
    photo: Photo, target: Format, color: Literal["keep", "srgb"]
) -> tuple[Photo, tuple[str, ...]]:
    """The photo without what a format cannot hold, and sentences that say so.

    Raises:
        ValueError: The format cannot hold a photo of this size.
    """
    if target.longest_side and max(photo.height, photo.width) > target.longest_side:
        raise ValueError(
            f"{target.name} holds at most {target.longest_side} pixels a side; choose PNG or TIFF"
        )
    warnings: list[str] = []
    photo = _with_depth(photo, target, warnings)
    photo = _with_colours(photo, target, color, warnings)
    if photo.alpha is not None and not target.alpha:
        warnings.append(f"{target.name} has no transparency; it became white")
        photo = replace(photo, pixels=_on_white(photo, photo.alpha), alpha=None)
    if photo.dpi and not is_resolution(photo.dpi):
        warnings.append(NO_RESOLUTION)
        photo = replace(photo, dpi=None)
    if photo.iptc and not target.iptc:
        warnings.append(f"{target.name} has no place for IPTC data, which is not kept")
        photo = replace(photo, iptc=None)
    if photo.comments and not target.comments:
        warnings.append(f"{target.name} has no place for comments of a JPEG, which are not kept")
        photo = replace(photo, comments=())
    if photo.georeference and not target.georeference:
        warnings.append(
            f"{target.name} has no place for coordinates of a map (GeoTIFF), which are not kept"
        )
        photo = replace(photo, georeference=())
    photo = replace(
        photo,
        exif=_unless_too_long("EXIF", photo.exif, target, warnings),
        xmp=_unless_too_long("XMP", photo.xmp, target, warnings),
        iptc=_unless_too_long("IPTC", photo.iptc, target, warnings),
    )
    photo = replace(photo, exif=_exif(photo, target, warnings))
    return photo, tuple(warnings)


def _with_depth(photo: Photo, target: Format, warnings: list[str]) -> Photo:
    """The photo with as many bits a channel as the format has."""
    held = photo.coding.bits if photo.coding else photo.bit_depth
    if target.coded_bits and photo.bit_depth > 8:
        bits = held if held in target.coded_bits else target.coded_bits[0]
        subsampled = photo.coding is not None and photo.coding.subsampled
        photo = replace(photo, bit_depth=16, coding=Coding(bits, subsampled))
    else:
        bits = 32 if target.floating else 16 if target.deep else 8
        if photo.bit_depth > bits:
            photo = replace(photo, bit_depth=cast("BitDepth", bits))
    if held > bits:
        warnings.append(f"{target.name} has {bits} bits a channel, the photo had {held}")
    return photo


def _with_colours(
    photo: Photo, target: Format, color: Literal["keep", "srgb"], warnings: list[str]
) -> Photo:
    """The photo with a profile that the format holds, and in grey if both are for that."""
    profile = photo.icc_profile
    # More than 8 bits of grey with alpha are what the encoder of AVIF lacks.
    bare = target.name != "AVIF" or photo.bit_depth == 8 or photo.alpha is None
    holds_grey = target.grey and bare
    grey = photo.grey and holds_grey and _is_grey(photo)
    loss = None
    if profile and color == "keep":
        space = icc.colour_space(profile)
        if not target.profile:
            if not parse_profile(profile).is_srgb:
                loss = f"{target.name} is written without a colour profile, in sRGB"
        elif space == "CMYK" and not target.inks:
            loss = f"{target.name} has no CMYK; it became sRGB"
        elif space == "GRAY" and not holds_grey:
            loss = f"{target.name} has no such grey; it became sRGB, without its profile"
        elif space == "GRAY" and not grey:
            loss = "it is not grey any more; it became sRGB, without its grey profile"
    if loss:
        warnings.append(loss)
    if loss or color == "srgb" or not target.profile:
        photo = replace(photo, icc_profile=None, inks=None)
    return replace(photo, grey=grey)


def _is_grey(photo: Photo) -> bool:
    """Whether the channels of a photo differ by no more than can be seen."""
    for rows in row_blocks(photo.height, photo.width):
        block = photo.floats(rows)
        if float(np.ptp(block, axis=-1).max()) > _GREY_TOLERANCE:
            return False
    return True


def _exif(photo: Photo, target: Format, warnings: list[str]) -> bytes | None:
    """The EXIF block with the photo's size, and its resolution where that has no other place."""
    block, dpi = photo.exif, None if target.resolution else photo.dpi
    if block:
        try:
            block = exif.with_size(block, photo.width, photo.height)
            return exif.with_resolution(block, dpi) if dpi else block
        except ValueError:
            warnings.append("the EXIF data is damaged and not kept")
    return exif.with_resolution(None, dpi) if dpi else None


def _unless_too_long(
    name: str, block: bytes | None, target: Format, warnings: list[str]
) -> bytes | None:
    """The metadata block, or None and a warning where the format cannot hold one as long."""
    if block and target.longest_block and len(block) > target.longest_block:
        if name == "XMP" and _is_divisible(block, target.longest_block):
            return block
        warnings.append(f"the {name} data is too long for {target.name} and not kept")
        return None
    return block


def _is_divisible(packet: bytes, longest: int) -> bool:
    """Whether an XMP packet can be written in parts of this length."""
    try:
        xmp.divided(packet, longest)
    except ValueError:
        return False
    return True


def _on_white(photo: Photo, alpha: FloatArray) -> FloatArray:
    """The photo's pixels, with alpha, H W, over white paper."""
    result = np.empty(photo.pixels.shape, np.float32)
    for rows in row_blocks(*alpha.shape):
        result[rows] = 1 + (photo.floats(rows) - 1) * alpha[rows, :, None]
    return result


def _is_narrowed(photo: Photo, fitted: Photo) -> bool:
    """Whether the file holds fewer colours than the photo could."""
    return fitted.icc_profile != photo.icc_profile or (photo.bit_depth == 32 != fitted.bit_depth)


def _subsampling(photo: Photo, target: Format, quality: int) -> tuple[str, ...]:
    """A sentence that tells of colours written with less resolution than the photo has."""
    coding = photo.coding
    if target.name != "AVIF" or photo.bit_depth == 8 or photo.grey or quality == 100:
        return ()
    if coding is None or coding.subsampled:
        return ()
    return (f"AVIF of {coding.bits} bits has colours at half the resolution, but at --quality 100",)


def _clipping(photo: Photo) -> tuple[str, ...]:
    """A sentence that tells how many pixels lie well outside of sRGB, if they are many."""
    clipped = 0
    if photo.pixels.dtype == np.float32:
        for rows in row_blocks(photo.height, photo.width):
            block = photo.floats(rows)
            beyond = (block < -_TOLERANCE) | (block > 1 + _TOLERANCE)
            clipped += int(np.count_nonzero(beyond.any(axis=-1)))
    share = clipped / (photo.height * photo.width)
    if share < _CLIPPED_SHARE:
        return ()
    return (f"{share:.1%} of the pixels have colours outside of sRGB, which were clipped",)


def _quantised(photo: Photo) -> Samples:
    """The photo in the colours of its profile, with alpha as a further channel.

    Returns:
        H W C: grey, RGB or CMYK, and maybe alpha; uint8, uint16 or float32.

    Raises:
        ValueError: There are values that are no numbers, or the profile is of an unknown kind.
    """
    profile = parse_profile(photo.icc_profile) if photo.icc_profile else None
    if profile and profile.is_srgb:
        profile = None
    dtype = _TYPES[photo.bit_depth]
    integers = photo.pixels.dtype != np.float32
    unchanged = integers and photo.pixels.dtype == dtype and not photo.grey
    if unchanged and photo.alpha is None and not profile:
        return photo.pixels
    colours = 1 if photo.grey else 4 if photo.is_cmyk else 3
    samples: Samples = np.empty(
        (photo.height, photo.width, colours + (photo.alpha is not None)), dtype
    )
    for rows in row_blocks(photo.height, photo.width):
        block = photo.floats(rows)
        if profile and not np.isfinite(block).all():
            raise ValueError("the result has values that are no numbers")
        if photo.grey:
            block = block.mean(axis=-1, keepdims=True)
        if profile:
            values = profile.from_srgb(block)
            if photo.inks is not None:
                values = _with_inks(values, block, photo.inks[rows], profile)
            block = values
        quantise(block, samples[rows, :, :colours])
        if photo.alpha is not None:
            quantise(photo.alpha[rows], samples[rows, :, colours])
    return samples


def _with_inks(
    values: FloatArray, pixels: FloatArray, inks: InkArray, profile: Profile
) -> FloatArray:
    """Amounts of ink that are as before where the colours are as before.

    Where these are nearly so, they keep a part of what sets them apart from the profile's own
    choice for the colour: so no edge appears between what has changed and what has not.

    Args:
        values: H W 4: the profile's choice for the pixels.
        pixels: H W 3: the pixels, sRGB encoded.
        inks: H W 4: the amounts before.
        profile: The profile.
    """
    before = profile.to_srgb(inks)
    held = as_floats(inks)
    change = np.abs(pixels - before).max(axis=-1, keepdims=True)
    share = np.clip((_OTHER_INKS - change) / (_OTHER_INKS - _SAME_INKS), 0, 1)
    mixed = np.clip(values + share * (held - profile.from_srgb(before)), 0, 1)
    return np.where(share == 1, held, mixed)
