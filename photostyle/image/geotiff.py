"""Where on Earth the pixels of a GeoTIFF file lie.

An edit that leaves every pixel in its place leaves this true. GDAL's own fields beside it tell of
values: those of pixels without data, statistics of a channel. They are no longer true.

Reference: OGC GeoTIFF 1.1 (OGC 19-008r4, 2019), section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from photostyle.image.tiff import ASCII, DOUBLE, SHORT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from photostyle.image.tiff import Field

# Types of the fields: scale of pixels, tie points, transformation; keys, and their longer values.
_KINDS = {33550: DOUBLE, 33922: DOUBLE, 34264: DOUBLE, 34735: SHORT, 34736: DOUBLE, 34737: ASCII}

_OF_GDAL = (42112, 42113)  # metadata, and the value of pixels without data


def georeference(tags: Mapping[int, Any], notes: list[str]) -> tuple[Field, ...]:
    """The fields that place a picture on a map; none where it is not placed, or they are damaged.

    Args:
        tags: The fields of a TIFF file's first directory, by number.
        notes: Filled with what cannot be kept.
    """
    if any(tag in tags for tag in _OF_GDAL):
        notes.append("its GDAL metadata, which tell of its values before, are not kept")
    try:
        return tuple(
            (tag, kind, _values(tags[tag], kind)) for tag, kind in _KINDS.items() if tag in tags
        )
    except (TypeError, ValueError):
        notes.append("its coordinates of a map (GeoTIFF) are damaged and not kept")
        return ()


def _values(stored: Any, kind: int) -> Sequence[float]:
    """The values of a field as they are to be written.

    Raises:
        TypeError: They are of another type.
        ValueError: They are out of range.
    """
    if kind == ASCII:
        if not isinstance(stored, str):
            raise TypeError("no text")
        return stored.encode("latin-1") + b"\0"
    values = stored if isinstance(stored, tuple) else (stored,)
    if kind == DOUBLE:
        return [float(value) for value in values]
    if not all(isinstance(value, int) and value in range(1 << 16) for value in values):
        raise ValueError("no short integers")
    return values
