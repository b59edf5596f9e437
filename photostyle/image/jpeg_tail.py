"""What a JPEG file holds behind its picture.

Phones append further pictures and films, programs data of their own; decoders stop before them.

Reference: ITU-T T.81 (1992), section B.1 (markers).
"""

from __future__ import annotations

import re

_START = b"\xff\xd8\xff"
_END_OF_IMAGE = 0xD9

# Inside of compressed data a byte of all ones comes before a zero or a restart marker only.
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")

_PADDING = b"\0\xff\r\n\t "
_FILM = b"ftyp"  # the type of the first box of films of the MP4 and QuickTime kinds


def lost_tail(data: bytes, told: int = 0) -> str | None:
    """What to tell of that which follows the picture; None where nothing does but padding.

    Args:
        data: The file.
        told: The number of further pictures that have been told of already.
    """
    end = _end_of_picture(data)
    if end is None:
        return None
    pictures, rest = -told, data[end:].lstrip(b"\0")
    while rest.startswith(_START):
        pictures += 1
        rest = rest[_end_of_picture(rest) or len(rest) :].lstrip(b"\0")
    parts = []
    if pictures > 0:
        parts.append("a further picture" if pictures == 1 else f"{pictures} further pictures")
    if _FILM in rest:
        parts.append("a film")
    elif rest.strip(_PADDING):
        parts.append("data that only some programs understand")
    if not parts:
        return None
    return (
        f"what its file holds behind the photo is not kept ({' and '.join(parts)}; "
        f"{len(data) - end:,} bytes in all)"
    )


def _end_of_picture(data: bytes) -> int | None:
    """Where the picture that the data begin with ends; None where it does not."""
    position = len(_START) - 1
    while found := _MARKER.search(data, position):
        position = found.end()
        if found[1][0] == _END_OF_IMAGE:
            return position
        length = int.from_bytes(data[position : position + 2])
        if length < 2:
            return None
        position += length
    return None
