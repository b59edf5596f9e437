"""JPEG XL files, by the packages pillow-jxl-plugin and, of more than 8 bits, imagecodecs."""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from photostyle.image.formats import JXL
from photostyle.image.icc import srgb_to_linear
from photostyle.image.isobmff import top_boxes
from photostyle.image.jpeg import jpeg_metadata
from photostyle.image.jpeg_tail import lost_tail
from photostyle.image.jxl_header import CONTAINER, read_jxl_header, with_srgb_curve
from photostyle.image.optional import optional_module
from photostyle.image.rounding import as_full_range, as_uint16
from photostyle.image.stored import Samples, Stored, check_size, three_channels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photostyle.image.jxl_header import JxlHeader
    from photostyle.image.photo import Photo

_TYPES = {"L": np.uint8, "LA": np.uint8, "RGB": np.uint8, "RGBA": np.uint8, "I;16": np.uint16}
_TIFF_OFFSET = 4  # bytes before the TIFF header of the Exif box
_EFFORT = 4  # the default, 7, takes eight times as long and saves nothing on photos
_NEEDED = "JPEG XL photos need another package"


def _package() -> Any:
    return optional_module("pillow_jxl", "jxl", _NEEDED)


def _other_package() -> Any:
    return optional_module("imagecodecs", "jxl", _NEEDED)


def read_jxl(data: bytes, max_pixels: int, notes: list[str]) -> Stored:
    """Decode a JPEG XL file; of 9 to 16 bits a channel to 16 bits.

    Args:
        data: The file.
        max_pixels: A header that claims more pixels is refused before decoding.
        notes: Filled with what cannot be kept.

    Raises:
        ValueError: The file is damaged, too large or of an unsupported kind, or one of the packages
            is not installed.
    """
    package = _package()
    header = read_jxl_header(data)
    # Decoders have memory for all channels. Photos have up to four.
    check_size(header.width * max(4, 3 + header.further) // 4, header.height, max_pixels)
    try:
        is_jpeg, info, pixels, profile, boxes = package.Decoder(num_threads=-1)(data)
    except (RuntimeError, OSError) as error:
        raise ValueError("the file is damaged") from error
    if is_jpeg:
        return _read_jpeg(pixels, notes)
    channels = info.num_channels + info.has_alpha_channel
    shape = info.height, info.width, channels
    decoded = None
    if header.bits > 8 or header.animated:
        decoded = _first_samples(data, header, shape, notes)
    if header.animated:
        which = "last" if decoded is None else "first"
        notes.append(f"it holds several pictures: the {which} is kept, all others left out")
    if decoded is None and info.mode not in _TYPES:
        raise ValueError(f"its kind of pixels ({info.mode}) is not supported; save it as RGB")
    if decoded is None:
        decoded = np.frombuffer(pixels, _TYPES[info.mode]).reshape(shape)
        if header.bits > 8 and decoded.dtype == np.uint8:
            notes.append(f"its {header.bits} bits a channel were reduced to 8")
    return Stored(
        three_channels(decoded[..., 0]) if channels < 3 else decoded[..., :3],
        decoded[..., -1] if channels in (2, 4) else None,
        channels < 3,
        profile or None,
        **_metadata(boxes, header),
    )


def _first_samples(
    data: bytes, header: JxlHeader, shape: tuple[int, int, int], notes: list[str]
) -> Samples | None:
    """The samples of the first picture, in as many bits as they have.

    Pillow's decoder gives those of the last, and for colours 8 bits.

    Args:
        data: A file that is not damaged.
        header: Its header.
        shape: H W C of its colours and alpha.
        notes: Filled with what cannot be kept.

    Returns:
        Of that shape, uint8, uint16 or float32; None where they cannot be decoded, as where there
        are further channels or more bits than 16 that are not of floating point.
    """
    if header.further > 1 or (header.bits > 16 and not header.floating):
        return None
    package = _other_package()
    try:
        decoded = package.jpegxl_decode(data, index=0)
    except (RuntimeError, ValueError):
        return None
    if decoded.size != shape[0] * shape[1] * shape[2]:
        return None
    samples: npt.NDArray[Any] = decoded.reshape(shape)
    if samples.dtype == np.uint8:
        return samples if header.bits == 8 else None
    if samples.dtype == np.uint16:
        return samples if header.bits == 16 else as_full_range(samples, header.bits)
    if not header.floating:
        return None
    samples = samples.astype(np.float32, copy=False)
    if not np.isfinite(samples).all():
        notes.append("it has values that are no numbers, which became black")
        np.nan_to_num(samples, copy=False, posinf=0, neginf=0)
    return samples


class _Metadata(TypedDict):
    exif: bytes | None
    xmp: bytes | None
    orientation: int
    turned: bool


def _metadata(boxes: Iterable[Any], header: JxlHeader) -> _Metadata:
    contents = {box.box_type: bytes(box.data) for box in boxes}
    exif = contents.get(b"Exif")
    if exif and exif[_TIFF_OFFSET : _TIFF_OFFSET + 2] in (b"II", b"MM"):
        exif = exif[_TIFF_OFFSET:]
    # libjxl turns the picture as the codestream says; EXIF only repeats that.
    return _Metadata(
        exif=exif or None,
        xmp=contents.get(b"xml ") or None,
        orientation=1,
        turned=header.orientation in (5, 6, 7, 8),
    )


def _read_jpeg(data: bytes, notes: list[str]) -> Stored:
    """What was a JPEG file before, and is again."""
    with JpegImageFile(io.BytesIO(data)) as image:
        if tail := lost_tail(data):
            notes.append(tail)
        return Stored(
            np.asarray(image.convert("RGB")),
            None,
            image.mode == "L",
            image.info.get("icc_profile"),
            **jpeg_metadata(image, notes),
        )


def encode_jxl(samples: Samples, photo: Photo, quality: int) -> bytes:
    """Encode H W C, uint8 or uint16, grey or RGB, maybe with alpha, in sRGB as JPEG XL.

    Raises:
        ValueError: A package is not installed, or fails.
    """
    if samples.dtype == np.uint16:
        return _encode_deep(samples.view(np.uint16), photo, quality)
    _package()
    buffer = io.BytesIO()
    try:
        Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples).save(
            buffer,
            JXL.name,
            quality=quality,
            lossless=quality == 100,
            effort=_EFFORT,
            exif=_exif(photo),
            xmp=photo.xmp or b"",
        )
    except RuntimeError as error:
        raise ValueError("JPEG XL encoding failed") from error
    return buffer.getvalue()


def _exif(photo: Photo) -> bytes:
    """The payload of a box for EXIF."""
    return bytes(_TIFF_OFFSET) + photo.exif if photo.exif else b""


def _encode_deep(samples: npt.NDArray[np.uint16], photo: Photo, quality: int) -> bytes:
    """Encode H W C of 16 bits.

    The encoder takes them for linear, and says so in the file. So it gets linear ones, if it is to
    know which losses are seen, and the file is made to say that they are to be decoded to sRGB.
    """
    package = _other_package()
    lossless = quality == 100
    coded = samples if lossless else _linear(samples)
    try:
        encoded = package.jpegxl_encode(
            coded[..., 0] if coded.shape[2] == 1 else coded,
            level=quality,
            lossless=lossless,
            effort=_EFFORT,
            numthreads=0,  # as many as there are processors
        )
        boxes = {b"JXL ": CONTAINER[8:], b"ftyp": b"jxl \0\0\0\0jxl ", b"jxlc": encoded}
        if encoded.startswith(CONTAINER):
            boxes = {kind: encoded[start:end] for kind, start, end in top_boxes(encoded)}
        codestream = with_srgb_curve(boxes.pop(b"jxlc"))
    except (RuntimeError, ValueError, KeyError) as error:
        raise ValueError("JPEG XL encoding failed") from error
    further = {b"Exif": _exif(photo), b"xml ": photo.xmp or b"", b"jxlc": codestream}
    return b"".join(_box(kind, payload) for kind, payload in (boxes | further).items())


def _box(kind: bytes, payload: bytes) -> bytes:
    """A box; nothing if it is to be empty."""
    return struct.pack(">I4s", 8 + len(payload), kind) + payload if payload else b""


def _linear(samples: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Linear samples of those in the encoding of sRGB, H W C, but for alpha."""
    colours = samples.shape[2] - (samples.shape[2] % 2 == 0)
    linear = samples.copy()
    linear[..., :colours] = np.take(_linear_codes(), samples[..., :colours])
    return linear


@cache
def _linear_codes() -> npt.NDArray[np.uint16]:
    """By code of 16 bits in the encoding of sRGB: the one of linear light."""
    return as_uint16(srgb_to_linear(np.linspace(0, 1, 1 << 16, dtype=np.float32)))
