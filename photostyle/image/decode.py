"""From the bytes of a photo file to its samples and metadata.

Pillow reads containers, metadata and 8-bit samples. 16-bit samples come from OpenCV, because
Pillow turns them into 8-bit ones.
"""

from __future__ import annotations

import io
import math
import re
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from photostyle.image import exif, littlecms, png
from photostyle.image.formats import FORMATS, FormatName

if TYPE_CHECKING:
    from collections.abc import Iterator

Samples = npt.NDArray[np.uint8 | np.uint16]

# Pillow keeps its size limit, and Python its warning filters, in globals. They are changed for the
# time of one decoding and put back, so only one thread at a time may do that.
_GLOBALS = threading.Lock()

# Naming these two classes imports their plugins, so that Image.open need not load all there are.
_PLUGINS = (TiffImageFile, WebPImageFile)

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>))([1-8])(?=[\"'<])")

_TIFF_HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # with a plus: BigTIFF

_IPTC_RESOURCE = 0x0404  # of Photoshop's segment in a JPEG file
_IPTC_TAG = 0x83BB  # of a TIFF file

_BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA, _FORMAT = 258, 262, 277, 284, 338, 339
_KIND_OF_PICTURE, _DNG_VERSION = 254, 50706
_STRIPS, _TILES = (273, 279), (324, 325)  # offsets and byte counts
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Decoded:
    """A photo as its file holds it, but upright."""

    format: FormatName
    """The file's format."""

    samples: Samples
    """H W 3, in the colours of the profile; uint16 where the file has 16 bits. Maybe a view."""

    alpha: Samples | None
    """H W of the same type, not multiplied into the samples. Maybe a view."""

    grey: bool
    """Whether the three channels are copies of a single one."""

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

    warnings: tuple[str, ...]
    """What could not be kept."""


class _Channels(NamedTuple):
    """Samples as stored, not yet upright."""

    samples: Samples
    alpha: Samples | None
    grey: bool
    icc_profile: bytes | None


class _Metadata(NamedTuple):
    """Metadata as stored, not yet upright."""

    exif: bytes | None
    xmp: bytes | None
    iptc: bytes | None


def decode(data: bytes, max_pixels: int) -> Decoded:
    """Decode a photo file.

    Args:
        data: The whole file.
        max_pixels: A header that claims more pixels than this is refused before any decoding.

    Raises:
        ValueError: The file is damaged, too large or of an unsupported kind.
        Exception: Anything else that decoders raise on damaged files.
    """
    notes: list[str] = []
    orientation = None
    if data[:4] in _TIFF_HEADERS:
        orientation = exif.orientation(data)
        if orientation not in (None, 1):
            # Decoders differ in whether they turn TIFF pictures by themselves. Now none does.
            data = exif.upright(data)

    with _globals(max_pixels, notes), _open(data) as image:
        if image.width * image.height > max_pixels:
            raise ValueError(_too_large(max_pixels))
        if getattr(image, "is_animated", False):
            notes.append("it holds several pictures, of which only the first is kept")
        metadata = _read_metadata(data, image, notes)
        dpi = _dpi(image.info.get("dpi"))
        channels = _read_channels(data, image, notes)
        name = cast("FormatName", "JPEG" if image.format == "MPO" else image.format)

    block, xmp, iptc = metadata
    if block:
        block = block.removeprefix(b"Exif\0\0")  # JPEG's, which other formats sometimes copy
        try:
            orientation = orientation or exif.orientation(block)
            block = exif.without_thumbnail(exif.upright(block))
        except ValueError:
            notes.append("its EXIF data is damaged and not kept")
            block = None
    if xmp:
        stated = _XMP_ORIENTATION.search(xmp)
        if orientation is None and stated:
            orientation = int(stated[2])
        xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
        if b"HasExtendedXMP" in xmp:
            notes.append("its extended XMP data is not kept")
    return Decoded(
        format=name,
        samples=_turned(channels.samples, orientation),
        alpha=None if channels.alpha is None else _turned(channels.alpha, orientation),
        grey=channels.grey,
        icc_profile=channels.icc_profile,
        exif=block,
        xmp=xmp,
        iptc=iptc,
        dpi=dpi[::-1] if dpi and orientation in (5, 6, 7, 8) else dpi,
        warnings=tuple(notes),
    )


@contextmanager
def _globals(max_pixels: int, notes: list[str]) -> Iterator[None]:
    """Let Pillow open files of up to `max_pixels`, and turn its warnings into notes."""
    with _GLOBALS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        limit = Image.MAX_IMAGE_PIXELS
        # Pillow refuses what has more than twice this and warns before.
        Image.MAX_IMAGE_PIXELS = (max_pixels + 1) // 2
        try:
            yield
        except Image.DecompressionBombError as error:
            raise ValueError(_too_large(max_pixels)) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit
            notes.extend(
                str(warning.message)
                for warning in caught
                if warning.category is not Image.DecompressionBombWarning
            )


def _too_large(max_pixels: int) -> str:
    return f"it has more than {max_pixels / 1e6:g} megapixels; raise --max-pixels if that is right"


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=tuple(FORMATS))
    except UnidentifiedImageError as error:
        raise ValueError(
            "it is no JPEG, PNG, TIFF or WebP photo of a kind that is known"
        ) from error


def _read_metadata(data: bytes, image: Image.Image, notes: list[str]) -> _Metadata:
    """What the file stores beside the pixels and their profile, as it is."""
    if image.format == "PNG":
        return _Metadata(*png.metadata(data), None)
    xmp = image.info.get("xmp")
    if not isinstance(xmp, bytes):
        xmp = None
    if isinstance(image, TiffImageFile):
        _check_tiff(data, image)
        try:
            block = exif.from_tiff(data)
        except ValueError:
            notes.append("its EXIF data is damaged and not kept")
            block = None
        return _Metadata(block, xmp, exif.raw_value(data, _IPTC_TAG))
    iptc = image.info.get("photoshop", {}).get(_IPTC_RESOURCE)
    return _Metadata(image.info.get("exif"), xmp, iptc)


def _read_channels(data: bytes, image: Image.Image, notes: list[str]) -> _Channels:
    """Decode the pixels, by whichever library does it without loss."""
    if isinstance(image, TiffImageFile):
        bits = image.tag_v2.get(_BITS, (1,))
        if max(bits) > 8 and image.mode != "CMYK":
            return _deep_tiff_channels(data, image)
    elif image.format == "PNG" and data[24] == 16:  # bit depth, in the header chunk
        samples, alpha = _split(_decode_deep(data))
        grey = data[25] in (0, 4)  # colour type: grey, or grey with alpha
        return _Channels(samples, alpha, grey, image.info.get("icc_profile"))

    image.load()
    profile = image.info.get("icc_profile")
    if image.mode == "CMYK":
        return _Channels(np.asarray(_cmyk_to_rgb(image, profile, notes)), None, False, None)
    if image.mode not in ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "YCbCr"):
        raise ValueError(f"its kind of pixels ({image.mode}) is not supported; save it as RGB")
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        return _Channels(rgba[..., :3], rgba[..., 3], grey, profile)
    if grey:
        samples = _grey(np.asarray(image.convert("L")))
    else:
        samples = np.asarray(image.convert("RGB") if image.mode != "RGB" else image)
    if image.format in ("JPEG", "MPO") and _is_cut_short(data, samples):
        raise ValueError("the file ends early")
    return _Channels(samples, None, grey, profile)


def _deep_tiff_channels(data: bytes, image: TiffImageFile) -> _Channels:
    tags = image.tag_v2
    photometric, extra = tags.get(_PHOTOMETRIC), tags.get(_EXTRA, ())
    if (
        set(tags[_BITS]) != {16}
        or set(tags.get(_FORMAT, (1,))) != {1}
        or tags.get(_PLANAR, 1) != 1
        or (photometric, tags.get(_SAMPLES, 1))
        not in ((_WHITE_IS_ZERO, 1), (_BLACK_IS_ZERO, 1), (_RGB, 3), (_RGB, 4))
    ):
        raise ValueError(
            "this kind of TIFF is not supported; save it with 8 or 16 bits a channel, interleaved"
        )
    samples, alpha = _split(_decode_deep(data))
    if photometric == _WHITE_IS_ZERO:
        samples = np.iinfo(samples.dtype).max - samples
    if alpha is not None and extra[:1] == (0,):
        alpha = None
    elif alpha is not None and extra[:1] == (1,):
        samples = _divide_by_alpha(samples, alpha)
    return _Channels(samples, alpha, photometric != _RGB, image.info.get("icc_profile"))


def _decode_deep(data: bytes) -> npt.NDArray[np.uint16]:
    """Decode a 16-bit PNG or TIFF: H W, or H W C with blue first."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise ValueError("the file is damaged")
    if decoded.dtype != np.uint16:
        raise ValueError("its kind of pixels is not supported; save it as RGB")
    return cast("npt.NDArray[np.uint16]", decoded)


def _split(decoded: npt.NDArray[np.uint16]) -> tuple[Samples, Samples | None]:
    """Samples and alpha of what OpenCV decoded."""
    if decoded.ndim == 2:
        return _grey(decoded), None
    alpha = decoded[..., 3].copy() if decoded.shape[2] == 4 else None
    code = cv2.COLOR_BGR2RGB if alpha is None else cv2.COLOR_BGRA2RGB
    return cast("Samples", cv2.cvtColor(decoded, code)), alpha


def _grey(samples: Samples) -> Samples:
    """The same channel three times, without copying it."""
    return np.broadcast_to(samples[..., None], (*samples.shape, 3))


def _divide_by_alpha(samples: Samples, alpha: Samples) -> Samples:
    """Undo a multiplication of the samples with alpha."""
    top = np.iinfo(samples.dtype).max
    result = np.empty_like(samples)
    for row, (colours, opacity) in enumerate(zip(samples, alpha, strict=True)):
        divisor = np.maximum(opacity, 1)[:, None].astype(np.float32)
        result[row] = np.minimum(colours * np.float32(top) / divisor + np.float32(0.5), top)
    return result


def _cmyk_to_rgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    if profile:
        try:
            converted = littlecms.to_srgb(image, profile)
        except ValueError:
            notes.append("its CMYK profile cannot be used; the colours are a rough guess")
        else:
            notes.append("it was converted from CMYK to sRGB; its profile is not kept")
            return converted
    else:
        notes.append("it was converted from CMYK without a profile; the colours are a rough guess")
    return image.convert("RGB")


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


def _check_tiff(data: bytes, image: TiffImageFile) -> None:
    """Refuse a TIFF file that only holds a preview of a camera's raw data, or has lost its end.

    Raises:
        ValueError: It is one of these.
    """
    tags = image.tag_v2
    if tags.get(_KIND_OF_PICTURE, 0) & 1 or _DNG_VERSION in tags or data[8:10] == b"CR":
        raise ValueError("it is a camera raw file; develop it into a TIFF or JPEG first")
    for offsets, counts in (_STRIPS, _TILES):
        ends = map(sum, zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False))
        if max(ends, default=0) > len(data):
            raise ValueError("the file ends early")


def _dpi(stated: Any) -> tuple[float, float] | None:
    """The resolution a file states, None where it makes no sense."""
    if not stated:
        return None
    x, y = float(stated[0]), float(stated[1])
    sensible = math.isfinite(x) and math.isfinite(y) and x > 0 and y > 0
    return (x, y) if sensible else None


def _turned(samples: Samples, orientation: int | None) -> Samples:
    """A view of stored samples, turned upright.

    Args:
        samples: H W or H W C.
        orientation: 1 to 8 as EXIF defines it.
    """
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples
