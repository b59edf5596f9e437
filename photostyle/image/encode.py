"""From samples and metadata to the bytes of a photo file: one function a format.

Each takes a photo for its metadata only, and the samples in the colours of its profile.
"""

from __future__ import annotations

import io
import secrets
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from photostyle.image import heif, iptc, jxl, opencv, png, png_grey, tiff, xmp, xmp_extension
from photostyle.image.formats import JPEG
from photostyle.image.photo import Photo
from photostyle.image.rounding import as_fewer_bits
from photostyle.image.stored import Samples

if TYPE_CHECKING:
    from photostyle.image.formats import FormatName

Encoder = Callable[[Samples, Photo, int], bytes | bytearray]


def encode_jpeg(samples: Samples, photo: Photo, quality: int) -> bytes:
    """Encode H W C uint8, grey, RGB or CMYK, as JPEG without subsampling of colours (4:4:4)."""
    packet, extension = photo.xmp, b""
    if packet and JPEG.longest_block and len(packet) > JPEG.longest_block:
        packet, extension = xmp.divided(packet, JPEG.longest_block)
    buffer = io.BytesIO()
    _image(samples, photo).save(
        buffer,
        "JPEG",
        quality=quality,
        subsampling="4:4:4",
        dpi=photo.dpi or (0, 0),
        exif=b"Exif\0\0" + photo.exif if photo.exif else b"",
        icc_profile=photo.icc_profile,
        xmp=packet,
    )
    encoded = buffer.getvalue()
    further = xmp_extension.segments_of(extension)
    if photo.iptc:
        further += _segment(0xED, iptc.SEGMENT_HEADER + iptc.resource_of(photo.iptc))
    further += b"".join(_segment(0xFE, comment) for comment in photo.comments)
    # Pillow writes none of these. They go behind the application segments that it writes.
    position = 2
    while 0xE0 <= encoded[position + 1] <= 0xEF:
        (length,) = struct.unpack_from(">H", encoded, position + 2)
        position += 2 + length
    return encoded[:position] + further + encoded[position:]


def _segment(marker: int, payload: bytes) -> bytes:
    """A segment of a JPEG file."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def encode_png(samples: Samples, photo: Photo, _quality: int) -> bytes:
    """Encode H W C, uint8 or uint16, grey or RGB, with or without alpha, as PNG."""
    if samples.shape[2] == 2:
        encoded = memoryview(png_grey.encode_grey_alpha(samples))
    else:
        # OpenCV's default compression looks for runs only: fast, and on photos just as good.
        try:
            encoded = cv2.imencode(".png", opencv.reordered(samples))[1].data
        except cv2.error as error:
            raise ValueError("PNG encoding failed") from error
    return png.with_chunks(
        encoded,
        icc_profile=photo.icc_profile,
        exif=photo.exif,
        xmp=photo.xmp,
        dpi=photo.dpi,
        iptc_records=photo.iptc,
    )


def encode_tiff(samples: Samples, photo: Photo, _quality: int) -> bytearray:
    """Encode H W C, uint8, uint16 or float32, grey, RGB or CMYK, maybe with alpha, as TIFF."""
    return tiff.encode_tiff(
        samples,
        inks=photo.is_cmyk,
        icc_profile=photo.icc_profile,
        exif_block=photo.exif,
        xmp=photo.xmp,
        iptc=photo.iptc,
        dpi=photo.dpi,
        further=photo.georeference,
    )


def _image(samples: Samples, photo: Photo) -> Image.Image:
    """Samples of 8 bits, H W C, for Pillow."""
    if photo.is_cmyk:
        return Image.fromarray(samples, "CMYK")
    return Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)


def encode_webp(samples: Samples, photo: Photo, quality: int) -> bytes:
    """Encode H W 3 or H W 4 uint8 as WebP, the colours with loss and alpha without."""
    buffer = io.BytesIO()
    Image.fromarray(samples).save(
        buffer,
        "WEBP",
        quality=quality,
        method=2,  # the default, 4, takes six times as long for files as large
        exif=photo.exif or b"",
        icc_profile=photo.icc_profile or b"",
        xmp=photo.xmp or b"",
    )
    return buffer.getvalue()


def encode_avif(samples: Samples, photo: Photo, quality: int) -> bytes:
    """Encode a photo as AVIF.

    The colours of 8 bits are not subsampled (4:4:4). Those of more are (4:2:0) unless the quality
    is 100, for the only encoder of these at hand does so.

    Args:
        samples: H W C, grey or RGB, with or without alpha; uint8, or uint16 for the bits a channel
            that the photo's coding tells.
        photo: The photo.
        quality: 1 to 100.

    Raises:
        ValueError: The encoder fails.
    """
    if samples.dtype == np.uint16 and photo.coding:
        return _encode_deep_avif(
            as_fewer_bits(samples.view(np.uint16), photo.coding.bits), photo, quality
        )
    buffer = io.BytesIO()
    # Pillow would take the EXIF block apart and write it anew, which moves maker notes. So it gets
    # a block of the same length with nothing in it, which is replaced afterwards.
    length = len(photo.exif or b"")
    blank = (b"II*\0\x08\0\0\0\0\0" + bytes(4) + secrets.token_bytes(length))[:length]
    _image(samples, photo).save(
        buffer,
        "AVIF",
        quality=quality,
        subsampling="4:0:0" if photo.grey else "4:4:4",
        speed=_AVIF_SPEED,
        exif=blank,
        icc_profile=photo.icc_profile,
        xmp=photo.xmp or b"",
    )
    encoded = buffer.getvalue()
    if photo.exif is None:
        return encoded
    before, found, after = encoded.partition(blank)
    if not found:
        raise ValueError("AVIF encoding failed")
    return before + photo.exif + after


_AVIF_SPEED = 9  # the default, 6, takes five times as long and saves a tenth


def _encode_deep_avif(codes: npt.NDArray[np.uint16], photo: Photo, quality: int) -> bytes:
    """Encode H W C, values in the lower bits, as AVIF of 10 or 12 bits."""
    assert photo.coding  # noqa: S101 - or else it would not have been called
    if codes.shape[2] == 2:
        codes = codes[..., [0, 0, 0, 1]]
    blocks = {
        cv2.IMAGE_METADATA_EXIF: photo.exif,
        cv2.IMAGE_METADATA_XMP: photo.xmp,
        cv2.IMAGE_METADATA_ICCP: photo.icc_profile,
    }
    given = {kind: np.frombuffer(block, np.uint8) for kind, block in blocks.items() if block}
    options = [cv2.IMWRITE_AVIF_DEPTH, photo.coding.bits, cv2.IMWRITE_AVIF_QUALITY, quality]
    options += [cv2.IMWRITE_AVIF_SPEED, _AVIF_SPEED]
    try:
        _, encoded = cv2.imencodeWithMetadata(
            ".avif", opencv.reordered(codes), list(given), list(given.values()), options
        )
    except cv2.error as error:
        raise ValueError(
            "this OpenCV writes no AVIF of more than 8 bits; choose another format"
        ) from error
    return encoded.tobytes()


ENCODERS: dict[FormatName, Encoder] = {
    "JPEG": encode_jpeg,
    "PNG": encode_png,
    "TIFF": encode_tiff,
    "WEBP": encode_webp,
    "AVIF": encode_avif,
    "HEIF": heif.encode_heif,
    "JXL": jxl.encode_jxl,
}
"""The encoder of each format: samples, photo and quality in, the file's bytes out."""
