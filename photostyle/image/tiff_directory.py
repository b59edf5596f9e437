"""What the directories of a TIFF file say of its pictures.

Reference: TIFF 6.0 (Adobe, 1992); DNG 1.7 (Adobe, 2023) for raw data.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

if TYPE_CHECKING:
    from collections.abc import Mapping

_KIND_OF_PICTURE, _DNG_VERSION, _PHOTOMETRIC = 254, 50706, 262
_RESOLUTION, _RESOLUTION_UNIT, _INCH, _CENTIMETRE = (282, 283), 296, 2, 3
_STRIPS, _TILES = (273, 279), (324, 325)  # offsets and byte counts
_MOSAIC, _LINEAR_RAW = 32803, 34892

_MOST_PICTURES = 10_000


def first_directory(source: bytes | BinaryIO) -> Mapping[int, Any]:
    """The fields of the first directory, by number: of those of one value that, else a tuple.

    Args:
        source: A TIFF file, opened or as its bytes.

    Raises:
        ValueError: The file is damaged.
    """
    return _directory(io.BytesIO(source) if isinstance(source, bytes) else source)


def _directory(file: BinaryIO, start: int | None = None) -> ImageFileDirectory_v2:
    file.seek(0)
    header = file.read(8)
    if header[2] == 43:
        header += file.read(8)
    try:
        directory = ImageFileDirectory_v2(header)
        directory.next = start = directory.next if start is None else start
        file.seek(start)
        directory.load(file)
    except (SyntaxError, struct.error, OSError) as error:
        raise ValueError("the file is damaged") from error
    if directory.next == start:  # Pillow got no further than to a damaged field
        directory.next = 0
    return directory


def is_raw(tags: Mapping[int, Any]) -> bool:
    """Whether a file with this first directory holds a camera's raw data."""
    return bool(
        tags.get(_KIND_OF_PICTURE, 0) & 1
        or _DNG_VERSION in tags
        or tags.get(_PHOTOMETRIC) in (_MOSAIC, _LINEAR_RAW)
    )


def number_of_pictures(data: bytes) -> int:
    """How many pictures a file holds, not counting small copies of them."""
    file = io.BytesIO(data)
    number, following, seen = 0, None, set[int | None]()
    while following != 0 and following not in seen and len(seen) < _MOST_PICTURES:
        seen.add(following)
        try:
            directory = _directory(file, following)
        except ValueError:
            break
        number += not directory.get(_KIND_OF_PICTURE, 0) & 1
        following = directory.next
    return max(number, 1)


def check_complete(data: bytes, tags: Mapping[int, Any]) -> None:
    """Refuse a file that has lost its end.

    Raises:
        ValueError: It has.
    """
    for offsets, counts in (_STRIPS, _TILES):
        ends = map(sum, zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False))
        if max(ends, default=0) > len(data):
            raise ValueError("the file ends early")


def resolution(tags: Mapping[int, Any]) -> tuple[float, float] | None:
    """Horizontal and vertical resolution in pixels per inch, None where it is not stated."""
    unit = tags.get(_RESOLUTION_UNIT, _INCH)
    x, y = (tags.get(tag) for tag in _RESOLUTION)
    if not x or not y or unit not in (_INCH, _CENTIMETRE):
        return None
    inch = 2.54 if unit == _CENTIMETRE else 1.0
    return float(x) * inch, float(y) * inch
