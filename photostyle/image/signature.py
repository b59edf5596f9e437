"""What a file is, told by its first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.image.formats import SourceName

SIGNATURE_BYTES = 64
"""How many bytes of a file tell what it is."""

TIFF_HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""With a plus: BigTIFF."""

_BEGINNINGS: tuple[tuple[bytes, SourceName], ...] = (
    (b"\xff\xd8", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\x0a", "JXL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
    (b"FUJIFILMCCD-RAW", "RAW"),
    (b"IIU\0", "RAW"),  # Panasonic
    (b"IIRO", "RAW"),  # Olympus
    (b"IIRS", "RAW"),
    (b"MMOR", "RAW"),
    (b"FOVb", "RAW"),  # Sigma
    (b"\0MRM", "RAW"),  # Minolta
    (b"II\x1a\0\0\0HEAPCCDR", "RAW"),  # Canon's first
    *((header, "TIFF") for header in TIFF_HEADERS),
)

_HEVC_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
)  # fmt: skip


def signature_of(start: bytes) -> SourceName | None:
    """The format of a file, None where it is no known one.

    Many cameras' raw files begin like TIFF files and are told apart by their directory.

    Args:
        start: The first `SIGNATURE_BYTES` of the file, or more.
    """
    for beginning, name in _BEGINNINGS:
        if start.startswith(beginning):
            return "RAW" if name == "TIFF" and start[8:10] == b"CR" else name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp":
        return _of_brands(start)
    return None


def _of_brands(start: bytes) -> SourceName | None:
    """The format of a file of ISO's base media format, by what it says it is compatible with."""
    end = min(int.from_bytes(start[:4], "big"), SIGNATURE_BYTES)
    brands = {start[8:12], *(start[at : at + 4] for at in range(16, end, 4))}
    if b"crx " in brands:
        return "RAW"
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIF" if brands & _HEVC_BRANDS else None
