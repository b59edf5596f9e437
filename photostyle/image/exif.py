"""EXIF blocks, edited in place.

An EXIF block is a small TIFF file: a header, and directories of fields whose longer values lie
anywhere in the block. Software that takes it apart and writes it anew moves the maker notes, and
many cameras count the offsets inside them from the start of the block. So edits here overwrite
single values and leave every other byte where it was.

Reference: TIFF 6.0 (Adobe, 1992), section 2; BigTIFF; Exif 2.32 (CIPA DC-008), section 4.6.
"""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

ByteOrder = Literal["<", ">"]
Nested = dict[int, "Nested"]
Block = bytes | bytearray

_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_ORIENTATION = 0x0112
_WIDTH, _HEIGHT = 0x0100, 0x0101
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
_THUMBNAIL_START, _THUMBNAIL_LENGTH = 0x0201, 0x0202

_SUB_DIRECTORIES: Nested = {_EXIF: {_INTEROPERABILITY: {}}, _GPS: {}}

# Fields of the main directory that speak of the photo, not of how the file stores its pixels.
_DESCRIPTIVE = frozenset(
    {
        0x010D,  # DocumentName
        0x010E,  # ImageDescription
        0x010F,  # Make
        0x0110,  # Model
        _ORIENTATION,
        0x011A,  # XResolution
        0x011B,  # YResolution
        0x011D,  # PageName
        0x0128,  # ResolutionUnit
        0x0131,  # Software
        0x0132,  # DateTime
        0x013B,  # Artist
        0x013C,  # HostComputer
        0x4746,  # Rating
        0x4749,  # RatingPercent
        0x8298,  # Copyright
        _EXIF,
        _GPS,
        0x9C9B,  # XPTitle
        0x9C9C,  # XPComment
        0x9C9D,  # XPAuthor
        0x9C9E,  # XPKeywords
        0x9C9F,  # XPSubject
        0xC4A5,  # PrintImageMatching
    }
)

_SHORT, _LONG = 3, 4
# Bytes per value of each field type; those from 16 on exist in BigTIFF only.
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BIG_TYPE_SIZES = {16: 8, 17: 8, 18: 8}
_INTEGER_CODES = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class _Layout(NamedTuple):
    order: ByteOrder
    length: str  # code of how many fields a directory has
    offset: str  # code of numbers of values, and of positions in the block


class _Field(NamedTuple):
    record: int  # position of the directory's record of it
    kind: int
    number: int  # of values
    start: int  # position of its value
    size: int  # of its value, in bytes


def byte_order(block: Block) -> ByteOrder:
    """Byte order of an EXIF block: `"<"` for `II`, `">"` for `MM`.

    Raises:
        ValueError: The block is damaged.
    """
    return _layout(block)[0].order


def orientation(block: bytes) -> int | None:
    """How the stored picture has to be turned, 1 to 8; None where the block does not tell.

    Args:
        block: An EXIF block, or a TIFF file.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _layout(block)
    field = _directory(block, first, layout)[0].get(_ORIENTATION)
    value = _integer(block, field, layout) if field else None
    return value if value in range(1, 9) else None


def upright(block: bytes) -> bytes:
    """The block (or TIFF file) with orientation 1.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _layout(block)
    field = _directory(block, first, layout)[0].get(_ORIENTATION)
    edited = bytearray(block)
    if field:
        _set_integer(edited, field, 1, layout)
    return bytes(edited)


def without_thumbnail(block: bytes) -> bytes:
    """The block without its embedded thumbnail, which would show the photo as it was.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _layout(block)
    link = _directory(block, first, layout)[1]
    if link + 4 > len(block) or not (second := _unpack(block, layout.order + "I", link)[0]):
        return block
    edited = bytearray(block)
    struct.pack_into(layout.order + "I", edited, link, 0)
    try:
        fields = _directory(block, second, layout)[0]
    except ValueError:  # nothing leads to the thumbnail any more, and that is enough
        return bytes(edited)
    start = _integer(block, fields.get(_THUMBNAIL_START), layout)
    length = _integer(block, fields.get(_THUMBNAIL_LENGTH), layout)
    # Where it follows its directory, as it always should, its bytes can go as well.
    if start is not None and length is not None and second < start <= start + length <= len(block):
        edited[start : start + length] = bytes(length)
        if start + length == len(block):
            del edited[start:]
    return bytes(edited)


def with_size(block: bytes, width: int, height: int) -> bytes:
    """The block with the fields that tell the photo's size, where it has them, set to this size.

    Args:
        block: An EXIF block.
        width: Width in pixels.
        height: Height in pixels.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _layout(block)
    main = _directory(block, first, layout)[0]
    exif: dict[int, _Field] = {}
    position = _integer(block, main.get(_EXIF), layout)
    if position:
        exif = _directory(block, position, layout)[0]
    edited = bytearray(block)
    for field, value in (
        (main.get(_WIDTH), width),
        (main.get(_HEIGHT), height),
        (exif.get(_EXIF_WIDTH), width),
        (exif.get(_EXIF_HEIGHT), height),
    ):
        if field:
            _set_integer(edited, field, value, layout)
    return bytes(edited)


def raw_value(block: bytes, tag: int) -> bytes | None:
    """The bytes of one field of the main directory, None where there is no such field.

    Args:
        block: An EXIF block, or a TIFF file.
        tag: Number of the field.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _layout(block)
    field = _directory(block, first, layout)[0].get(tag)
    return bytes(block[field.start : field.start + field.size]) if field else None


def descriptive_records(block: Block) -> dict[int, bytes]:
    """The main directory's records of what describes the photo, by tag, 12 bytes each.

    Values longer than 4 bytes stay in the block; the records point to them.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _layout(block)
    fields = _directory(block, first, layout)[0]
    return {
        tag: bytes(block[field.record : field.record + 12])
        for tag, field in fields.items()
        if tag in _DESCRIPTIVE
    }


def from_tiff(data: bytes) -> bytes | None:
    """The EXIF block of a TIFF file, whose own directories hold it, spread over the file.

    This is the one case where values must move.

    Args:
        data: A TIFF or BigTIFF file.

    Returns:
        A block of the same byte order; None where nothing describes the photo.

    Raises:
        ValueError: A directory is damaged.
    """
    layout, first = _layout(data)
    fields = _directory(data, first, layout)[0]
    main = {tag: field for tag, field in fields.items() if tag in _DESCRIPTIVE}
    if not main:
        return None
    mark = b"II" if layout.order == "<" else b"MM"
    block = bytearray(mark + struct.pack(layout.order + "HI", 42, 8))
    _copy_directory(data, main, layout, block, _SUB_DIRECTORIES)
    return bytes(block)


def _copy_directory(
    data: bytes, fields: dict[int, _Field], layout: _Layout, block: bytearray, nested: Nested
) -> None:
    """Append a directory with its values and the directories below it to a block."""
    # Types 16 and up do not exist in an EXIF block.
    kept = {tag: field for tag, field in sorted(fields.items()) if field.kind < 16 or tag in nested}
    start = len(block)
    block += struct.pack(layout.order + "H", len(kept)) + bytes(12 * len(kept) + 4)
    for record, (tag, field) in zip(range(start + 2, len(block), 12), kept.items(), strict=False):
        kind, number = field.kind, field.number
        value = bytes(data[field.start : field.start + field.size])
        if tag in nested:
            position = _integer(data, field, layout)
            below = _directory(data, position or 0, layout)[0]
            kind, number, value = _LONG, 1, struct.pack(layout.order + "I", len(block))
            _copy_directory(data, below, layout, block, nested[tag])
        elif len(value) > 4:
            position = len(block)
            block += value + bytes(len(value) % 2)
            value = struct.pack(layout.order + "I", position)
        struct.pack_into(layout.order + "HHI4s", block, record, tag, kind, number, value)


def _layout(block: Block) -> tuple[_Layout, int]:
    """The block's layout and the position of its main directory."""
    orders: dict[bytes, ByteOrder] = {b"II": "<", b"MM": ">"}
    order = orders.get(bytes(block[:2]))
    if order is None:
        raise ValueError("no TIFF header")
    version = _unpack(block, order + "H", 2)[0]
    if version == 43:
        return _Layout(order, "Q", "Q"), _unpack(block, order + "Q", 8)[0]
    if version == 42:
        return _Layout(order, "H", "I"), _unpack(block, order + "I", 4)[0]
    raise ValueError("no TIFF header")


def _directory(block: Block, start: int, layout: _Layout) -> tuple[dict[int, _Field], int]:
    """A directory's fields, and the position of the link to the next directory.

    Fields of unknown types, and those whose values lie outside of the block, are left out.
    """
    order, length_code, offset_code = layout
    sizes = _TYPE_SIZES if offset_code == "I" else _TYPE_SIZES | _BIG_TYPE_SIZES
    inline = struct.calcsize(offset_code)
    record_size = 4 + 2 * inline
    (length,) = _unpack(block, order + length_code, start)
    record = start + struct.calcsize(length_code)
    if length == 0 or record + length * record_size > len(block):
        raise ValueError("directory reaches beyond the end")
    fields: dict[int, _Field] = {}
    for _ in range(length):
        tag, kind, values = _unpack(block, order + "HH" + offset_code, record)
        size = values * sizes.get(kind, 0)
        at = record + 4 + inline
        if size > inline:
            (at,) = _unpack(block, order + offset_code, at)
        if size and at + size <= len(block):
            fields.setdefault(tag, _Field(record, kind, values, at, size))
        record += record_size
    return fields, record


def _unpack(block: Block, codes: str, position: int) -> tuple[int, ...]:
    if position + struct.calcsize(codes) > len(block):
        raise ValueError("value lies beyond the end")
    return struct.unpack_from(codes, block, position)


def _integer(block: bytes, field: _Field | None, layout: _Layout) -> int | None:
    """The single number in a field, None where there is none."""
    if field is None or field.number != 1 or field.kind not in _INTEGER_CODES:
        return None
    return _unpack(block, layout.order + _INTEGER_CODES[field.kind], field.start)[0]


def _set_integer(block: bytearray, field: _Field, value: int, layout: _Layout) -> None:
    """Overwrite the single number in a field; one that cannot hold the value stays as it is."""
    fits = field.kind in (_SHORT, _LONG) and value < 1 << 8 * _TYPE_SIZES[field.kind]
    if field.number == 1 and fits:
        code = layout.order + _INTEGER_CODES[field.kind]
        struct.pack_into(code, block, field.start, value)
