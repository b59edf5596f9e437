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
from PIL import Image

from photostyle.image import heif, iptc, jxl, png, tiff, xmp, xmp_extension
from photostyle.image.formats import JPEG
from photostyle.image.photo import Photo
from photostyle.image.stored import Samples

if TYPE_CHECKING:
    from photostyle.image.formats import FormatName

Encoder = Callable[[Samples, Photo, int], bytes | bytearray]


def encode_jpeg(samples: Samples, photo: Photo, quality: int) -> bytes:
    """Encode H W 3 uint8 as JPEG without subsampling of the colours (4:4:4)."""
    packet, extension = photo.xmp, b""
    if packet and JPEG.longest_block and len(packet) > JPEG.longest_block:
        packet, extension = xmp.divided(packet, JPEG.longest_block)
    buffer = io.BytesIO()
    Image.fromarray(samples).save(
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
    """Encode H W 3 or H W 4, uint8 or uint16, as PNG."""
    code = cv2.COLOR_RGBA2BGRA if samples.shape[2] == 4 else cv2.COLOR_RGB2BGR
    # OpenCV's default compression looks for runs only: fast, and on photos just as good.
    try:
        _, encoded = cv2.imencode(".png", cv2.cvtColor(samples, code))
    except cv2.error as error:
        raise ValueError("PNG encoding failed") from error
    return png.with_chunks(
        encoded.data,
        icc_profile=photo.icc_profile,
        exif=photo.exif,
        xmp=photo.xmp,
        dpi=photo.dpi,
        iptc_records=photo.iptc,
    )


def encode_tiff(samples: Samples, photo: Photo, _quality: int) -> bytearray:
    """Encode H W 3 or H W 4, uint8, uint16 or float32, as TIFF."""
    return tiff.encode_tiff(
        samples,
        icc_profile=photo.icc_profile,
        exif_block=photo.exif,
        xmp=photo.xmp,
        iptc=photo.iptc,
        dpi=photo.dpi,
        further=photo.georeference,
    )


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
    """Encode H W 3 or H W 4 uint8 as AVIF without subsampling of the colours (4:4:4)."""
    buffer = io.BytesIO()
    # Pillow would take the EXIF block apart and write it anew, which moves maker notes. So it gets
    # a block of the same length with nothing in it, which is replaced afterwards.
    length = len(photo.exif or b"")
    blank = (b"II*\0\x08\0\0\0\0\0" + bytes(4) + secrets.token_bytes(length))[:length]
    Image.fromarray(samples).save(
        buffer,
        "AVIF",
        quality=quality,
        subsampling="4:4:4",
        speed=9,  # the default, 6, takes five times as long and saves a tenth
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
