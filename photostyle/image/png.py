"""The chunks of a PNG file.

Reference: Portable Network Graphics, third edition (W3C, 2025), sections 5 and 11.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from photostyle.image import iptc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_RAW_PROFILE = b"Raw profile type "  # keywords of ImageMagick and exiftool begin with this
_RAW_NAMES = (b"exif", b"APP1", b"xmp", b"iptc", b"8bim")

_TEXT_KINDS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_METADATA_KINDS = _TEXT_KINDS | {b"eXIf", b"iCCP"}

# Of one chunk, inflated, in bytes: a guard against zip bombs. No more than five are inflated.
_LONGEST = 1 << 24

_MOST_COMMENTS = 10


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Type and payload of every chunk; damaged ones that a reader can do without are left out.

    Raises:
        ValueError: The file ends early, or a chunk is damaged that a reader cannot do without.
    """
    for kind, chunk, sound in _whole_chunks(data):
        if sound:
            yield kind, chunk[8:-4]


def _whole_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Type of every chunk, the whole of it, and whether its checksum is right.

    Raises:
        ValueError: See `chunks`.
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
        sound = checksum == zlib.crc32(view[position + 4 : end])
        if not sound and kind[:1].isupper():
            raise ValueError(f"its {kind.decode('latin-1')} chunk is damaged")
        yield kind, view[position : end + 4], sound
        position = end + 4


class Metadata(NamedTuple):
    """The metadata of a PNG file, before or after the pixels."""

    exif: bytes | None
    """EXIF block."""

    xmp: bytes | None
    """XMP packet."""

    iptc: bytes | None
    """IPTC-IIM records."""

    icc_profile: bytes | None
    """Colour profile."""

    damaged: tuple[str, ...]
    """What could not be read, or would be longer than 16 MB when inflated: its names."""

    comments: tuple[str, ...] = ()
    """Keywords of other texts, such as Title, Author or Comment; at most 10."""

    resources: bytes = b""
    """Photoshop's resources, with the IPTC records that are in them."""


class _Text(NamedTuple):
    content: bytes
    compressed: bool


def metadata(data: bytes) -> Metadata:
    """The metadata of a PNG file.

    Besides the chunks that the standard has for them, those of ImageMagick and exiftool are read:
    text in hexadecimal digits. Comments and the like are not even inflated.

    Raises:
        ValueError: See `chunks`.
    """
    exif = None
    profile: _Text | None = None
    texts: dict[bytes, _Text] = {}
    comments: dict[str, None] = {}
    for kind, payload in chunks(data):
        if kind == b"eXIf":
            exif = bytes(payload)
        elif kind == b"iCCP" and profile is None:
            # A name, which ends in a zero byte, and the number of the only method there is.
            profile = _Text(bytes(payload).partition(b"\0")[2][1:], True)
        elif kind in _TEXT_KINDS:
            keyword, text = _text(kind, bytes(payload))
            if _is_comment(keyword) and len(comments) < _MOST_COMMENTS:
                comments[keyword.decode()] = None
            if keyword == _XMP_KEYWORD or keyword.startswith(_RAW_PROFILE):
                texts[keyword] = text

    damaged: list[str] = []

    def first(name: str, reader: Callable[[_Text], bytes | None], *found: _Text | None) -> bytes:
        """What the first of these texts that there is holds."""
        for text in found:
            if text is not None:
                content = reader(text)
                if content is None:
                    damaged.append(name)
                return content or b""
        return b""

    raw = {name: texts.get(_RAW_PROFILE + name) for name in _RAW_NAMES}
    exif = exif or first("EXIF data", _raw_profile, raw[b"exif"], raw[b"APP1"]) or None
    xmp = first("XMP data", _content, texts.get(_XMP_KEYWORD))
    xmp = xmp or first("XMP data", _raw_profile, raw[b"xmp"])
    either = first("IPTC data", _raw_profile, raw[b"iptc"])
    resources = first("Photoshop data", _raw_profile, raw[b"8bim"])
    if either.startswith(b"\x1c"):  # records as they are
        records = either
    else:
        resources = either + resources.removeprefix(iptc.SEGMENT_HEADER)
        records = iptc.records_in_resources(either) or b""
    records = records or iptc.records_in_resources(resources) or b""
    icc_profile = first("colour profile", _content, profile)
    return Metadata(
        exif,
        xmp or None,
        records or None,
        icc_profile or None,
        tuple(damaged),
        tuple(comments),
        resources,
    )


def _is_comment(keyword: bytes) -> bool:
    """Whether a text is neither metadata nor what programs write of themselves or of those."""
    known = keyword == b"Software" or keyword.startswith(_RAW_PROFILE) or b":" in keyword
    return not known and keyword.isascii() and keyword.decode().isprintable()


def without_metadata(data: bytes) -> bytes:
    """The file without what `metadata` reads, nor any other text: the same if it has none.

    Raises:
        ValueError: See `chunks`.
    """
    kept = [chunk for kind, chunk, _ in _whole_chunks(data) if kind not in _METADATA_KINDS]
    result_size = len(SIGNATURE) + sum(map(len, kept))
    return data if result_size == len(data) else b"".join((SIGNATURE, *kept))


def _text(kind: bytes, payload: bytes) -> tuple[bytes, _Text]:
    """Keyword and content of a text chunk."""
    keyword, _, rest = payload.partition(b"\0")
    if kind == b"tEXt":
        return keyword, _Text(rest, False)
    if kind == b"zTXt":
        return keyword, _Text(rest[1:], True)
    # Two flags, then a language and a translated keyword that end in a zero byte each.
    return keyword, _Text(rest[2:].split(b"\0", 2)[-1], rest[:1] == b"\1")


def _content(text: _Text) -> bytes | None:
    """The content of a text; None where it is damaged or inflates beyond measure."""
    if not text.compressed:
        return text.content
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(text.content, _LONGEST)
    except zlib.error:
        return None
    return content if inflater.eof else None


def _raw_profile(text: _Text) -> bytes | None:
    """The bytes of a text that holds a name, a length and hexadecimal digits, a line each."""
    lines = (_content(text) or b"").split(b"\n", 3)
    try:
        return bytes.fromhex(lines[3].decode("ascii"))
    except (IndexError, ValueError):
        return None


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
    iptc_records: bytes | None = None,
) -> bytes:
    """A PNG file with metadata put in front of its pixels.

    Args:
        encoded: A PNG file without metadata.
        icc_profile: Colour profile.
        exif: EXIF block.
        xmp: XMP packet.
        dpi: Horizontal and vertical resolution in pixels per inch.
        iptc_records: IPTC-IIM records, which go where exiftool and ImageMagick have them.
    """
    parts = []
    if icc_profile:
        parts.append(chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile)))
    if dpi:
        per_metre = (round(value / 0.0254) for value in dpi)
        parts.append(chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if exif:
        parts.append(chunk(b"eXIf", exif))
    if xmp:
        parts.append(chunk(b"iTXt", _XMP_KEYWORD + bytes(5) + xmp))
    if iptc_records:
        resource = iptc.resource_of(iptc_records)
        digits = b"\niptc\n%8d\n%s\n" % (len(resource), resource.hex("\n", -36).encode())
        keyword = _RAW_PROFILE + b"iptc"
        parts.append(chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(digits)))
    end_of_header = len(SIGNATURE) + 25
    return b"".join((encoded[:end_of_header], *parts, encoded[end_of_header:]))


def chunk(kind: bytes, payload: bytes) -> bytes:
    """A chunk of a file."""
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)
