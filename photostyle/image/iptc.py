"""IPTC-IIM records, and the Photoshop resources that most files keep them in.

Reference: IPTC-IIM 4.2, sections 1.5 (records) and 6 (application record); Adobe Photoshop File
Formats Specification (2019), section "Image Resource Blocks".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOURCE = 0x0404
"""Number of the Photoshop resource that holds the records."""

SEGMENT_HEADER = b"Photoshop 3.0\0"
"""What stands before the resources in a JPEG file."""

_SIGNATURE = b"8BIM"
_SIGNATURES = (_SIGNATURE, b"MeSa", b"AgHg", b"PHUT", b"DCSR")  # the others are of sister programs
_PATHS = range(2000, 2998)  # numbers of the resources that hold clipping paths
_RIGHTS = {0x040A: b"xmpRights:Marked", 0x040B: b"xmpRights:WebStatement"}  # flag and URL
_APPLICATION = 2  # the record of what a photo shows

# Fields of it that name places: content location code and name, city, sub-location, province or
# state, country code, country name.
_PLACES = frozenset({26, 27, 90, 92, 95, 100, 101})


class _Field(NamedTuple):
    record: int
    number: int
    start: int
    end: int


def without_position(records: bytes) -> bytes | None:
    """The records without those that name places; None where no others are there.

    Raises:
        ValueError: They are damaged.
    """
    kept = [
        records[field.start : field.end]
        for field in _fields(records)
        if field.record != _APPLICATION or field.number not in _PLACES
    ]
    return b"".join(kept) or None


def complete_records(records: bytes) -> tuple[bytes | None, bool]:
    """The records up to the first damaged one, and whether that is all of them."""
    end = 0
    try:
        for field in _fields(records):
            end = field.end
    except ValueError:
        return records[:end] or None, False
    return records[:end] or None, True


def records_in_resources(block: bytes) -> bytes | None:
    """The records in a block of Photoshop resources; None where it has none, or is damaged."""
    found = [content for number, content in _resources(block) if number == RESOURCE]
    return b"".join(found) or None


def has_paths(block: bytes) -> bool:
    """Whether a block of Photoshop resources holds clipping paths."""
    return any(number in _PATHS for number, _ in _resources(block))


def has_rights(block: bytes, packet: bytes | None) -> bool:
    """Whether a block of Photoshop resources has a copyright flag or URL that XMP does not repeat.

    Args:
        block: The block.
        packet: The file's XMP packet.
    """
    return any(
        content.strip(b"\0") and _RIGHTS[number] not in (packet or b"")
        for number, content in _resources(block)
        if number in _RIGHTS
    )


def _resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of the resources in a block, up to the first damaged one."""
    position = len(SEGMENT_HEADER) if block.startswith(SEGMENT_HEADER) else 0
    while block[position : position + 4] in _SIGNATURES and position + 12 <= len(block):
        number, name = struct.unpack_from(">HB", block, position + 4)
        position += 6 + (name + 2) // 2 * 2  # with its length byte an even number of bytes
        if position + 4 > len(block):
            break
        (size,) = struct.unpack_from(">I", block, position)
        start = position + 4
        if start + size > len(block):
            break
        yield number, block[start : start + size]
        position = start + size + size % 2


def resource_of(records: bytes) -> bytes:
    """The Photoshop resource that holds the records."""
    header = _SIGNATURE + struct.pack(">HHI", RESOURCE, 0, len(records))
    return header + records + bytes(len(records) % 2)


def _fields(records: bytes) -> Iterator[_Field]:
    """Where every field of the records lies.

    Raises:
        ValueError: They are damaged.
    """
    position = 0
    while position < len(records):
        if not records[position] and not any(records[position:]):
            break  # TIFF files fill up with zeros
        start = position + 5
        if start > len(records):
            raise ValueError("an IPTC record ends early")
        mark, record, number, size = struct.unpack_from(">BBBH", records, position)
        if mark != 0x1C:
            raise ValueError("no IPTC record")
        if size & 0x8000:  # the size of the size, which follows
            start += size & 0x7FFF
            size = int.from_bytes(records[position + 5 : start], "big")
        if start + size > len(records):
            raise ValueError("an IPTC record ends early")
        yield _Field(record, number, position, start + size)
        position = start + size
