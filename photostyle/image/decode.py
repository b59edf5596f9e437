"""From the bytes of a photo file to its samples and metadata.

Pillow reads containers, metadata and 8-bit samples. Deeper samples come from OpenCV, because Pillow
turns them into 8-bit ones. HEIC, JPEG XL and cameras' raw data have readers of their own.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from PIL.AvifImagePlugin import AvifImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from photostyle.image import (
    cicp,
    exif,
    heif,
    iptc,
    isobmff,
    jxl,
    png,
    raw,
    tiff_directory,
    tiff_samples,
    xmp,
)
from photostyle.image.geotiff import georeference
from photostyle.image.jpeg import NO_PATHS, NO_RIGHTS, jpeg_metadata
from photostyle.image.jpeg_tail import lost_tail
from photostyle.image.opencv import decode_deep
from photostyle.image.resolution import is_resolution, sensible
from photostyle.image.rounding import as_full_range
from photostyle.image.signature import signature_of
from photostyle.image.stored import (
    Coding,
    Samples,
    Stored,
    check_size,
    of_many,
    three_channels,
    too_large,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from photostyle.image.formats import SourceName
    from photostyle.image.tiff import Field

# Pillow keeps its size limit, Python its warning filters and OpenCV how much it prints in globals.
# They are changed for the time of one decoding and put back, so only one thread at a time may do
# that.
_GLOBALS = threading.Lock()

_DAMAGED_EXIF = "its EXIF data is damaged and not kept"
_DAMAGED_PARTS = "parts of the file are damaged; what could be read is kept"

# Naming these classes imports their plugins, so that Image.open need not load all there are.
_PLUGINS = (AvifImageFile, TiffImageFile, WebPImageFile)

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>))([1-8])(?=[\"'<])")

_TURNING = (5, 6, 7, 8)  # orientations that exchange width and height

# Properties of XMP that change places when width and height do.
_XMP_PAIRS = (
    (b"tiff:XResolution", b"tiff:YResolution"),
    (b"tiff:ImageWidth", b"tiff:ImageLength"),
    (b"exif:PixelXDimension", b"exif:PixelYDimension"),
)
_XMP_OPPOSITES = {a: b for pair in _XMP_PAIRS for a, b in (pair, pair[::-1])}
_XMP_TURNED = re.compile(rb"(?<=[\s</])(?:%s)(?=[\s=>/])" % b"|".join(_XMP_OPPOSITES))

# Of a TIFF file.
_IPTC_TAG, _PHOTOSHOP_TAG, _XMP_TAG, _ICC_TAG, _LAYERS_TAG = 0x83BB, 34377, 700, 34675, 37724

_WIDTH, _HEIGHT, _PHOTOMETRIC = 256, 257, 262
_CMYK = 5


@dataclass(frozen=True, eq=False)
class Decoded:
    """A photo as its file holds it, but upright."""

    format: SourceName
    """The file's format."""

    samples: Samples
    """H W 3, in the colours of the profile, or H W 4, the amounts of ink; uint16 where the file has
    more than 8 bits, float32 where it has floating point values. Maybe a view."""

    alpha: Samples | None
    """H W of the same type, not multiplied into the samples. Maybe a view."""

    grey: bool
    """Whether the three channels are copies of a single one."""

    inks: bool
    """Whether the samples are amounts of cyan, magenta, yellow and black ink."""

    coding: Coding | None
    """How the samples were coded, where they have 10 or 12 bits."""

    icc_profile: bytes | None
    """The profile the samples are in."""

    exif: bytes | None
    """EXIF block with orientation 1 and no thumbnail."""

    xmp: bytes | None
    """XMP packet with orientation 1."""

    iptc: bytes | None
    """IPTC-IIM records."""

    dpi: tuple[float, float] | None
    """Horizontal and vertical resolution in pixels per inch."""

    comments: tuple[bytes, ...]
    """Comments of a JPEG file."""

    georeference: tuple[Field, ...]
    """Fields of a TIFF file that place it on a map."""

    warnings: tuple[str, ...]
    """What could not be kept."""


def decode(data: bytes, max_pixels: int, *, from_camera: bool = False) -> Decoded:
    """Decode a photo file.

    Args:
        data: The whole file.
        max_pixels: A header that claims more pixels than this is refused before any decoding.
        from_camera: Take a TIFF file for a camera's raw data, because its name says so.

    Raises:
        ValueError: The file is damaged, too large or of an unsupported kind.
        Exception: Anything else that decoders raise on damaged files.
    """
    notes: list[str] = []
    name = signature_of(data)
    if name is None:
        raise ValueError(_UNKNOWN)
    if name == "TIFF":
        with _globals(max_pixels, notes):
            tags = tiff_directory.first_directory(data)
        if from_camera or tiff_directory.is_raw(tags):
            name = "RAW"
    if name in _READERS:
        stored = _READERS[name](data, max_pixels, notes)
    else:
        with _globals(max_pixels, notes):
            if name == "TIFF":
                stored = _read_tiff(data, tags, max_pixels, notes)
            elif name == "PNG":
                stored = _read_png(data, max_pixels, notes)
            else:
                stored = _read_with_pillow(data, name, max_pixels, notes)
    return _upright(name, stored, notes)


_UNKNOWN = (
    "it is no JPEG, PNG, TIFF, WebP, AVIF, HEIC, JPEG XL or camera raw file of a kind that is known"
)


# Readers that change nothing global: several threads can use them at a time.
_READERS: dict[SourceName, Callable[[bytes, int, list[str]], Stored]] = {
    "HEIF": heif.read_heif,
    "JXL": jxl.read_jxl,
    "RAW": raw.read_raw,
}


def _upright(name: SourceName, stored: Stored, notes: list[str]) -> Decoded:
    """Turn what was stored, and have the metadata say so."""
    orientation = stored.orientation
    block, packet, dpi = stored.exif, stored.xmp, stored.dpi
    if block:
        block = block.removeprefix(b"Exif\0\0")  # JPEG's, which other formats sometimes copy
        try:
            orientation = orientation or exif.orientation(block)
            block = exif.without_thumbnail(exif.upright(block))
        except ValueError:
            notes.append(_DAMAGED_EXIF)
            block = None
    if packet:
        stated = _XMP_ORIENTATION.search(packet)
        if orientation is None and stated:
            orientation = int(stated[2])
        packet = _XMP_ORIENTATION.sub(rb"\g<1>1", packet)
        packet = xmp.without_appendix(packet)
        if b"HasExtendedXMP" in packet:
            packet = _without_extension(packet, notes)
    turned = orientation in _TURNING or stored.turned
    if packet and turned:
        packet = _XMP_TURNED.sub(lambda name: _XMP_OPPOSITES[name[0]], packet)
    if dpi and orientation in _TURNING:
        dpi = dpi[1], dpi[0]
    if block:
        try:
            if turned:
                block = exif.with_resolution_turned(block)
            resolution = exif.resolution(block)
        except ValueError:  # its values lay over its directories
            notes.append(_DAMAGED_EXIF)
            block = resolution = None
        if dpi is None and resolution and is_resolution(resolution):
            dpi = resolution
    place = stored.georeference
    if place and orientation not in (None, 1):
        notes.append(
            "its coordinates of a map (GeoTIFF) are not kept, because it was turned upright"
        )
        place = ()
    return Decoded(
        format=name,
        samples=_turned(stored.samples, orientation),
        alpha=None if stored.alpha is None else _turned(stored.alpha, orientation),
        grey=stored.grey,
        inks=stored.inks,
        coding=stored.coding,
        icc_profile=stored.icc_profile,
        exif=block,
        xmp=packet,
        iptc=stored.iptc,
        dpi=dpi,
        comments=stored.comments,
        georeference=place,
        warnings=tuple(notes),
    )


@contextmanager
def _globals(max_pixels: int, notes: list[str]) -> Iterator[None]:
    """Let Pillow open files of up to `max_pixels`, note its warnings, and keep OpenCV quiet."""
    with _GLOBALS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # of whatever is thrown away meanwhile
        limit, level = Image.MAX_IMAGE_PIXELS, cv2.utils.logging.getLogLevel()
        # OpenCV prints a line for every field of a TIFF file that it does not know.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        # Pillow refuses what has more than twice this and warns before.
        Image.MAX_IMAGE_PIXELS = (max_pixels + 1) // 2
        try:
            yield
        except Image.DecompressionBombError as error:
            raise ValueError(too_large(max_pixels)) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit
            cv2.utils.logging.setLogLevel(level)
            # One of them comes for every single field that is damaged.
            if _DAMAGED_PARTS not in notes and any(
                warning.category is not Image.DecompressionBombWarning for warning in caught
            ):
                notes.append(_DAMAGED_PARTS)


def _read_tiff(data: bytes, tags: Mapping[int, Any], max_pixels: int, notes: list[str]) -> Stored:
    check_size(tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0), max_pixels)
    tiff_samples.check_channels(tags, max_pixels)
    tiff_directory.check_complete(data, tags)
    if (number := tiff_directory.number_of_pictures(data)) > 1:
        notes.append(of_many(number))
    if _LAYERS_TAG in tags:
        notes.append("its Photoshop layers are not kept")
    photoshop, packet = exif.raw_value(data, _PHOTOSHOP_TAG) or b"", _bytes(tags.get(_XMP_TAG))
    if iptc.has_paths(photoshop):
        notes.append(NO_PATHS)
    if iptc.has_rights(photoshop, packet):
        notes.append(NO_RIGHTS)
    try:
        block = exif.from_tiff(data)
    except ValueError:
        notes.append(_DAMAGED_EXIF)
        block = None
    orientation = exif.orientation(data)
    if orientation not in (None, 1):
        # Decoders differ in whether they turn TIFF pictures by themselves. Now none does.
        data = exif.upright(data)
    profile = _bytes(tags.get(_ICC_TAG))
    if tiff_samples.is_for_pillow(tags):
        with _open(data, "TIFF") as image:
            stored = _read_channels(data, image)
    elif tags.get(_PHOTOMETRIC) == _CMYK:
        inks = tiff_samples.read_deep_inks(data, tags)
        stored = Stored(inks, icc_profile=profile, inks=True)
    else:
        stored = replace(tiff_samples.read_tiff_samples(data, tags, notes), icc_profile=profile)
    return replace(
        stored,
        exif=block,
        xmp=packet,
        iptc=_iptc_of_tiff(data, notes),
        dpi=sensible(tiff_directory.resolution(tags), notes),
        georeference=georeference(tags, notes),
        orientation=orientation,
    )


def _iptc_of_tiff(data: bytes, notes: list[str]) -> bytes | None:
    """The IPTC records of a TIFF file, which some programs cut short in the field made for them."""
    block = exif.raw_value(data, _IPTC_TAG) or b""
    if found := iptc.records_in_resources(block):  # libvips copies all that it finds in a JPEG
        return found
    records, complete = iptc.complete_records(block)
    if records and complete:
        return records
    whole = iptc.records_in_resources(exif.raw_value(data, _PHOTOSHOP_TAG) or b"")
    if whole is None and not complete:
        kept = "only kept in part" if records else "not kept"
        notes.append(f"its IPTC data is damaged and {kept}")
    return whole or records


def _read_png(data: bytes, max_pixels: int, notes: list[str]) -> Stored:
    metadata = png.metadata(data)
    points = (png.early_chunk(data, b"cICP") or b"")[:2]
    # Pillow refuses a file for its metadata where they inflate to more than a megabyte.
    data = png.without_metadata(data)
    with _open(data, "PNG") as image:
        _check_picture(image, max_pixels, notes)
        stored = _read_channels(data, image)
        dpi = image.info.get("dpi")
    notes.extend(f"its {name} is damaged and not kept" for name in metadata.damaged)
    if iptc.has_paths(metadata.resources):
        notes.append(NO_PATHS)
    if iptc.has_rights(metadata.resources, metadata.xmp):
        notes.append(NO_RIGHTS)
    if metadata.comments:
        notes.append(f"its texts are not kept ({', '.join(metadata.comments)})")
    if points and not metadata.icc_profile and (loss := cicp.loss_of(*points)):
        notes.append(loss)
    return replace(
        stored,
        icc_profile=metadata.icc_profile,
        exif=metadata.exif,
        xmp=metadata.xmp,
        iptc=metadata.iptc,
        dpi=sensible(dpi, notes),
    )


def _read_with_pillow(data: bytes, name: SourceName, max_pixels: int, notes: list[str]) -> Stored:
    with _open(data, name) as image:
        _check_picture(image, max_pixels, notes)
        if name == "JPEG":
            if tail := lost_tail(data, getattr(image, "n_frames", 1) - 1):
                notes.append(tail)
            return replace(_read_channels(data, image), **jpeg_metadata(image, notes))
        stored = _read_avif(data, image, notes) if name == "AVIF" else None
        stored = stored or _read_channels(data, image)
        return replace(
            stored,
            grey=stored.grey or (name == "AVIF" and isobmff.properties(data).grey),
            exif=image.info.get("exif"),
            xmp=_bytes(image.info.get("xmp")),
        )


def _read_avif(data: bytes, image: Image.Image, notes: list[str]) -> Stored | None:
    """The samples of more than 8 bits of an AVIF file; None where Pillow is to decode it."""
    properties = isobmff.properties(data)
    profile = image.info.get("icc_profile")
    if properties.nclx and not profile and (loss := cicp.loss_of(*properties.nclx)):
        notes.append(loss)
    if properties.bits <= 8:
        return None
    try:
        decoded = decode_deep(data)
    except ValueError:  # some builds of OpenCV know no AVIF
        decoded = None
    grey = decoded is not None and decoded.shape[2] == 1
    unknown = grey and properties.full_range is None
    if decoded is None or decoded.dtype != np.uint16 or unknown:
        notes.append(f"its {properties.bits} bits a channel were reduced to 8")
        return None
    bits, codes = properties.bits, decoded.view(np.uint16)
    if grey and not properties.full_range:  # which OpenCV does not regard in grey pictures
        codes = _from_limited_range(codes, bits)
    decoded = as_full_range(codes, bits)
    alpha = decoded[..., 3] if decoded.shape[2] == 4 else None
    samples = three_channels(decoded[..., 0]) if grey else decoded[..., :3]
    return Stored(samples, alpha, grey, profile, coding=Coding(bits, properties.subsampled))


def _from_limited_range(codes: npt.NDArray[np.uint16], bits: int) -> npt.NDArray[np.uint16]:
    """Spread what video keeps between a sixteenth and nearly the end over all that there is."""
    black, steps = 16 << (bits - 8), 219 << (bits - 8)
    values = np.arange(1 << bits, dtype=np.int64) - black
    table = np.clip((values * ((1 << bits) - 1) + steps // 2) // steps, 0, (1 << bits) - 1)
    return np.take(table.astype(np.uint16), codes, mode="clip")


def _without_extension(packet: bytes, notes: list[str]) -> bytes:
    """The XMP packet without the promise of an extension, which is not there."""
    notes.append("its extended XMP data is damaged or missing and not kept")
    try:
        return xmp.without_extension(packet)
    except ValueError:
        return packet


def _check_picture(image: Image.Image, max_pixels: int, notes: list[str]) -> None:
    """Refuse a picture that is too large, and tell of further ones in the file."""
    check_size(image.width, image.height, max_pixels)
    if (number := getattr(image, "n_frames", 1)) > 1:
        notes.append(of_many(number))


def _open(data: bytes, name: SourceName) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=(name,))
    except UnidentifiedImageError as error:
        raise ValueError(f"it is no {name} file of a kind that is known") from error


def _read_channels(data: bytes, image: Image.Image) -> Stored:
    """Decode the pixels, by whichever library does it without loss."""
    profile = image.info.get("icc_profile")
    if image.format == "PNG" and data[24] == 16:  # bit depth, in the header chunk
        return _read_deep_png(data, profile)

    try:
        image.load()
    except OSError as error:
        raise ValueError(f"the file is damaged ({error})") from error
    if image.mode == "CMYK":
        return Stored(np.asarray(image), icc_profile=profile, inks=True)
    if image.mode not in ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "YCbCr"):
        raise ValueError(f"its kind of pixels ({image.mode}) is not supported; save it as RGB")
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        return Stored(rgba[..., :3], rgba[..., 3], grey, profile)
    samples: Samples
    if grey:
        samples = three_channels(np.asarray(image.convert("L")))
    else:
        samples = np.asarray(image.convert("RGB") if image.mode != "RGB" else image)
    if image.format in ("JPEG", "MPO") and _is_cut_short(data, samples):
        raise ValueError("the file ends early")
    return Stored(samples, None, grey, profile)


def _read_deep_png(data: bytes, profile: bytes | None) -> Stored:
    decoded = decode_deep(data)
    grey = data[25] in (0, 4)  # colour type: grey, or grey with alpha
    alpha = decoded[..., 3] if decoded.shape[2] == 4 else None
    clear = np.frombuffer(png.early_chunk(data, b"tRNS") or b"", ">u2")  # a colour
    if alpha is None and len(clear) == decoded.shape[2]:
        alpha = np.where((decoded == clear).all(axis=-1), 0, 65535).astype(np.uint16)
    samples = three_channels(decoded[..., 0]) if decoded.shape[2] == 1 else decoded[..., :3]
    return Stored(samples, alpha, grey, profile)


def _is_cut_short(data: bytes, pixels: Samples) -> bool:
    """Whether a JPEG file lacks a part of its data although it has an end marker.

    libjpeg then fills the rest with mid grey, and its warning gets lost in Pillow. Where the
    picture ends in exactly that grey, it is decoded again with some bytes of rubbish before the
    end marker: a whole picture does not get to read them.
    """
    if (pixels[-1, -8:] != 128).any():
        return False
    position = 2
    while data[position + 1] != 0xDA:  # the segments before the compressed data
        if data[position + 1] == 0xFF:  # any number of these may stand before a marker
            position += 1
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    end = data.find(b"\xff\xd9", position)
    rubbish = bytes(range(1, 255)) * 16
    with Image.open(io.BytesIO(data[:end] + rubbish + data[end:]), formats=("JPEG",)) as again:
        return not np.array_equal(np.asarray(again.convert("RGB")), pixels)


def _bytes(value: object) -> bytes | None:
    """A block of metadata; None where it is none, or of a type that makes no sense."""
    return value if isinstance(value, bytes) else None


def _turned(samples: Samples, orientation: int | None) -> Samples:
    """A view of stored samples, turned upright.

    Args:
        samples: H W or H W C.
        orientation: 1 to 8 as EXIF defines it.
    """
    if orientation in _TURNING:
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples
