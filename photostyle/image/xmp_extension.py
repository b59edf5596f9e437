"""Extended XMP: what a JPEG file holds of a packet that is too long for one segment.

Reference: XMP Specification Part 3, Storage in Files (Adobe, 2020), section 1.1.3.1.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from photostyle.image import xmp

if TYPE_CHECKING:
    from collections.abc import Iterable

_IDENTIFIER = b"http://ns.adobe.com/xmp/extension/\0"
_PART = 65_000  # bytes of the extension in a segment, which has room for 65,533
_HEADER = struct.Struct(">32sII")  # digest, length of the extension, offset in it


def extension_of(packet: bytes, segments: Iterable[bytes]) -> bytes:
    """The extension of a packet, put together.

    Args:
        packet: The XMP packet, which tells the extension's digest.
        segments: Contents of the file's application segments, without their markers and lengths.

    Raises:
        ValueError: The packet or the extension is damaged, or a part of it is missing.
    """
    digest = (xmp.extension_digest(packet) or b"").upper()
    parts: dict[int, bytes] = {}
    start = len(_IDENTIFIER) + _HEADER.size
    for segment in segments:
        if segment.startswith(_IDENTIFIER) and len(segment) > start:
            stated, _, offset = _HEADER.unpack_from(segment, len(_IDENTIFIER))
            if stated.upper() == digest:
                parts[offset] = segment[start:]
    extension = b"".join(part for _, part in sorted(parts.items()))
    # The digest is right only if every part is there, once and in its place.
    if hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode() != digest:
        raise ValueError("its extension is damaged")
    return extension


def segments_of(extension: bytes) -> bytes:
    """The extension of a packet as segments of a JPEG file, one after the other."""
    digest = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    segments = []
    for start in range(0, len(extension), _PART):
        part = _IDENTIFIER + _HEADER.pack(digest, len(extension), start)
        part += extension[start : start + _PART]
        segments.append(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part)
    return b"".join(segments)
