"""EXIF blocks, edited in place.

An EXIF block is a small TIFF file: a header, and directories of fields whose longer values lie
anywhere in the block. Software that takes it apart and writes it anew moves the maker notes, and
many cameras count the offsets inside them from the start of the block. So edits here overwrite
single values and leave every other byte where it was; a directory that gets more fields is written
anew behind them.

Reference: TIFF 6.0 (Adobe, 1992), section 2; BigTIFF; Exif 3.0 (CIPA DC-008), section 4.6.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Literal, NamedTuple

ByteOrder = Literal["<", ">"]
Nested = dict[int, "Nested"]
Block = bytes | bytearray

_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_MAKER_NOTE = 0x927C
_ORIENTATION = 0x0112
_WIDTH, _HEIGHT = 0x0100, 0x0101
_ACROSS, _DOWN, _UNIT = 0x011A, 0x011B, 0x0128  # of the resolution
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
        _ACROSS,
        _DOWN,
        0x011D,  # PageName
        _UNIT,
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

_SHORT, _LONG, _RATIONAL = 3, 4, 5
_INCH, _CENTIMETRE = 2, 3

# Bytes per value of each field type; 129 is text in UTF-8, which Exif 3.0 has added.
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TYPE_SIZES[129] = 1
_BIG_TYPE_SIZES = {16: 8, 17: 8, 18: 8}  # these exist in BigTIFF only
_INTEGER_CODES = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

_EMPTY = b"II*\0\0\0\0\0"  # a header

_LONGEST_DIRECTORY = 1 << 16  # in fields: there are no more tags

# A TIFF file's maker note that begins before this position keeps it in the EXIF block. There may
# be a gap in front of it, for which a JPEG file has to have room.
_NEAR = 1 << 15


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
    return with_integer(block, _ORIENTATION, 1)


def with_integer(block: bytes, tag: int, value: int) -> bytes:
    """The block (or TIFF file) with one field of the main directory, where it is there, set.

    Args:
        block: An EXIF block, or a TIFF file.
        tag: Number of the field; one of another kind than a single integer stays as it is.
        value: What to set it to.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _layout(block)
    field = _directory(block, first, layout)[0].get(tag)
    edited = bytearray(block)
    if field:
        _set_integer(edited, field, value, layout)
    return bytes(edited)


def without_thumbnail(block: bytes) -> bytes:
    """The block without its embedded thumbnail, which would show the photo as it was.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _block_layout(block)
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


def without_position(block: bytes) -> bytes | None:
    """The block without the place where the photo was taken: its GPS directory, and what it holds.

    Maker notes stay, and some cameras write the name of a place into theirs.

    Returns:
        The edited block; None where nothing else was in it.

    Raises:
        ValueError: The block or its GPS directory is damaged.
    """
    layout, first = _block_layout(block)
    main, link = _directory(block, first, layout)
    records = range(first + 2, link, 12)
    found = [at for at in records if _unpack(block, layout.order + "H", at)[0] == _GPS]
    if not found:
        return block
    position = _integer(block, main.get(_GPS), layout)
    if len(found) > 1 or position is None:
        raise ValueError("the GPS directory cannot be found")
    edited = bytearray(block)
    if position and _unpack(block, layout.order + "H", position)[0]:
        others = [(0, 8), *_spans(block, first, layout)]
        exif = _integer(block, main.get(_EXIF), layout)
        if exif:
            others += _spans(block, exif, layout)
        for start, end in _spans(block, position, layout):
            edited[start:end] = bytes(end - start)
        # In a damaged block directories may lie one over the other.
        for start, end in others:
            edited[start:end] = block[start:end]
    if len(records) == 1:
        return None
    # The records behind it and the link move up; what they point to does not move.
    edited[found[0] : link + 4] = edited[found[0] + 12 : link + 4] + bytes(12)
    struct.pack_into(layout.order + "H", edited, first, len(records) - 1)
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
    layout, first = _block_layout(block)
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


def resolution(block: bytes) -> tuple[float, float] | None:
    """Horizontal and vertical resolution in pixels per inch; None where the block does not tell.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _block_layout(block)
    fields = _directory(block, first, layout)[0]
    unit = _integer(block, fields[_UNIT], layout) if _UNIT in fields else _INCH
    values = []
    for tag in (_ACROSS, _DOWN):
        field = fields.get(tag)
        if field is None or (field.kind, field.number) != (_RATIONAL, 1):
            return None
        dividend, divisor = _unpack(block, layout.order + "II", field.start)
        values.append(dividend / divisor if divisor else 0)
    if unit not in (_INCH, _CENTIMETRE) or 0 in values:
        return None
    inch = 2.54 if unit == _CENTIMETRE else 1
    return values[0] * inch, values[1] * inch


def with_resolution_turned(block: bytes) -> bytes:
    """The block with its resolutions across and down exchanged, for a photo that was turned.

    Raises:
        ValueError: The block is damaged.
    """
    layout, first = _block_layout(block)
    fields = _directory(block, first, layout)[0]
    across, down = fields.get(_ACROSS), fields.get(_DOWN)
    if not across or not down or across[1:3] != down[1:3]:
        return block
    edited = bytearray(block)
    for field, other in ((across, down), (down, across)):
        edited[field.start : field.start + field.size] = block[
            other.start : other.start + other.size
        ]
    return bytes(edited)


def with_resolution(block: bytes | None, dpi: tuple[float, float]) -> bytes:
    """The block with this resolution.

    Where it has no fields for it, its main directory is written anew behind all that is there.

    Args:
        block: An EXIF block; None makes one that tells the resolution only.
        dpi: Horizontal and vertical resolution in pixels per inch, 1 to 65,535.

    Raises:
        ValueError: The block is damaged.
    """
    if not block:
        made = bytearray(_EMPTY)
        _append_directory(made, {}, bytes(4), dpi, "<")
        return bytes(made)
    edited = bytearray(block)
    layout, first = _block_layout(block)
    fields, link = _directory(block, first, layout)
    across, down, unit = (fields.get(tag) for tag in (_ACROSS, _DOWN, _UNIT))
    if (
        across
        and down
        and unit
        and across[1:3] == down[1:3] == (_RATIONAL, 1)
        and unit[1:3] == (_SHORT, 1)
        and abs(across.start - down.start) >= across.size  # some share one value
    ):
        for field, value in ((across, dpi[0]), (down, dpi[1])):
            edited[field.start : field.start + field.size] = _rational(value, layout.order)
        _set_integer(edited, unit, _INCH, layout)
        return bytes(edited)
    records: dict[int, bytes] = {}
    for at in range(first + 2, link, 12):
        records.setdefault(_unpack(block, layout.order + "H", at)[0], block[at : at + 12])
    _append_directory(edited, records, block[link : link + 4].ljust(4, b"\0"), dpi, layout.order)
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
    layout, first = _block_layout(block)
    fields = _directory(block, first, layout)[0]
    return {
        tag: bytes(block[field.record : field.record + 12])
        for tag, field in fields.items()
        if tag in _DESCRIPTIVE
    }


def from_tiff(data: bytes) -> bytes | None:
    """The EXIF block of a TIFF file, whose own directories hold it, spread over the file.

    This is the one case where values must move. A maker note near the beginning of the file does
    not: `tiff.encode_tiff` puts it there.

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
    copy = _Copy(data, layout, block, _near_maker_note(data, main.get(_EXIF), layout))
    start = copy.directory(main, _SUB_DIRECTORIES)
    if not start:
        return None
    struct.pack_into(layout.order + "I", block, 4, start)
    return bytes(block)


def _near_maker_note(data: bytes, exif: _Field | None, layout: _Layout) -> _Field | None:
    """The maker note of a TIFF file, if its place in an EXIF block can be the same."""
    position = _integer(data, exif, layout)
    note = _directory(data, position, layout)[0].get(_MAKER_NOTE) if position else None
    if note and note.size > 4 and note.start % 2 == 0 and 8 <= note.start <= _NEAR:
        return note
    return None


def _spans(block: bytes, start: int, layout: _Layout) -> list[tuple[int, int]]:
    """Start and end of every part of a block that a directory and its values take up, in order."""
    fields, link = _directory(block, start, layout)
    parts = [(field.start, field.start + field.size) for field in fields.values()]
    spans: list[tuple[int, int]] = []
    for first, end in sorted([(start, min(link + 4, len(block))), *parts]):
        if spans and first <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((first, end))
    return spans


class _Copy:
    """Directories with their values and those below them, copied to the end of a block.

    Args:
        data: The TIFF file they are in.
        layout: Its layout.
        block: The block, which grows.
        fixed: A field whose value shall lie in the block where it lies in the file.
    """

    def __init__(
        self, data: bytes, layout: _Layout, block: bytearray, fixed: _Field | None
    ) -> None:
        self._data, self._layout, self._block = data, layout, block
        self._fixed = self._waiting = fixed

    def directory(self, fields: dict[int, _Field], nested: Nested) -> int:
        """Copy a directory.

        Args:
            fields: Its fields.
            nested: Tags of those that point to directories, with those in these.

        Returns:
            Where it begins in the block; 0 where there is nothing to copy.

        Raises:
            ValueError: A directory below it is damaged, or values share their bytes.
        """
        block, order = self._block, self._layout.order
        # A directory cannot be empty. Types 16 to 18 do not exist in an EXIF block.
        below = {tag: self._below(fields[tag], nested[tag]) for tag in nested if tag in fields}
        kept = {
            tag: field
            for tag, field in sorted(fields.items())
            if below.get(tag, field.kind not in _BIG_TYPE_SIZES)
        }
        if not kept:
            return 0
        start = self._append(struct.pack(order + "H", len(kept)) + bytes(12 * len(kept) + 4))
        records = range(start + 2, start + 2 + 12 * len(kept), 12)
        for record, (tag, field) in zip(records, kept.items(), strict=True):
            kind, number = field.kind, field.number
            value = self._data[field.start : field.start + field.size]
            if tag in below:
                kind, number = _LONG, 1
                value = struct.pack(order + "I", self.directory(below[tag], nested[tag]))
            elif field == self._fixed:
                if self._waiting:
                    self._place(self._waiting)
                value = struct.pack(order + "I", field.start)
            elif len(value) > 4:
                value = struct.pack(order + "I", self._append(value))
            struct.pack_into(order + "HHI4s", block, record, tag, kind, number, value)
        return start

    def _below(self, field: _Field, nested: Nested) -> dict[int, _Field]:
        """The fields, as far as they can be copied, of the directory that a field points to."""
        position = _integer(self._data, field, self._layout)
        if not position:
            return {}
        fields = _directory(self._data, position, self._layout)[0]
        return {
            tag: below
            for tag, below in fields.items()
            if below.kind not in _BIG_TYPE_SIZES or tag in nested
        }

    def _append(self, value: bytes) -> int:
        """Append bytes at an even position, which is returned."""
        if self._waiting and len(self._block) + len(value) > self._waiting.start:
            self._place(self._waiting)
        start = len(self._block)
        self._block += value + bytes(len(value) % 2)
        if len(self._block) > len(self._data) + _NEAR:
            raise ValueError("values of its directories share their bytes")
        return start

    def _place(self, fixed: _Field) -> None:
        """Put a value where it is in the file; the end of the block lies in front of that."""
        value = self._data[fixed.start : fixed.start + fixed.size]
        self._block += bytes(fixed.start - len(self._block)) + value + bytes(len(value) % 2)
        self._waiting = None


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


def _block_layout(block: Block) -> tuple[_Layout, int]:
    """As `_layout`, of what has to be an EXIF block, which a BigTIFF file is not."""
    layout, first = _layout(block)
    if layout.offset != "I":
        raise ValueError("a BigTIFF header")
    return layout, first


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
    if not 0 < length <= _LONGEST_DIRECTORY or record + length * record_size > len(block):
        raise ValueError("the file is damaged: a directory reaches beyond its end")
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
        raise ValueError("the file is damaged: a value lies beyond its end")
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


def _append_directory(
    block: bytearray,
    records: dict[int, bytes],
    link: bytes,
    dpi: tuple[float, float],
    order: ByteOrder,
) -> None:
    """Append a main directory of records, by tag, and of the resolution.

    Args:
        block: The block, which grows.
        records: The records, 12 bytes each; those of the resolution are added.
        link: What leads to the next directory, 4 bytes.
        dpi: Horizontal and vertical resolution in pixels per inch.
        order: The block's byte order.

    Raises:
        ValueError: There are more records than a directory can have.
    """
    block += bytes(len(block) % 2)
    start = len(block)
    for i, tag in enumerate((_ACROSS, _DOWN)):
        block += _rational(dpi[i], order)
        records[tag] = struct.pack(order + "HHII", tag, _RATIONAL, 1, start + 8 * i)
    records[_UNIT] = struct.pack(order + "HHIHxx", _UNIT, _SHORT, 1, _INCH)
    if len(records) >= _LONGEST_DIRECTORY:
        raise ValueError("its directory is full")
    struct.pack_into(order + "I", block, 4, len(block))
    block += struct.pack(order + "H", len(records))
    block += b"".join(record for _, record in sorted(records.items())) + link


def _rational(value: float, order: ByteOrder) -> bytes:
    """A positive number as two integers: 8 bytes."""
    fraction = Fraction(value).limit_denominator(1000)
    return struct.pack(order + "II", fraction.numerator, fraction.denominator)
