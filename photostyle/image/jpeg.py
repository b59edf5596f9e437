"""What JPEG files say besides their pixels, as Pillow finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from photostyle.image import iptc, xmp, xmp_extension
from photostyle.image.resolution import sensible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL import Image


_UNITS = (1, 2)  # of JFIF's density: inches and centimetres; others are none


class JpegMetadata(TypedDict):
    """Metadata of a JPEG file, by the names of the fields of `Stored`."""

    exif: bytes | None
    xmp: bytes | None
    iptc: bytes | None
    dpi: tuple[float, float] | None


def jpeg_metadata(image: Image.Image, notes: list[str]) -> JpegMetadata:
    """The metadata of an open JPEG file, with the extension of its XMP packet.

    The resolution is that of the JFIF segment; there may be one in the EXIF block.

    Args:
        image: The file.
        notes: Filled with what cannot be kept.
    """
    # Without JFIF's Pillow takes EXIF's, the one across for both, and 72 where that has none.
    stated = image.info.get("jfif_unit") in _UNITS
    return JpegMetadata(
        exif=image.info.get("exif"),
        xmp=_with_extension(image.info.get("xmp"), getattr(image, "applist", ())),
        iptc=image.info.get("photoshop", {}).get(iptc.RESOURCE),
        dpi=sensible(image.info.get("dpi") if stated else None, notes),
    )


def _with_extension(packet: bytes | None, segments: Iterable[tuple[str, bytes]]) -> bytes | None:
    """The XMP packet of a JPEG file joined with its extension, if it has one that is whole."""
    if not packet or b"HasExtendedXMP" not in packet:
        return packet
    try:
        extension = xmp_extension.extension_of(packet, (content for _, content in segments))
        return xmp.joined(packet, extension)
    except ValueError:
        return packet
