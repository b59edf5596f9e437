"""Samples of TIFF files that Pillow does not read: of more than 8 bits a channel, and rare ones.

OpenCV's libtiff decodes them where they are interleaved. Where every channel is stored for itself,
a channel is a grey TIFF file, which it decodes as well. It lacks a few compressions and types of
numbers; for these there is the extra `tiff`.

Reference: TIFF 6.0 (Adobe, 1992); Photoshop TIFF Technical Note 3 (Adobe, 2005) for floating point.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from photostyle.image import exif
from photostyle.image.opencv import decode_deep
from photostyle.image.optional import optional_module
from photostyle.image.stored import (
    Samples,
    Stored,
    check_size,
    divided_by_alpha,
    three_channels,
    top_of,
)
from photostyle.image.tiff import Field, directory_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _ROWS, _PLANAR, _PREDICTOR, _EXTRA, _FORMAT = 277, 278, 284, 317, 338, 339
_STRIPS, _TILES = (273, 279), (324, 325)  # offsets and byte counts
_TILE_SIZE = (322, 323)
_SHORT, _LONG = 3, 4

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3}
_SEPARATE = 2
_UNSIGNED, _FLOATING = 1, 3
_KINDS = {(8, _UNSIGNED), (16, _UNSIGNED), *((bits, _FLOATING) for bits in (16, 24, 32, 64))}
_PREMULTIPLIED, _UNASSOCIATED = 1, 2

_INKS = 4
_MOST_CHANNELS = 8  # colours, alpha, and a few masks or spot colours

_COMPRESSIONS = {1, 5, 8, 32773, 32946}  # none, LZW, deflate, runs, and deflate's first number

# JPEG 2000, LERC, WebP and JPEG XL, each by all of its numbers.
_RARE_COMPRESSIONS = {33003, 33004, 33005, 34712, 34887, 50001, 50002, 52546}


def is_for_pillow(tags: Mapping[int, Any]) -> bool:
    """Whether Pillow reads a TIFF file with these tags, without turning deeper samples into 8 bits.

    Those that it does not read may be of unsupported kinds.
    """
    rare = tags.get(_COMPRESSION, 1) in _RARE_COMPRESSIONS
    return bool(max(tags.get(_BITS, (1,))) <= 8) and not rare


def check_channels(tags: Mapping[int, Any], max_pixels: int) -> None:
    """Refuse a TIFF file of more channels than photos have, before they are decoded.

    Args:
        tags: The first directory's fields, by number.
        max_pixels: The most pixels a picture may have, of four channels.

    Raises:
        ValueError: It has more.
    """
    number = tags.get(_SAMPLES, 1)
    if number > _MOST_CHANNELS:
        raise ValueError(f"it has {number} channels; save it as grey or RGB")
    check_size(tags.get(_WIDTH, 0) * number // 4, tags.get(_HEIGHT, 0), max_pixels)


def read_tiff_samples(data: bytes, tags: Mapping[int, Any], notes: list[str]) -> Stored:
    """Decode the first picture of a TIFF file that is not for Pillow.

    Args:
        data: The file.
        tags: The first directory's fields, by number.
        notes: Filled with what cannot be kept.

    Returns:
        The samples, uint8, uint16 or float32, without metadata.

    Raises:
        ValueError: The file is damaged, of an unsupported kind, or needs the extra `tiff`.
    """
    photometric = tags.get(_PHOTOMETRIC)
    number = tags.get(_SAMPLES, 1)
    bits, formats = set(tags[_BITS]), set(tags.get(_FORMAT, (_UNSIGNED,)))
    colours = _COLOURS.get(cast("int", photometric), 0)
    if (
        not 0 < colours <= number
        or len(bits) > 1
        or len(formats) > 1
        or (*bits, *formats) not in _KINDS
    ):
        raise ValueError(
            "this kind of TIFF is not supported; save it as grey or RGB, with 8 or 16 bits a "
            "channel or 32-bit floating point"
        )
    extra = tuple(tags.get(_EXTRA, ()))
    kept = colours + (extra[:1] in ((_PREMULTIPLIED,), (_UNASSOCIATED,)))
    if number > kept and extra[:1] != (0,):
        notes.append(f"it has {number} channels, of which only the first {kept} are kept")
    decoded = _checked(_decoded(data, tags, kept), notes)
    samples = decoded[..., :colours] if colours == 3 else three_channels(decoded[..., 0])
    if photometric == _WHITE_IS_ZERO:
        samples = three_channels(_inverted(decoded[..., 0]))
    alpha = decoded[..., colours] if kept > colours else None
    if alpha is not None and extra[0] == _PREMULTIPLIED:
        samples = divided_by_alpha(samples, alpha)
    return Stored(samples, alpha, grey=colours == 1)


def read_deep_inks(data: bytes, tags: Mapping[int, Any]) -> Samples:
    """Decode the first picture of a TIFF file of 16 bits of cyan, magenta, yellow and black.

    Args:
        data: The file.
        tags: The first directory's fields, by number.

    Returns:
        H W 4, the amounts of ink, uint16.

    Raises:
        ValueError: The file is damaged, of an unsupported kind, or needs the extra `tiff`.
    """
    kinds = set(tags[_BITS]), set(tags.get(_FORMAT, (_UNSIGNED,)))
    if tags.get(_SAMPLES, 1) != _INKS or kinds != ({16}, {_UNSIGNED}):
        raise ValueError(
            "this kind of CMYK TIFF is not supported; save it with four channels of 8 or 16 bits, "
            "or as RGB"
        )
    # OpenCV decodes no inks; four channels of an RGB file are the same samples.
    return _decoded(exif.with_integer(data, _PHOTOMETRIC, _RGB), tags, _INKS)


def _inverted(samples: Samples) -> Samples:
    inverted: Samples = samples.dtype.type(top_of(samples)) - samples
    return inverted


def _checked(samples: Samples, notes: list[str]) -> Samples:
    """Floating point samples without values that are no numbers."""
    if samples.dtype == np.float32:
        strange = False
        for row in samples:
            if not np.isfinite(row).all():
                strange = True
                row[~np.isfinite(row)] = 0
        if strange:
            notes.append("it has values that are no numbers, which became black")
    return samples


def _decoded(data: bytes, tags: Mapping[int, Any], kept: int) -> Samples:
    """H W C, with at least `kept` channels; uint8, uint16 or float32, and writable."""
    number, (bits,) = tags.get(_SAMPLES, 1), set(tags[_BITS])
    known = tags.get(_COMPRESSION, 1) in _COMPRESSIONS and (
        bits >= 32 or tags.get(_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED
    )
    if known and tags.get(_PLANAR, 1) == _SEPARATE and number > 1:
        size = tags[_HEIGHT], tags[_WIDTH]
        result: Samples = np.empty((*size, kept), np.uint16 if bits == 16 else np.float32)
        for channel in range(kept):
            result[..., channel] = decode_deep(_plane(data, tags, channel))[..., 0]
        return result
    if known and number in (1, 3, 4):
        return decode_deep(data)
    return _by_tifffile(data, kept)


def _plane(data: bytes, tags: Mapping[int, Any], channel: int) -> bytearray:
    """One of the channels that are stored one after the other, as a grey TIFF file."""
    order = exif.byte_order(data)
    kind = _TILES if _TILES[0] in tags else _STRIPS
    number = len(tags[kind[0]]) // tags[_SAMPLES]
    which = slice(channel * number, (channel + 1) * number)
    file = bytearray(b"II*\0\0\0\0\0" if order == "<" else b"MM\0*\0\0\0\0")
    offsets, counts = [], []
    for offset, count in zip(tags[kind[0]][which], tags[kind[1]][which], strict=True):
        offsets.append(len(file))
        counts.append(count)
        file += data[offset : offset + count]
        file += bytes(len(file) % 2)
    fields: list[Field] = [
        (_WIDTH, _LONG, [tags[_WIDTH]]),
        (_HEIGHT, _LONG, [tags[_HEIGHT]]),
        (_BITS, _SHORT, [tags[_BITS][channel]]),
        (_COMPRESSION, _SHORT, [tags.get(_COMPRESSION, 1)]),
        (_PHOTOMETRIC, _SHORT, [_BLACK_IS_ZERO]),
        (kind[0], _LONG, offsets),
        (_SAMPLES, _SHORT, [1]),
        (kind[1], _LONG, counts),
        (_FORMAT, _SHORT, [tags.get(_FORMAT, (_UNSIGNED,))[0]]),
    ]
    fields += [(tag, _LONG, [tags[tag]]) for tag in (_ROWS, *_TILE_SIZE) if tag in tags]
    if tags.get(_PREDICTOR, 1) != 1:
        fields.append((_PREDICTOR, _SHORT, [tags[_PREDICTOR]]))
    return directory_file(file, order, fields)


def _by_tifffile(data: bytes, kept: int) -> Samples:
    needed = "this kind of TIFF needs two more packages"
    tifffile = optional_module("tifffile", "tiff", needed)
    optional_module("imagecodecs", "tiff", needed)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        try:
            decoded: npt.NDArray[Any] = page.asarray()
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"its pixels cannot be decoded ({error})") from error
        if page.planarconfig == _SEPARATE and page.samplesperpixel > 1:
            decoded = np.moveaxis(decoded, 0, -1)
    decoded = decoded.reshape(*decoded.shape[:2], -1)[..., :kept]
    with np.errstate(over="ignore"):  # of double precision values
        return decoded.astype(
            decoded.dtype if decoded.dtype in (np.uint8, np.uint16) else np.float32
        )
