"""What JPEG files say besides their pixels, as Pillow finds it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict

from photostyle.image import iptc, xmp, xmp_extension
from photostyle.image.resolution import sensible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL import Image


_UNITS = (1, 2)  # of JFIF's density: inches and centimetres; others are none

# Beginnings of the application segments whose contents are kept, told of elsewhere, or made anew;
# and of one that is in every photo of some phones and speaks of the encoding alone.
_KNOWN_SEGMENTS = (
    b"JFIF\0", b"JFXX\0", b"Exif\0", b"http://ns.adobe.com/", b"ICC_PROFILE\0", b"Photoshop 3.0\0",
    b"Adobe", b"MPF\0", b"Ducky", b"AROT\0",
)  # fmt: skip

_OWNER = re.compile(rb"[A-Za-z][A-Za-z0-9 _.-]{1,15}")
_MOST_OWNERS = 5

NO_PATHS = "its clipping paths are not kept"
"""What to tell of a photo that Photoshop has drawn paths in."""

NO_RIGHTS = "its copyright flag and URL, as Photoshop keeps them, are not kept"
"""What to tell of a photo of which nothing else says that it is protected."""


class JpegMetadata(TypedDict):
    """Metadata of a JPEG file, by the names of the fields of `Stored`."""

    exif: bytes | None
    xmp: bytes | None
    iptc: bytes | None
    dpi: tuple[float, float] | None
    comments: tuple[bytes, ...]


def jpeg_metadata(image: Image.Image, notes: list[str]) -> JpegMetadata:
    """The metadata of an open JPEG file, with the extension of its XMP packet.

    The resolution is that of the JFIF segment; there may be one in the EXIF block.

    Args:
        image: The file.
        notes: Filled with what cannot be kept.
    """
    found = getattr(image, "applist", ())
    segments = [content for name, content in found if name != "COM"]
    # A block that is too long for one segment goes on in the next.
    photoshop = b"".join(
        content.removeprefix(iptc.SEGMENT_HEADER)
        for content in segments
        if content.startswith(iptc.SEGMENT_HEADER)
    )
    packet = _with_extension(image.info.get("xmp"), segments)
    if iptc.has_paths(photoshop):
        notes.append(NO_PATHS)
    if iptc.has_rights(photoshop, packet):
        notes.append(NO_RIGHTS)
    _tell_others(segments, notes)
    # Without JFIF's Pillow takes EXIF's, the one across for both, and 72 where that has none.
    stated = image.info.get("jfif_unit") in _UNITS
    return JpegMetadata(
        exif=image.info.get("exif"),
        xmp=packet,
        iptc=iptc.records_in_resources(photoshop),
        dpi=sensible(image.info.get("dpi") if stated else None, notes),
        comments=tuple(content for name, content in found if name == "COM" and content),
    )


def _tell_others(segments: Iterable[bytes], notes: list[str]) -> None:
    """Tell of what cameras and programs keep in segments of their own."""
    owners = set()
    for content in segments:
        if content and not content.startswith(_KNOWN_SEGMENTS):
            found = _OWNER.match(content)
            owners.add(found[0].decode().strip() if found else "unnamed")
    if owners:
        notes.append(
            "it has data that only its camera or program understands, which are not kept "
            f"({', '.join(sorted(owners)[:_MOST_OWNERS])})"
        )


def _with_extension(packet: bytes | None, segments: Iterable[bytes]) -> bytes | None:
    """The XMP packet of a JPEG file joined with its extension, if it has one that is whole."""
    if not packet or b"HasExtendedXMP" not in packet:
        return packet
    try:
        extension = xmp_extension.extension_of(packet, segments)
        return xmp.joined(packet, extension)
    except ValueError:
        return packet
