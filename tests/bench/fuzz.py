"""Damaged photo files: reading them must end in a photo or in a `PhotoError`, soon and in bounds.

    python tests/bench/fuzz.py [--runs 20000] [--seed 0] [--jobs 2] [--keep DIR]
    python tests/bench/fuzz.py --seed 0 --case 1234

Small photos of every kind that photostyle, Pillow, OpenCV and tifffile write on this machine, with
EXIF, XMP, IPTC and profiles, are damaged: bytes changed, blocks moved, files joined, cut at every
percent, named as another format. A photo that is read all the same also has its metadata edited and
is written as JPEG, PNG, TIFF or WebP. Before that come files whose headers claim 30,000 x 30,000
pixels, or absurd numbers of samples, bits and strips, or whose metadata expands; those have to be
refused, or read without what expands, in a tenth of a second and 150 MB. In 20,000 runs every photo
is cut at every percent.

Files are read in processes of their own. What counts as a fault: an exception that is no
`PhotostyleError`, a warning, an exception that Python could only print, more than 5 seconds, more
memory than the limit, the end of the process. Faults are kept as files, and make the exit code 1.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import os
import re
import resource
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import connection, get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageCms, features

from photostyle.errors import PhotostyleError
from photostyle.image import Photo, format_of, read_photo, write_photo, xmp
from photostyle.image.metadata import Made, with_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

SECONDS = 5.0
BOMB_SECONDS, BOMB_MEGABYTES = 0.1, 150

# Memory for pixels: three copies in float32 with alpha, for those that decoders need; and for the
# rest, as for the bombs.
BYTES_A_PIXEL = 3 * 16
MEGABYTES = 150

HUGE = 30_000
PNG = b"\x89PNG\r\n\x1a\n"
WRITTEN = (".jpg", ".png", ".tif", ".webp", ".avif", ".heic", ".jxl")
SUFFIXES = (*WRITTEN, ".dng", ".gif", ".txt", "")


class Case(NamedTuple):
    """A file to be read."""

    name: str
    suffix: str
    data: bytes


@dataclass
class Outcome:
    """What came of it."""

    kind: str
    """`read`, `refused`, or in a few words the fault."""

    text: str = ""
    seconds: float = 0.0
    processor: float = 0.0
    """Seconds without those that other programs took."""
    megabytes: float = 0.0
    warnings: int = 0

    @property
    def is_fault(self) -> bool:
        return self.kind not in ("read", "refused")


# The photos that are damaged


def exif_block() -> bytes:
    block = Image.Exif()
    block[0x0112], block[0x010F], block[0x011A] = 6, "Kamera AG", 300.0
    block.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x927C: b"NOTE" * 40})
    block.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 1.5), 3: "E", 4: (11.0, 34.0, 0.0)})
    return block.tobytes().removeprefix(b"Exif\0\0")


def xmp_packet() -> bytes:
    event = xmp.Event("created", "Kamera", "fuzzing", datetime(2024, 5, 6, tzinfo=UTC))
    place = b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    place += b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" '
    place += b'exif:GPSLatitude="48,8.0N"><exif:GPSLongitude>11,3.0E</exif:GPSLongitude>'
    place += b"</rdf:Description></rdf:RDF>"
    return xmp.with_event(None, event).replace(b"</rdf:RDF>", place)


def photos() -> Iterator[Case]:
    """Small photos of every kind, without damage."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, 48 * 40).reshape(40, 48, 1) + rng.normal(0, 12, (40, 48, 3))
    rgb = np.clip(ramp, 0, 255).astype(np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield from _of_photostyle(rgb, profile)
    yield from _of_pillow(rgb, profile)
    yield from _of_opencv(rgb)
    yield from _of_tifffile(rgb)


def _of_photostyle(rgb: np.ndarray, profile: bytes) -> Iterator[Case]:
    iptc = struct.pack(">BBBH", 0x1C, 2, 90, 6) + b"Munich"
    pixels = rgb.astype(np.float32) / 255
    alpha = np.linspace(0, 1, pixels[..., 0].size, dtype=np.float32).reshape(pixels.shape[:2])
    with tempfile.TemporaryDirectory() as folder:
        for format_ in (format_of(f"photo{suffix}") for suffix in WRITTEN):
            for depth in (8, 16) if format_.deep else (8,):
                photo = Photo(
                    pixels,
                    alpha if format_.alpha else None,
                    bit_depth=depth,  # type: ignore[arg-type]
                    icc_profile=profile,
                    exif=exif_block(),
                    xmp=xmp_packet(),
                    iptc=iptc,
                    dpi=(300.0, 300.0),
                )
                path = Path(folder) / f"{depth}{format_.suffixes[0]}"
                try:
                    write_photo(photo, path)
                except PhotostyleError as error:  # maybe a package is not installed
                    print(f"not fuzzed: {format_.name} ({error})")
                    continue
                yield Case(f"photostyle {format_.name} {depth}", path.suffix, path.read_bytes())


def _of_pillow(rgb: np.ndarray, profile: bytes) -> Iterator[Case]:
    image = Image.fromarray(rgb)
    rgba = image.convert("RGBA")
    rgba.putalpha(image.convert("L"))
    metadata: dict[str, Any] = {"exif": exif_block(), "icc_profile": profile}
    kinds: list[tuple[str, Image.Image, str, dict[str, Any]]] = [
        ("baseline", image, "JPEG", {**metadata, "xmp": xmp_packet(), "dpi": (300, 300)}),
        ("progressive", image, "JPEG", {"progressive": True, "subsampling": "4:2:0"}),
        ("restarts", image, "JPEG", {"restart_marker_blocks": 2, "comment": b"a comment"}),
        ("grey", image.convert("L"), "JPEG", {}),
        ("CMYK", image.convert("CMYK"), "JPEG", {}),
        ("several", image, "MPO", {"save_all": True, "append_images": [image]}),
        ("8", rgba, "PNG", metadata),
        ("palette", image.quantize(16), "PNG", {"transparency": 3}),
        ("1 bit", image.convert("1"), "PNG", {"optimize": True}),
        ("grey and alpha", rgba.convert("LA"), "PNG", {"dpi": (72, 72)}),
        ("16 grey", Image.fromarray(rgb[..., 0].astype(np.uint16) * 257), "PNG", {}),
        ("animated", image, "PNG", {"save_all": True, "append_images": [image.rotate(90)]}),
        ("lossy", image, "WEBP", {**metadata, "xmp": xmp_packet()}),
        ("lossless", rgba, "WEBP", {"lossless": True}),
        ("animated", image, "WEBP", {"save_all": True, "append_images": [image.rotate(90)]}),
        ("CMYK", image.convert("CMYK"), "TIFF", {}),
        ("Lab", image.convert("LAB"), "TIFF", {}),
        ("palette", image.quantize(16), "TIFF", {}),
        ("1 bit", image.convert("1"), "TIFF", {"compression": "group4"}),
        *(
            (name, image, "TIFF", {"compression": name, "tiffinfo": {274: 6}, "dpi": (72, 72)})
            for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
        ),
    ]
    if features.check("avif"):
        kinds.append(("8", rgba, "AVIF", {**metadata, "xmp": xmp_packet(), "speed": 10}))
    for name, picture, format_, options in kinds:
        file = io.BytesIO()
        picture.save(file, format_, **options)
        suffix = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif"}.get(format_, f".{format_.lower()}")
        yield Case(f"Pillow {format_} {name}", suffix, file.getvalue())


def _of_opencv(rgb: np.ndarray) -> Iterator[Case]:
    deep = rgb.astype(np.uint16) * 257
    opaque = np.dstack([deep, np.full(deep.shape[:2], 40_000, np.uint16)])
    for name, suffix, pixels in (
        ("16", ".png", deep), ("16 and alpha", ".png", opaque), ("16 grey", ".png", deep[..., 0]),
        ("16", ".tif", deep), ("float", ".tif", rgb.astype(np.float32) / 255),
        ("10", ".avif", deep >> 6), ("10 and alpha", ".avif", opaque >> 6),
    ):  # fmt: skip
        options = [cv2.IMWRITE_AVIF_DEPTH, 10] if suffix == ".avif" else []
        try:
            _, encoded = cv2.imencode(suffix, pixels, options)
        except cv2.error:
            print(f"not fuzzed: OpenCV {suffix[1:].upper()} {name}")
            continue
        yield Case(f"OpenCV {suffix[1:].upper()} {name}", suffix, encoded.tobytes())


def _dng(rgb: np.ndarray) -> bytes:
    """A camera's raw data: one value a pixel, of red, green or blue in turn."""
    mosaic = rgb[..., 1].repeat(2, 0).repeat(2, 1).astype(np.uint16) * 15 + 500
    matrix = [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]
    tags: list[tuple[int, str, int, Any, bool]] = [
        (271, "s", 0, "Kamera AG", True), (272, "s", 0, "Eins", True),
        (33421, "H", 2, (2, 2), True), (33422, "B", 4, (0, 1, 1, 2), True),  # the pattern
        (50706, "B", 4, (1, 4, 0, 0), True), (50708, "s", 0, "Kamera AG Eins", True),  # version
        (50714, "H", 1, 500, True), (50717, "H", 1, 4500, True),  # black, white
        (50721, "2i", 9, matrix, True), (50728, "2I", 3, (1,) * 6, True), (50778, "H", 1, 21, True),
    ]  # fmt: skip
    file = io.BytesIO()
    tifffile.imwrite(file, mosaic, photometric="cfa", metadata=None, extratags=tags)
    return file.getvalue()


def _of_tifffile(rgb: np.ndarray) -> Iterator[Case]:
    yield Case("tifffile DNG", ".dng", _dng(rgb))
    deep = rgb.astype(np.uint16) * 257
    kinds: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "strips": (rgb, {"rowsperstrip": 7}),
        "tiles": (deep, {"tile": (16, 16)}),
        "planes": (deep.transpose(2, 0, 1).copy(), {"planarconfig": "separate"}),
        "deflate": (deep, {"compression": "zlib", "predictor": True}),
        "big endian": (deep, {"byteorder": ">"}),
        "BigTIFF": (deep, {"bigtiff": True, "extratags": [(0x0112, "H", 1, 6, True)]}),
        "grey": (deep[..., 0], {"photometric": "miniswhite"}),
        "half": (rgb.astype(np.float16) / np.float16(255), {}),
        "float": (rgb.astype(np.float32) / 255, {"compression": "zlib", "predictor": 3}),
        "double": (rgb.astype(np.float64) / 255, {}),
        "32 bits": (deep.astype(np.uint32) * 65537, {}),
        "signed": (rgb.astype(np.int16), {}),
        "several": (np.stack([deep, deep]), {}),
        "WebP": (rgb, {"compression": "webp"}),
        "JPEG 2000": (rgb, {"compression": "jpeg2000"}),
    }
    for name, (pixels, options) in kinds.items():
        file = io.BytesIO()
        settings = {"photometric": "rgb", "metadata": None, **options}
        tifffile.imwrite(file, pixels, **settings)
        yield Case(f"tifffile TIFF {name}", ".tif", file.getvalue())


# Damage


def damaged(corpus: list[Case], seed: int, number: int) -> Case:
    """The case of this number: the same for the same corpus and seed."""
    rng = np.random.default_rng([seed, number])
    if number % 3 == 0:  # every photo cut at every percent, in turn
        step, chosen = divmod(number // 3, len(corpus))
        case = corpus[chosen]
        percent = step % 100
        data = case.data[: len(case.data) * percent // 100]
        return Case(f"{number}: {case.name}, cut at {percent} %", case.suffix, data)
    case = corpus[rng.integers(len(corpus))]
    name, data = case.name, bytearray(case.data)
    for damage in rng.choice(DAMAGES, rng.integers(1, 4)):
        damage(data, rng, corpus)
        name += f", {damage.__name__}"
    if data.startswith(PNG) and rng.random() < 0.7:
        data = checksums_mended(data)
        name += ", checksums mended"
    suffix = case.suffix
    if rng.random() < 0.1:
        suffix = SUFFIXES[rng.integers(len(SUFFIXES))]
        name += f", as '{suffix}'"
    return Case(f"{number}: {name}", suffix, bytes(data))


def checksums_mended(data: bytearray) -> bytearray:
    """A PNG file whose chunks have right checksums: damage inside them gets to be read."""
    mended = bytearray(data)
    position = len(PNG)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", mended, end, zlib.crc32(data[position + 4 : end]))
        position = end + 4
    return mended


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """A position, often in what comes first, but seldom in what tells the format."""
    end = max(1, len(data))
    start = 12 if end > 12 and rng.random() < 0.9 else 0
    return int(rng.integers(start, min(end, 600) if rng.random() < 0.5 else end))


def bytes_changed(data: bytearray, rng: np.random.Generator, _: list[Case]) -> None:
    for _ in range(int(rng.integers(1, 5))):
        place = _place(data, rng)
        data[place : place + 1] = rng.bytes(1)


def bits_flipped(data: bytearray, rng: np.random.Generator, _: list[Case]) -> None:
    for _ in range(int(rng.integers(1, 4))):
        place = _place(data, rng)
        if place < len(data):
            data[place] ^= 1 << int(rng.integers(8))


def number_replaced(data: bytearray, rng: np.random.Generator, _: list[Case]) -> None:
    """Numbers at which sizes and offsets go wrong."""
    numbers = (0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(data))
    value = numbers[rng.integers(len(numbers))]
    size = int(rng.choice([1, 2, 4, 8]))
    place = _place(data, rng)
    order = "little" if rng.random() < 0.5 else "big"
    data[place : place + size] = (value % (1 << 8 * size)).to_bytes(size, order)


def blocks_swapped(data: bytearray, rng: np.random.Generator, _: list[Case]) -> None:
    a, b = sorted((_place(data, rng), _place(data, rng)))
    size = min(int(rng.integers(1, 65)), b - a)
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def block_removed(data: bytearray, rng: np.random.Generator, _: list[Case]) -> None:
    place = _place(data, rng)
    del data[place : place + int(rng.integers(1, 200))]


def block_repeated(data: bytearray, rng: np.random.Generator, _: list[Case]) -> None:
    place = _place(data, rng)
    data[place:place] = data[place : place + int(rng.integers(1, 200))] * int(rng.integers(1, 9))


def block_of_another(data: bytearray, rng: np.random.Generator, corpus: list[Case]) -> None:
    other = corpus[rng.integers(len(corpus))].data
    start = int(rng.integers(len(other)))
    block = other[start : start + int(rng.integers(1, 400))]
    place = _place(data, rng)
    data[place : place + len(block)] = block


def end_of_another(data: bytearray, rng: np.random.Generator, corpus: list[Case]) -> None:
    other = corpus[rng.integers(len(corpus))].data
    data[_place(data, rng) :] = other[int(rng.integers(len(other))) :]


def zeros(data: bytearray, rng: np.random.Generator, _: list[Case]) -> None:
    place = _place(data, rng)
    size = len(data[place : place + int(rng.integers(1, 100))])
    data[place : place + size] = bytes([int(rng.choice([0, 255]))]) * size


def field_made_absurd(data: bytearray, rng: np.random.Generator, _: list[Case]) -> None:
    """A field of a TIFF directory, or of that in an EXIF block, with an absurd number or value."""
    starts = [found.start() for found in re.finditer(rb"II[*+]\0|MM\0[*+]", data)]
    if not starts:
        bytes_changed(data, rng, _)
        return
    start = starts[rng.integers(len(starts))]
    fields = list(tiff_fields(data, start))
    if not fields:
        return
    order, code, at, _tag = fields[rng.integers(len(fields))]
    size = struct.calcsize(code)
    what = int(rng.integers(3))
    if what == 0:  # a kind of value that it does not have
        struct.pack_into(order + "H", data, at + 2, int(rng.integers(0, 20)))
        return
    absurd = ABSURD[rng.integers(len(ABSURD))] % (1 << 8 * size)
    struct.pack_into(order + code, data, at + (4 if what == 1 else 4 + size), absurd)


ABSURD = (0, 1, 2, 3, 5, 255, 4096, 65_535, 65_536, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 64) - 1)
"""Of samples a pixel, bits a sample, rows a strip, strips, and whatever else there is."""


DAMAGES: list[Any] = [
    field_made_absurd, bytes_changed, bits_flipped, number_replaced, blocks_swapped, block_removed,
    block_repeated, block_of_another, end_of_another, zeros,
]  # fmt: skip


# Headers that claim too much, and metadata that expands


def bombs(corpus: list[Case]) -> Iterator[Case]:
    by_name = {case.name: case.data for case in corpus}
    for depth, colour in ((1, 0), (8, 2), (16, 6)):
        for interlace in (0, 1):
            header = struct.pack(">IIBBBBB", HUGE, HUGE, depth, colour, 0, 0, interlace)
            rows = zlib.compress(bytes(4_000_000), 9)
            data = PNG + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
            yield Case(f"PNG of {HUGE} x {HUGE} in {depth} bits, {interlace=}", ".png", data)
    for name in ("baseline", "progressive", "CMYK"):
        data = by_name[f"Pillow JPEG {name}"]
        frame = next(at for mark in (b"\xff\xc0", b"\xff\xc2") if (at := data.find(mark)) > 0)
        size = struct.pack(">HH", HUGE, HUGE)
        yield Case(
            f"JPEG {name} of {HUGE} x {HUGE}", ".jpg", data[: frame + 5] + size + data[frame + 9 :]
        )
    for name, data in by_name.items():
        if name.startswith("tifffile"):
            suffix = ".dng" if "DNG" in name else ".tif"
            huge = _tiff_with(data, {256: HUGE, 257: HUGE})
            yield Case(f"{name} of {HUGE} x {HUGE}", suffix, huge)
    yield from _absurd_tiffs(by_name)
    yield Case("WebP of 16,384 x 16,384", ".webp", _webp_of_size(16_384))
    for name, suffix in (("AVIF", ".avif"), ("HEIF", ".heic")):
        for data in [data for key, data in by_name.items() if f" {name} " in key]:
            edited = bytearray(data)
            for extent in re.finditer(rb"ispe\0{4}", data):
                struct.pack_into(">II", edited, extent.end(), HUGE, HUGE)
            yield Case(f"{name} of {HUGE} x {HUGE}", suffix, bytes(edited))
    # Not a multiple of 8; 18 bits of height; as wide as high.
    size = 0b10 << 1 | (HUGE - 1) << 3 | 1 << 21
    header = b"\xff\x0a" + size.to_bytes(3, "little") + b"\1"
    yield Case(f"JPEG XL of {HUGE} x {HUGE}", ".jxl", header + bytes(99))
    yield from _expanding(by_name)


def _chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)


def tiff_fields(data: bytes | bytearray, start: int = 0) -> Iterator[tuple[str, str, int, int]]:
    """Byte order, code of numbers and positions, place and tag of a TIFF file's first fields.

    Args:
        data: What the file is in.
        start: Where it begins.
    """
    order = "<" if data[start : start + 2] == b"II" else ">"
    try:
        big = struct.unpack_from(order + "H", data, start + 2)[0] == 43
        code, header, length = ("Q", 8, 20) if big else ("I", 4, 12)
        (first,) = struct.unpack_from(order + code, data, start + header)
        first += start
        (number,) = struct.unpack_from(order + ("Q" if big else "H"), data, first)
        first += 8 if big else 2
        for at in range(first, first + min(number, 200) * length, length):
            if at + length <= len(data):
                yield order, code, at, struct.unpack_from(order + "H", data, at)[0]
    except struct.error:
        return


def _tiff_with(data: bytes, values: dict[int, int], *, number: int | None = None) -> bytes:
    """A TIFF file some of whose fields have another value, or hold another number of values."""
    edited = bytearray(data)
    for order, code, at, tag in tiff_fields(data):
        if tag in values:
            size = struct.calcsize(code)
            kind = struct.unpack_from(order + "H", data, at + 2)[0]
            short = {1: "B", 3: "H", 4: "I"}.get(kind, code)
            struct.pack_into(order + short, edited, at + 4 + size, values[tag])
            if number is not None:
                struct.pack_into(order + code, edited, at + 4, number)
    return bytes(edited)


def _absurd_tiffs(by_name: dict[str, bytes]) -> Iterator[Case]:
    """Files that claim absurd numbers of samples, bits, strips and tiles."""
    names = ("tifffile TIFF strips", "tifffile TIFF tiles", "tifffile TIFF planes",
             "tifffile TIFF BigTIFF", "Pillow TIFF tiff_lzw", "OpenCV TIF float")  # fmt: skip
    fields = {
        277: "samples a pixel", 258: "bits a sample", 278: "rows a strip", 322: "pixels a tile",
        259: "compression", 262: "photometric", 284: "planar", 339: "format",
    }  # fmt: skip
    for name in names:
        data = by_name[name]
        for tag, what in fields.items():
            for value in (0, 5, 8, 255, 65_535):
                edited = _tiff_with(data, {tag: value}, number=1)
                if edited != data:
                    yield Case(f"{name}: {what} {value}", ".tif", edited)
        for tag, what in ((273, "strips"), (279, "strip sizes"), (324, "tiles"), (258, "bits")):
            for number in (0, 1 << 20, (1 << 32) - 1):
                edited = _tiff_with(data, {tag: 8}, number=number)
                if edited != data:
                    yield Case(f"{name}: {number} {what}", ".tif", edited)


def _webp_of_size(size: int) -> bytes:
    canvas = bytes(4) + (size - 1).to_bytes(3, "little") * 2
    frame = b"VP8L" + struct.pack("<I", 10) + b"\x2f" + ((size - 1) * 16385).to_bytes(4, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas + frame + bytes(5)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _expanding(by_name: dict[str, bytes]) -> Iterator[Case]:
    png, jpeg = by_name["photostyle PNG 8"], by_name["photostyle JPEG 8"]
    head, tail = png[:33], png[33:]
    inflated = zlib.compress(bytes(200_000_000), 9)
    for kind, start in (
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"), (b"zTXt", b"Comment\0\0"), (b"iCCP", b"ICC\0\0"),
        (b"zTXt", b"Raw profile type exif\0\0"), (b"zTXt", b"Raw profile type iptc\0\0"),
    ):  # fmt: skip
        name = start.split(b"\0")[0].decode()
        bomb = _chunk(kind, start + inflated)
        yield Case(f"PNG with 200 MB in {kind.decode()} {name}", ".png", head + bomb + tail)
    many = _chunk(b"tEXt", b"a\0b") * 10_000
    yield Case("PNG with 10,000 text chunks", ".png", head + many + tail)

    entities = "".join(
        f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "e" * 10}">' for i in range(9)
    )
    doctype = f"<!DOCTYPE x [{entities}]><x>&e8;</x>".encode()
    deep = b"<a>" * 5000 + b"</a>" * 5000
    for name, packet in (("entities", doctype), ("depth", deep)):
        payload = b"http://ns.adobe.com/xap/1.0/\0" + packet
        segment = b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload
        yield Case(f"JPEG with XMP that expands by {name}", ".jpg", jpeg[:2] + segment + jpeg[2:])

    number = 4000
    fields = b"".join(struct.pack("<HHII", tag, 7, 1 << 20, 8) for tag in range(number))
    strip = bytes(1 << 20)
    records = [
        (256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 8), (279, 4, 1, 64),
        (0x8769, 4, 1, 8 + len(strip)),
    ]  # fmt: skip
    below = struct.pack("<H", number) + fields + bytes(4)
    main = struct.pack("<H", len(records)) + b"".join(
        struct.pack("<HHII", *record) for record in records
    )
    start = 8 + len(strip) + len(below)
    data = b"II*\0" + struct.pack("<I", start) + strip + below + main + bytes(4)
    yield Case("TIFF whose EXIF fields share a megabyte", ".tif", data)
    loop = b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    yield Case("TIFF whose directories lead back to themselves", ".tif", loop)


# Reading, in processes of their own


def serve(pipe: Connection, corpus: list[Case], max_pixels: int) -> None:
    """Read one file after another until told to stop."""
    cv2.setNumThreads(1)
    printed: list[str] = []
    sys.unraisablehook = lambda problem: printed.append(repr(problem.exc_value))
    warnings.simplefilter("error")
    # What libraries print to the error output would fill the screen.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with tempfile.TemporaryDirectory() as folder:
        for case in corpus:  # what is loaded once does not count
            read(case, Path(folder), max_pixels)
        allowed = MEGABYTES * 10**6 + BYTES_A_PIXEL * max_pixels
        in_use = _status("VmSize") * 1024
        if in_use:
            resource.setrlimit(resource.RLIMIT_AS, (in_use + allowed, in_use + allowed))
        pipe.send(Outcome("ready"))
        while (case := pipe.recv()) is not None:
            printed.clear()
            outcome = read(case, Path(folder), max_pixels)
            if printed and not outcome.is_fault:
                outcome = Outcome("printed exception", printed[0])
            pipe.send(outcome)


def read(case: Case, folder: Path, max_pixels: int) -> Outcome:
    """Read a file, edit its metadata, write it."""
    path = folder / f"photo{case.suffix}"
    path.write_bytes(case.data)
    before = _reset_peak()
    started, worked = time.perf_counter(), time.process_time()
    outcome = Outcome("read")
    try:
        photo = read_photo(path, max_pixels=max_pixels)
        outcome.warnings = len(photo.warnings)
        outcome.text = "; ".join(sorted(photo.warnings))
        outcome.seconds = time.perf_counter() - started
        outcome.processor = time.process_time() - worked
        if photo.width * photo.height > max_pixels or not np.isfinite(photo.pixels).all():
            outcome = Outcome("senseless photo", f"{photo.width} x {photo.height}")
        made = Made("photostyle", "fuzz", datetime(2026, 1, 1, tzinfo=UTC))
        out = folder / f"out{WRITTEN[zlib.crc32(case.data) % 4]}"
        write_photo(with_metadata(photo, "no-gps", made), out, overwrite=True)
    except PhotostyleError as error:
        outcome = Outcome("refused", str(error).replace(str(path), "FILE"))
        if "memory" in str(error) or isinstance(error.__cause__, MemoryError):
            outcome.kind = "out of memory"
        if isinstance(error.__cause__, Warning):
            outcome.kind = "warning"
    except BaseException as error:  # noqa: BLE001 - this is what is looked for
        outcome = Outcome(type(error).__name__, traceback.format_exc())
    outcome.seconds = outcome.seconds or time.perf_counter() - started
    outcome.processor = outcome.processor or time.process_time() - worked
    outcome.megabytes = max(0, _status("VmHWM") - before) / 1024
    return outcome


def _status(key: str) -> int:
    """A figure in KiB of what Linux tells about this process; 0 on other systems."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    match = re.search(rf"{key}:\s+(\d+)", text)
    return int(match[1]) if match else 0


def _reset_peak() -> int:
    """Let the peak of memory begin anew, and return what is in use."""
    try:
        # Memory that was freed but not given back would hide what is allocated anew.
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):
        return 0
    return _status("VmRSS")


class Worker:
    """A process that reads files, started anew when one file ends it."""

    def __init__(self, corpus: list[Case], max_pixels: int) -> None:
        self._arguments = (corpus, max_pixels)
        self.case: Case | None = None
        self.started = 0.0
        self._start()

    def _start(self) -> None:
        self.pipe, theirs = get_context("spawn").Pipe()
        self.process: SpawnProcess = get_context("spawn").Process(
            target=serve, args=(theirs, *self._arguments), daemon=True
        )
        self.process.start()
        theirs.close()
        if self.pipe.recv().kind != "ready":
            raise SystemExit("a process that reads files could not be started")

    def give(self, case: Case) -> None:
        self.case, self.started = case, time.perf_counter()
        self.pipe.send(case)

    @property
    def is_late(self) -> bool:
        return time.perf_counter() - self.started > SECONDS

    def take(self) -> Outcome:
        """What came of the case; the process has answered, ended, or is late."""
        seconds = time.perf_counter() - self.started
        if self.pipe.poll():
            try:
                outcome: Outcome = self.pipe.recv()
            except (EOFError, ConnectionError):
                self.process.join()
                outcome = Outcome("end of the process", f"exit code {self.process.exitcode}")
                self._start()
        else:
            self.process.kill()
            self.process.join()
            outcome = Outcome("late", f"no answer in {SECONDS:g} s", seconds)
            self._start()
        self.case = None
        return outcome

    def stop(self) -> None:
        self.pipe.send(None)
        self.process.join(5)


def results(cases: Iterator[Case], workers: list[Worker]) -> Iterator[tuple[Case, Outcome]]:
    """Read all cases, and give each with what came of it, in no order."""
    for worker in workers:
        if (case := next(cases, None)) is not None:
            worker.give(case)
    while busy := [worker for worker in workers if worker.case]:
        ready = connection.wait([worker.pipe for worker in busy], timeout=0.2)
        for worker in busy:
            if worker.case and (worker.pipe in ready or worker.is_late):
                case = worker.case
                yield case, worker.take()
                if (following := next(cases, None)) is not None:
                    worker.give(following)


def check_bombs(corpus: list[Case], worker: Worker) -> list[tuple[Case, Outcome]]:
    """Read files that claim too much, twice: the second time nothing has to be loaded."""
    faults = []
    print(f"{'claims too much':58} {'outcome':10} {'s':>6} {'MB':>6}")
    for case in bombs(corpus):
        outcomes = [outcome for _ in range(2) for _, outcome in results(iter([case]), [worker])]
        outcome = min(outcomes, key=lambda outcome: (not outcome.is_fault, outcome.processor))
        too_much = outcome.processor > BOMB_SECONDS or outcome.megabytes > BOMB_MEGABYTES
        print(
            f"{case.name[:58]:58} {outcome.kind:10} {outcome.processor:6.3f}"
            f" {outcome.megabytes:6.1f}  {'FAULT ' if outcome.is_fault or too_much else ''}"
            f"{last_line(outcome)[:60]}"
        )
        if outcome.is_fault or too_much:
            kind = outcome.kind if outcome.is_fault else "too slow or too large"
            text = outcome.text or f"{outcome.processor:.3f} s, {outcome.megabytes:.1f} MB"
            faults.append(
                (case, Outcome(kind, text, outcome.seconds, outcome.processor, outcome.megabytes))
            )
    return faults


def last_line(outcome: Outcome) -> str:
    lines = outcome.text.strip().splitlines()
    return lines[-1].removeprefix("cannot read 'FILE': ") if lines else ""


def report(done: list[tuple[Case, Outcome]]) -> None:
    kinds = Counter(
        f"{outcome.kind:8} {re.sub(r'[0-9]+', 'N', last_line(outcome))[:110]}"
        for _, outcome in done
    )  # fmt: skip
    print(f"\n{len(done)} damaged files, by outcome")
    for kind, count in kinds.most_common(60):
        print(f"{count:7} {kind}")
    for title, key in (
        ("slowest", "seconds"), ("largest memory", "megabytes"), ("most warnings", "warnings")
    ):  # fmt: skip
        print(f"\n{title}")
        for case, outcome in sorted(done, key=lambda pair: -getattr(pair[1], key))[:5]:
            print(
                f"{outcome.seconds:8.3f} s {outcome.megabytes:7.1f} MB {outcome.warnings:4}"
                f"  {case.name}"
            )


def report_faults(faults: list[tuple[Case, Outcome]], folder: Path, seed: int) -> None:
    """Of each kind of fault the smallest file, and how to read it again."""
    kinds: dict[str, list[tuple[Case, Outcome]]] = {}
    for case, outcome in faults:
        text = re.sub(r"[0-9]+", "N", last_line(outcome))[:110]
        kinds.setdefault(f"{outcome.kind}: {text}", []).append((case, outcome))
    print(f"\n{len(faults)} faults of {len(kinds)} kinds")
    for kind, pairs in kinds.items():
        case, outcome = min(pairs, key=lambda pair: len(pair[0].data))
        print(f"\n{len(pairs)} x {kind}\n{case.name}\nkept as {keep(case, folder)}")
        if re.match(r"\d+:", case.name):
            number = case.name.partition(":")[0]
            print(f"again: python {sys.argv[0]} --seed {seed} --case {number}")
        print(outcome.text[-1500:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--max-pixels", type=int, default=1_000_000)
    parser.add_argument("--case", type=int, help="this one only, kept even if all is well")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), metavar="DIR")
    options = parser.parse_args()

    # Threads of decoders would reserve memory of their own, which the limit would count.
    os.environ |= {"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}
    corpus = list(photos())
    print(f"{len(corpus)} photos, {len({case.data for case in corpus})} of them different")
    workers = [Worker(corpus, options.max_pixels) for _ in range(options.jobs)]
    undamaged = list(results(iter(corpus), workers))
    for case, outcome in undamaged:
        if outcome.kind != "read":
            print(f"  {case.name}: {outcome.kind} {outcome.text[-200:]}")

    if options.case is not None:
        case = damaged(corpus, options.seed, options.case)
        ((_, outcome),) = results(iter([case]), workers[:1])
        print(f"{case.name}\n{outcome}\nkept as {keep(case, options.keep)}")
        sys.exit(outcome.is_fault)
    faults = check_bombs(corpus, workers[0])
    cases = (damaged(corpus, options.seed, number) for number in range(options.runs))
    done = []
    started = time.perf_counter()
    for case, outcome in results(cases, workers):
        done.append((case, outcome))
        if len(done) % 1000 == 0:
            print(f"{len(done)} in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    report(done)
    for worker in workers:
        worker.stop()
    faults += [pair for pair in [*undamaged, *done] if pair[1].is_fault]
    report_faults(faults, options.keep, options.seed)
    sys.exit(bool(faults))


def keep(case: Case, folder: Path) -> Path:
    """Write a case as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (re.sub(r"\W+", "-", case.name)[:80] + case.suffix)
    path.write_bytes(case.data)
    return path


if __name__ == "__main__":
    main()
