"""The chunks of a PNG file.

Reference: Portable Network Graphics, third edition (W3C, 2025), sections 5 and 11.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_LONGEST_XMP = 1 << 26  # inflated, in bytes: a guard against zip bombs


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Type and payload of every chunk; damaged ones that a reader can do without are left out.

    Raises:
        ValueError: The file ends early, or a chunk is damaged that a reader cannot do without.
    """
    view = memoryview(data)
    position = len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if position + 12 > len(data):
            raise ValueError("the file ends early")
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            raise ValueError("the file ends early")
        (checksum,) = struct.unpack_from(">I", data, end)
        if checksum == zlib.crc32(view[position + 4 : end]):
            yield kind, view[position + 8 : end]
        elif kind[:1].isupper():
            raise ValueError(f"its {kind.decode('latin-1')} chunk is damaged")
        position = end + 4


def metadata(data: bytes) -> tuple[bytes | None, bytes | None]:
    """EXIF block and XMP packet of a PNG file, before or after the pixels.

    Raises:
        ValueError: See `chunks`.
    """
    exif = xmp = None
    for kind, payload in chunks(data):
        if kind == b"eXIf":
            exif = bytes(payload)
        elif kind == b"iTXt" and payload[: len(_XMP_KEYWORD) + 1] == _XMP_KEYWORD + b"\0":
            compressed = payload[len(_XMP_KEYWORD) + 1] == 1
            # Two flags, then a language and a translated keyword that end in a zero byte each.
            text = bytes(payload[len(_XMP_KEYWORD) + 3 :]).split(b"\0", 2)[-1]
            xmp = zlib.decompressobj().decompress(text, _LONGEST_XMP) if compressed else text
    return exif, xmp


def early_chunk(data: bytes, wanted: bytes) -> bytes | None:
    """The payload of the first chunk of a kind that stands before the pixels, if there is one.

    Raises:
        ValueError: See `chunks`.
    """
    for kind, payload in chunks(data):
        if kind == wanted:
            return bytes(payload)
        if kind == b"IDAT":
            break
    return None


def with_chunks(
    encoded: bytes | memoryview,
    *,
    icc_profile: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
) -> bytes:
    """A PNG file with metadata put in front of its pixels.

    Args:
        encoded: A PNG file without metadata.
        icc_profile: Colour profile.
        exif: EXIF block.
        xmp: XMP packet.
        dpi: Horizontal and vertical resolution in pixels per inch.
    """
    parts = []
    if icc_profile:
        parts.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile)))
    if dpi:
        per_metre = (round(value / 0.0254) for value in dpi)
        parts.append(_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if exif:
        parts.append(_chunk(b"eXIf", exif))
    if xmp:
        parts.append(_chunk(b"iTXt", _XMP_KEYWORD + bytes(5) + xmp))
    end_of_header = len(SIGNATURE) + 25
    return b"".join((encoded[:end_of_header], *parts, encoded[end_of_header:]))


def _chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)
