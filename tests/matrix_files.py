"""Photo files of every kind, made without the package, and what other readers find in such files.

PNG and TIFF files are put together byte by byte here; the other formats come from their codecs.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from pathlib import Path

HEIGHT, WIDTH = 16, 24

SUFFIXES = {
    "JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WebP": ".webp", "AVIF": ".avif",
    "HEIC": ".heic", "JPEG XL": ".jxl",
}  # fmt: skip

EXTRAS = {"HEIC": ("pillow_heif",), "JPEG XL": ("pillow_jxl", "imagecodecs")}
"""Packages that formats need beyond those that are always there."""

RESOLUTION_PLACES = ("JPEG", "PNG", "TIFF")
"""Formats with a place for the resolution besides EXIF."""

IPTC_PLACES = ("JPEG", "PNG", "TIFF")

TAKEN = "2024:05:06 07:08:09"
LATITUDE = (48.0, 8.0, 13.0)


@dataclass(frozen=True)
class Cell:
    """A kind of photo file."""

    format: str
    depth: int = 8
    mode: str = "RGB"
    profile: str = "none"
    orientation: int = 1
    dpi: tuple[int, int] = (300, 300)
    jpeg: bool = False
    """Whether a JPEG XL file holds a whole JPEG file."""
    iptc_within: bool = False
    """Whether that has IPTC records."""

    def __str__(self) -> str:
        name = f"{self.format}-{self.depth}-{self.mode}-{self.profile}-{self.orientation}"
        name += "-jpeg" * self.jpeg + "-iptc" * self.iptc_within
        name += "-anamorphic" * (self.dpi[0] != self.dpi[1])
        return name.replace(" ", "")

    @property
    def needs(self) -> tuple[str, ...]:
        """Packages that are needed to make the file."""
        return (
            *EXTRAS.get(self.format, ()),
            *(("imagecodecs",) if self._jpeg_of_inks else ()),
        )

    @property
    def missing(self) -> str | None:
        """A package that is needed and not there."""
        return next((name for name in self.needs if find_spec(name) is None), None)

    @property
    def grey(self) -> bool:
        return self.mode in ("grey", "grey+alpha", "1-bit")

    @property
    def alpha(self) -> bool:
        return self.mode in ("RGBA", "grey+alpha")

    @property
    def inks(self) -> bool:
        return self.mode in ("CMYK", "YCCK")

    @property
    def lossless(self) -> bool:
        return self.format in ("PNG", "TIFF")

    @property
    def has_iptc(self) -> bool:
        return self.format in IPTC_PLACES or self.iptc_within

    @property
    def _jpeg_of_inks(self) -> bool:
        return self.format == "JPEG" and self.inks


# Pixels


def scene(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A small landscape, float64 `H W 3` in [0.05, 0.95]: gradients, an edge, fine texture."""
    y, x = _mesh(height, width)
    sky = np.stack([0.35 + 0.4 * y, 0.5 + 0.3 * y, 0.85 - 0.1 * x], -1)
    land = np.stack([0.3 + 0.2 * x, 0.45 - 0.15 * y, 0.2 + 0.1 * x], -1)
    picture = np.where((y > 0.6 + 0.1 * np.sin(7 * x))[..., None], land, sky)
    picture += 0.03 * np.sin(25 * x + 11 * y)[..., None]
    return np.clip(picture, 0.05, 0.95)


def _mesh(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    return y / height, x / width


def coded(values: np.ndarray, depth: int) -> np.ndarray:
    """Values in [0, 1] as a file of this depth has them: uint8, uint16 or float32."""
    if depth == 32:
        return values.astype(np.float32)
    return np.round(values * (2**depth - 1)).astype(np.uint8 if depth == 8 else np.uint16)


def upright_samples(cell: Cell) -> np.ndarray:
    """What a cell's file shows, `H W C`, in its own colours, upright.

    `C` is 1 to 4; of a palette the colours, not their numbers; CMYK as the amounts of ink.
    """
    colours = scene()
    alpha = 0.2 + 0.8 * _mesh(HEIGHT, WIDTH)[1][..., None]
    if cell.mode == "palette":
        return _palette()[0][_palette()[1]]
    if cell.inks:
        black = 1 - colours.max(axis=-1, keepdims=True)
        return coded(np.concatenate([1 - colours - black, black], -1), cell.depth)
    if cell.grey:
        colours = colours.mean(axis=-1, keepdims=True)
    if cell.mode == "1-bit":
        return coded((colours > 0.5).astype(np.float64), 8)
    if cell.alpha:
        colours = np.concatenate([colours, alpha], -1)
    return coded(colours, cell.depth)


@cache
def _palette() -> tuple[np.ndarray, np.ndarray]:
    """256 colours, uint8, and numbers of them, `H W`."""
    image = Image.fromarray(coded(scene(), 8)).quantize(64)
    colours = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    return np.concatenate([colours, np.zeros((256 - len(colours), 3), np.uint8)]), np.asarray(image)


_TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: lambda a: np.rot90(a, -1),
}
"""By orientation: how an upright picture is to be stored."""


def stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """An upright picture as it is stored with an EXIF orientation."""
    return np.ascontiguousarray(_TURNS[orientation](upright))


# Metadata


def exif_block(cell: Cell) -> bytes:
    """An EXIF block from its `II` header on."""
    exif = Image.Exif()
    exif.endian = "<"
    exif[0x010F] = "Kamera AG"
    exif[0x0112] = cell.orientation
    if cell.format not in RESOLUTION_PLACES:
        exif[0x011A], exif[0x011B], exif[0x0128] = float(cell.dpi[0]), float(cell.dpi[1]), 2
    exif.get_ifd(0x8769)[0x9003] = TAKEN
    exif.get_ifd(0x8825).update({1: "N", 2: LATITUDE})
    return exif.tobytes().removeprefix(b"Exif\0\0")


def xmp_packet(orientation: int) -> bytes:
    return (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        b'tiff:Orientation="%d" xmp:Label="a hill"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
        % orientation
    )


def iptc_records() -> bytes:
    texts = ((5, b"A hill"), (90, b"Kleinstadt"), (120, b"Seen from below"))
    return b"".join(struct.pack(">BBBH", 28, 2, n, len(t)) + t for n, t in texts)


_RESOURCE = b"8BIM\x04\x04\0\0"


def _resource(records: bytes) -> bytes:
    """IPTC records as Photoshop's resource."""
    return _RESOURCE + struct.pack(">I", len(records)) + records + bytes(len(records) % 2)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _gamma(value: float) -> bytes:
    return b"curv" + struct.pack(">IIH", 0, 1, round(value * 256))


def _profile(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    text = b"made for a test\0"
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + text,
        b"wtpt": b"XYZ " + bytes(4) + _fixed(0.9642, 1, 0.8249),
        **tags,
    }
    table, body = b"", b""
    for name, element in tags.items():
        body += bytes(-len(body) % 4)
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(element))
        body += element
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    header = bytes(8) + struct.pack(">I4s4s4s", 0x02400000, kind, space, pcs)
    header = header.ljust(36, b"\0") + b"acsp"
    header = header.ljust(68, b"\0") + _fixed(0.9642, 1, 0.8249)
    profile = header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


def _rgb_profile(columns: tuple[tuple[float, ...], ...], curve: bytes) -> bytes:
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    primaries = {n: b"XYZ " + bytes(4) + _fixed(*c) for n, c in zip(names, columns, strict=True)}
    return _profile(b"RGB ", primaries | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def press_profile(*, both_ways: bool = True) -> bytes:
    """A press in tables: each ink takes nine tenths of a colour, and black of all three.

    Args:
        both_ways: Whether there is a table that leads back, which prints a half of the grey in
            black.
    """
    axis = np.linspace(0, 1, 7)
    inks = np.stack(np.meshgrid(axis, axis, axis, axis, indexing="ij"), -1).reshape(-1, 4)
    linear = _srgb_decoded((1 - 0.9 * inks[:, :3]) * (1 - 0.9 * inks[:, 3:]))
    tables = {b"A2B0": _table(4, 3, 7, _lab_codes(linear @ _SRGB_TO_XYZ.T))}

    axis = np.linspace(0, 1, 15)
    codes = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    linear = _xyz_of_codes(codes) @ np.linalg.inv(_SRGB_TO_XYZ).T
    light = np.clip(_srgb_encoded(np.clip(linear, 0, 1)), 0.01, 1)
    black = np.clip(0.5 * (1 - light.max(axis=1, keepdims=True)) / 0.9, 0, 1)
    colours = np.clip((1 - light / (1 - 0.9 * black)) / 0.9, 0, 1)
    if both_ways:
        tables[b"B2A0"] = _table(3, 4, 15, np.concatenate([colours, black], 1))
    return _profile(b"CMYK", tables, b"Lab ")


_WHITE = np.array([0.9642, 1, 0.8249])
_SRGB_TO_XYZ = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.7141]]
)


def _srgb_decoded(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _srgb_encoded(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _lab_codes(xyz: np.ndarray) -> np.ndarray:
    """Lab of colours, as tables of 16 bits state it, in [0, 1]."""
    ratio = xyz / _WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * 841 / 108 + 4 / 29)
    lab = [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])]
    return np.stack([lab[0] * 652.8, (lab[1] + 128) * 256, (lab[2] + 128) * 256], 1) / 65535


def _xyz_of_codes(codes: np.ndarray) -> np.ndarray:
    lightness, a, b = (codes * 65535).T / np.array([[652.8], [256], [256]])
    y = (lightness + 16) / 116
    f = np.stack([y + (a - 128) / 500, y, y - (b - 128) / 200], 1)
    return np.where(f > 6 / 29, f**3, (f - 4 / 29) * 108 / 841) * _WHITE


def _table(inputs: int, outputs: int, points: int, values: np.ndarray) -> bytes:
    """A table element of 16 bits, with straight curves."""
    head = b"mft2" + bytes(4) + bytes([inputs, outputs, points, 0])
    head += _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack(">HH", 2, 2)
    ramp = struct.pack(">HH", 0, 65535)
    return head + ramp * inputs + coded(values, 16).astype(">u2").tobytes() + ramp * outputs


_SRGB_CURVE = b"para" + struct.pack(">IHH", 0, 3, 0) + _fixed(
    2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045
)  # fmt: skip

PROFILES = {
    "none": None,
    "Display P3": _rgb_profile(
        ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)),
        _SRGB_CURVE,
    ),
    "Adobe RGB": _rgb_profile(
        ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
        _gamma(563 / 256),
    ),
    "ProPhoto": _rgb_profile(
        ((0.79767, 0.28804, 0), (0.13519, 0.71187, 0), (0.03134, 0.00009, 0.82491)), _gamma(1.8)
    ),
    "grey": _profile(b"GRAY", {b"kTRC": _gamma(1.8)}),
    "inks": press_profile(),
    "linear": b"stated by numbers, of JPEG XL files of more than 8 bits",
}


# Writing files


def make_file(cell: Cell, path: Path) -> None:
    """Write the file of a cell, with all the metadata its format has a place for."""
    samples = stored(upright_samples(cell), cell.orientation)
    path.write_bytes(_WRITERS[cell.format](cell, samples, path))


def _png(cell: Cell, samples: np.ndarray, _path: Path) -> bytes:
    kinds = {"grey": 0, "1-bit": 0, "RGB": 2, "palette": 3, "grey+alpha": 4, "RGBA": 6}
    depth = 1 if cell.mode == "1-bit" else cell.depth
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, kinds[cell.mode], 0, 0, 0)
    rows = _packed(cell, samples, ">")
    exif, profile = exif_block(cell), PROFILES[cell.profile]
    xmp = b"XML:com.adobe.xmp" + bytes(5) + xmp_packet(cell.orientation)
    per_metre = struct.pack(">IIB", *(round(value / 0.0254) for value in cell.dpi), 1)
    parts = [(b"IHDR", header)]
    if profile:
        parts.append((b"iCCP", b"profile\0\0" + zlib.compress(profile)))
    if cell.mode == "palette":
        parts.append((b"PLTE", _palette()[0].tobytes()))
    # There is no chunk for IPTC; this is how exiftool and ImageMagick write it.
    resource = _resource(iptc_records())
    digits = b"\niptc\n%8d\n%s\n" % (len(resource), resource.hex("\n", -36).encode())
    iptc = b"Raw profile type iptc\0\0" + zlib.compress(digits)
    parts += [(b"pHYs", per_metre), (b"eXIf", exif), (b"iTXt", xmp), (b"zTXt", iptc)]
    parts += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def _packed(cell: Cell, samples: np.ndarray, order: str) -> list[bytes]:
    """Rows of samples as PNG and TIFF store them."""
    if cell.mode == "1-bit":
        return [np.packbits(row).tobytes() for row in samples[..., 0] > 0]
    if cell.mode == "palette":
        samples = stored(_palette()[1], cell.orientation)
    return [row.astype(row.dtype.newbyteorder(order)).tobytes() for row in samples]


def _tiff(cell: Cell, samples: np.ndarray, _path: Path) -> bytes:
    """An EXIF block is a TIFF file without a picture: it gets one, and a new main directory."""
    file = bytearray(exif_block(cell))
    (start,) = struct.unpack_from("<I", file, 4)
    (number,) = struct.unpack_from("<H", file, start)
    records = {}
    for place in range(start + 2, start + 2 + 12 * number, 12):
        records[struct.unpack_from("<H", file, place)[0]] = bytes(file[place : place + 12])

    def put(block: bytes) -> int:
        file.extend(bytes(len(file) % 2) + block)
        return len(file) - len(block)

    def field(tag: int, code: str, *values: int) -> None:
        kinds = {"B": 1, "H": 3, "I": 4, "Q": 5}
        numbers = [number for value in values for number in (value, 1)] if code == "Q" else values
        packed = struct.pack(f"<{len(numbers)}{code.replace('Q', 'I')}", *numbers)
        value = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack("<I", put(packed))
        records[tag] = struct.pack("<HHI", tag, kinds[code], len(values)) + value

    height, width = samples.shape[:2]
    channels = 1 if cell.mode == "palette" else samples.shape[2]
    bits = 1 if cell.mode == "1-bit" else cell.depth
    pixels = b"".join(_packed(cell, samples, "<"))
    photometric = 5 if cell.inks else 3 if cell.mode == "palette" else 1 if cell.grey else 2
    field(256, "I", width)
    field(257, "I", height)
    field(258, "H", *[bits] * channels)
    field(259, "H", 1)
    field(262, "H", photometric)
    field(273, "I", put(pixels))
    field(277, "H", channels)
    field(278, "I", height)
    field(279, "I", len(pixels))
    field(282, "Q", cell.dpi[0])
    field(283, "Q", cell.dpi[1])
    field(296, "H", 2)
    if cell.mode == "palette":
        field(320, "H", *(_palette()[0].T.astype(int) * 257).ravel())
    if cell.alpha:
        field(338, "H", 2)
    if cell.depth == 32:
        field(339, "H", *[3] * channels)
    field(700, "B", *xmp_packet(cell.orientation))
    field(33723, "B", *iptc_records())
    if profile := PROFILES[cell.profile]:
        field(34675, "B", *profile)
    directory = struct.pack("<H", len(records)) + b"".join(v for _, v in sorted(records.items()))
    struct.pack_into("<I", file, 4, put(directory + bytes(4)))
    return bytes(file)


def _jpeg(cell: Cell, samples: np.ndarray, _path: Path) -> bytes:
    if cell.inks:
        import imagecodecs

        # Adobe's JPEG files hold inverted CMYK.
        plain = imagecodecs.jpeg8_encode(
            255 - samples, level=98, colorspace="CMYK", outcolorspace=cell.mode, subsampling="444"
        )
    else:
        buffer = io.BytesIO()
        _image(samples).save(buffer, "JPEG", quality=98, subsampling="4:4:4")
        plain = buffer.getvalue()
    jfif = b"JFIF\0\1\2\1" + struct.pack(">HHBB", *cell.dpi, 0, 0)
    segments = [
        (0xE0, jfif),
        (0xE1, b"Exif\0\0" + exif_block(cell)),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_packet(cell.orientation)),
    ]
    if cell.has_iptc:
        segments.append((0xED, b"Photoshop 3.0\0" + _resource(iptc_records())))
    if profile := PROFILES[cell.profile]:
        segments.append((0xE2, b"ICC_PROFILE\0\1\1" + profile))
    # In place of the codec's own first segment, if that is JFIF's.
    start = 4 + struct.unpack_from(">H", plain, 4)[0] if plain[3] == 0xE0 else 2
    parts = (struct.pack(">BBH", 255, kind, len(data) + 2) + data for kind, data in segments)
    return b"\xff\xd8" + b"".join(parts) + plain[start:]


def _webp(cell: Cell, samples: np.ndarray, _path: Path) -> bytes:
    buffer = io.BytesIO()
    _image(samples).save(buffer, "WEBP", lossless=True, exact=True, **_blocks(cell))
    return buffer.getvalue()


def _avif(cell: Cell, samples: np.ndarray, _path: Path) -> bytes:
    if cell.depth > 8:
        codes = {1: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[samples.shape[2]]
        ordered = samples if codes is None else cv2.cvtColor(samples, codes)
        options = [cv2.IMWRITE_AVIF_DEPTH, cell.depth, cv2.IMWRITE_AVIF_SPEED, 9]
        options += [cv2.IMWRITE_AVIF_QUALITY, 98]
        blocks = {
            cv2.IMAGE_METADATA_EXIF: exif_block(cell),
            cv2.IMAGE_METADATA_XMP: xmp_packet(cell.orientation),
            cv2.IMAGE_METADATA_ICCP: PROFILES[cell.profile] or b"",
        }
        given = {kind: np.frombuffer(block, np.uint8) for kind, block in blocks.items() if block}
        return cv2.imencodeWithMetadata(
            ".avif", ordered, list(given), list(given.values()), options
        )[1].tobytes()
    buffer = io.BytesIO()
    sampling = "4:0:0" if cell.grey else "4:4:4"
    _image(samples).save(buffer, "AVIF", quality=98, speed=9, subsampling=sampling, **_blocks(cell))
    return buffer.getvalue()


def _heic(cell: Cell, samples: np.ndarray, _path: Path) -> bytes:
    import pillow_heif

    mode = {"RGB": "RGB", "RGBA": "RGBA", "grey": "L"}[cell.mode]
    if cell.depth > 8:
        mode = f"{mode};{cell.depth}"
    size = samples.shape[1::-1]
    file = pillow_heif.from_bytes(mode, size, samples.tobytes())
    buffer = io.BytesIO()
    options = {"chroma": 444, "enc_params": {"preset": "ultrafast"}, "bit_depth": cell.depth}
    file.save(buffer, quality=98, **options, **_blocks(cell))
    return buffer.getvalue()


def _jxl(cell: Cell, samples: np.ndarray, path: Path) -> bytes:
    import pillow_jxl  # noqa: F401 - registers the format

    buffer = io.BytesIO()
    if cell.jpeg:
        jpeg = path.with_suffix(".within")
        jpeg.write_bytes(_jpeg(cell, samples, path))
        with Image.open(jpeg, formats=("JPEG",)) as image:
            image.save(buffer, "JXL", lossless_jpeg=True)
        jpeg.unlink()
        return buffer.getvalue()
    if cell.depth > 8:
        import imagecodecs

        codestream = imagecodecs.jpegxl_encode(samples.squeeze(), lossless=True, usecontainer=False)
        codestream = _boxes(codestream).get(b"jxlc", codestream)  # where it makes one all the same
        codestream = _deep_codestream(codestream, cell)
    else:
        _image(samples).save(buffer, "JXL", quality=98, effort=3, use_container=False)
        codestream = _turned_codestream(buffer.getvalue(), cell.orientation)
    boxes = (
        (b"JXL ", b"\r\n\x87\n"),
        (b"ftyp", b"jxl \0\0\0\0jxl "),
        (b"Exif", bytes(4) + exif_block(cell)),
        (b"xml ", xmp_packet(cell.orientation)),
        (b"jxlc", codestream),
    )
    return b"".join(struct.pack(">I4s", len(data) + 8, kind) + data for kind, data in boxes)


def _turned_codestream(codestream: bytes, orientation: int) -> bytes:
    """A codestream whose header says nothing unusual, with an orientation in it.

    Reference: ISO/IEC 18181-1, annex D.
    """
    if orientation == 1:
        return codestream
    bits = "".join(f"{byte:08b}"[::-1] for byte in codestream[2:10])
    # Small sides: 1 bit, height: 5, ratio: 3 and if it is 0 width: 5; then whether all is usual.
    end = 9 if bits[6:9] != "000" else 14
    if bits[0] != "1" or bits[end : end + 2] != "11":
        raise ValueError("an unusual header")
    extra = "1" + f"{orientation - 1:03b}"[::-1] + "000"
    rest = "000" + "1" + "00" + "1" + "1" + "1" + "00" + "1"
    header = bits[:end] + "0" + extra + rest
    header += "0" * (-len(header) % 8)
    packed = bytes(int(header[i : i + 8][::-1], 2) for i in range(0, len(header), 8))
    return codestream[:2] + packed + codestream[2 + (end + 2 + 7) // 8 :]


def _deep_codestream(codestream: bytes, cell: Cell) -> bytes:
    """A codestream of linear samples of more than 8 bits, with another curve and an orientation.

    Reference: ISO/IEC 18181-1, annex D.
    """
    bits = "".join(f"{byte:08b}"[::-1] for byte in codestream[2:42])
    start = 9 if bits[6:9] != "000" else 14
    # Whether of floating point, how many bits, and of these the exponent's if there is one.
    depth = 7 if cell.depth == 32 else 9
    alpha = 1 + 2 + depth + 2 + 2 + 1 if cell.alpha else 0  # kind, depth, scale, name, multiplied
    # Enough of 16 bits, number of channels; how compressed, how stated; space, white, primaries.
    curve = start + 2 + depth + 1 + 2 + alpha + 1 + 2 + 2 + 2 + (0 if cell.grey else 2) + 1
    if bits[0] != "1" or bits[start : start + 2] != "00" or bits[curve : curve + 6] != "010110":
        raise ValueError("an unusual header")
    end = curve + 8  # with the rendering intent
    if cell.profile == "none":
        bits = bits[:curve] + "011101" + bits[curve + 6 :]
    extra = "1" + f"{cell.orientation - 1:03b}"[::-1] + "000"
    header = bits[: start + 1] + extra + bits[start + 2 : end] + "1" + "00" + "1"
    header += "0" * (-len(header) % 8)
    packed = bytes(int(header[i : i + 8][::-1], 2) for i in range(0, len(header), 8))
    return codestream[:2] + packed + codestream[2 + (end + 3 + 7) // 8 :]


_WRITERS = {
    "JPEG": _jpeg, "PNG": _png, "TIFF": _tiff, "WebP": _webp, "AVIF": _avif, "HEIC": _heic,
    "JPEG XL": _jxl,
}  # fmt: skip


def _image(samples: np.ndarray) -> Image.Image:
    return Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)


def _blocks(cell: Cell) -> dict[str, Any]:
    return {
        "exif": b"Exif\0\0" + exif_block(cell),
        "xmp": xmp_packet(cell.orientation),
        "icc_profile": PROFILES[cell.profile] or b"",
    }


# Reading files


@dataclass(frozen=True)
class Found:
    """What a reader other than the package finds in a file."""

    samples: np.ndarray
    """`H W C`: grey, RGB or CMYK, maybe with alpha; uint8, uint16 or float32, not turned."""

    depth: int
    """Bits a channel."""

    format: str
    """As in `SUFFIXES`."""

    profile: bytes | None
    exif: Image.Exif
    xmp: bytes | None
    iptc: bytes | None
    dpi: tuple[float, float] | None

    @property
    def grey(self) -> bool:
        return self.samples.shape[2] < 3

    @property
    def values(self) -> np.ndarray:
        """The samples over the range of their bits."""
        return self.samples / (1 if self.depth == 32 else 2**self.depth - 1)

    @property
    def taken(self) -> str | None:
        return self.exif.get_ifd(0x8769).get(0x9003)

    @property
    def latitude(self) -> tuple[float, ...]:
        return tuple(map(float, self.exif.get_ifd(0x8825).get(2, ())))


def read_file(path: Path) -> Found:
    """Read a result of photostyle."""
    data = path.read_bytes()
    format_ = next(name for name, suffix in SUFFIXES.items() if suffix == path.suffix)
    if path.suffix == ".tif":
        return _read_tiff(data)
    with _opened(path) as image:
        info, samples = image.info, np.asarray(image)
    block, xmp, dpi = info.get("exif"), info.get("xmp"), info.get("dpi")
    if path.suffix == ".jxl":
        boxes = _boxes(data)
        block, xmp = boxes.get(b"Exif", b"")[4:], boxes.get(b"xml ")
    depth = 8
    if path.suffix == ".jxl":
        import imagecodecs

        samples = imagecodecs.jpegxl_decode(data)
        depth = 8 * samples.itemsize
    if path.suffix == ".heic":
        import pillow_heif

        file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
        xmp, depth = file.info.get("xmp"), file.info["bit_depth"]  # Pillow's plugin edits it
        samples = np.asarray(file) >> (16 - depth if depth > 8 else 0)
        # The format of colours in the codec's configuration: of grey with alpha it makes RGB.
        if not data[data.index(b"hvcC") + 20] & 3 and samples.ndim == 3:
            samples = samples[..., [0, 3]]
    if path.suffix == ".png" and data[24] == 16:
        samples, depth = _decoded_by_opencv(data), 16
        if data[25] == 4:  # grey with alpha, of which OpenCV makes four channels
            samples = samples[..., [0, 3]]
    if path.suffix == ".avif":
        flags = data[data.index(b"av1C") + 6]  # of the codec's configuration
        if flags >> 6 & 1:
            samples, depth = _decoded_by_opencv(data), 12 if flags >> 5 & 1 else 10
        if flags >> 4 & 1:  # one channel, of which Pillow makes three
            samples = np.atleast_3d(samples)[..., [0, 3] if samples.shape[-1] == 4 else [0]]
    iptc = info.get("photoshop", {}).get(0x0404)
    if digits := info.get("Raw profile type iptc"):
        resource = bytes.fromhex("".join(digits.split()[2:]))
        start = len(_RESOURCE) + 4
        (length,) = struct.unpack_from(">I", resource, start - 4)
        iptc = resource[start : start + length]
    exif = Image.Exif()
    exif.load(block or b"")
    if dpi is None and 282 in exif:
        dpi = exif[282], exif[283]
    return Found(
        np.atleast_3d(samples),
        depth,
        format_,
        info.get("icc_profile") or None,
        exif,
        xmp or None,
        iptc,
        (float(dpi[0]), float(dpi[1])) if dpi else None,
    )


def _opened(path: Path) -> Image.Image:
    if path.suffix == ".heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    if path.suffix == ".jxl":
        import pillow_jxl  # noqa: F401 - registers the format
    kind = {".jpg": "JPEG", ".tif": "TIFF", ".heic": "HEIF"}.get(path.suffix)
    return Image.open(path, formats=(kind or path.suffix[1:].upper(),))


def _decoded_by_opencv(data: bytes) -> np.ndarray:
    samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples.ndim == 2:
        return samples
    four = samples.shape[2] == 4
    return cv2.cvtColor(samples, cv2.COLOR_BGRA2RGBA if four else cv2.COLOR_BGR2RGB)


def _read_tiff(data: bytes) -> Found:
    exif = Image.Exif()
    exif.load(data)
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (number,) = struct.unpack_from(order + "H", data, start)
    tags = {}
    for place in range(start + 2, start + 2 + 12 * number, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, place)
        size = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}[kind] * count
        at = place + 8 if size <= 4 else struct.unpack_from(order + "I", data, place + 8)[0]
        tags[tag] = data[at : at + size]
    samples = tifffile.imread(io.BytesIO(data))
    dpi = None
    if 282 in tags and struct.unpack(order + "H", tags[296]) == (2,):
        across, down = (struct.unpack(order + "II", tags[tag]) for tag in (282, 283))
        dpi = across[0] / across[1], down[0] / down[1]
    depth = 8 * samples.itemsize
    blocks = tags.get(34675), exif, tags.get(700), tags.get(33723)
    return Found(np.atleast_3d(samples), depth, "TIFF", *blocks, dpi)


def _boxes(data: bytes) -> dict[bytes, bytes]:
    boxes, position = {}, 0
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        end = position + size if size else len(data)
        boxes[kind] = data[position + 8 : end]
        position = end
    return boxes


# What is to be expected


def on_white(cell: Cell, values: np.ndarray, *, in_srgb: bool) -> np.ndarray:
    """Expected values with alpha over white, as sRGB sees it; in the file's colours again."""
    colours, alpha = values[..., :-1], values[..., -1:]
    power = round(1.8 * 256) / 256 if cell.profile == "grey" and not in_srgb else None
    if power is None:
        return colours * alpha + 1 - alpha
    return _srgb_decoded(_srgb_encoded(colours**power) * alpha + 1 - alpha) ** (1 / power)


def decoded_source(cell: Cell, path: Path) -> np.ndarray:
    """What the codec alone finds in a cell's file, upright: as `upright_samples`."""
    if cell.format in ("AVIF", "HEIC"):
        samples = read_file(path).samples
    else:
        with _opened(path) as image:
            samples = np.asarray(image)
    back = {6: 8, 8: 6}.get(cell.orientation, cell.orientation)
    return stored(samples, back)


def expected_values(cell: Cell, *, to_srgb: bool, samples: np.ndarray | None = None) -> np.ndarray:
    """What a result should hold, `H W C` in [0, 1]: of grey one channel, of inks four.

    Args:
        cell: The kind of file the result is made from.
        to_srgb: Whether the result is in sRGB instead of the file's colours; inks become RGB then.
        samples: What the file holds, if it is not what it was made from.
    """
    samples = upright_samples(cell) if samples is None else samples
    top = 1 if cell.depth == 32 else 255 if samples.dtype == np.uint8 else 2**cell.depth - 1
    values = np.atleast_3d(samples) / top
    if cell.inks and not to_srgb:
        return values
    if cell.inks and cell.profile == "none":
        return (1 - values[..., :3]) * (1 - values[..., 3:])
    if cell.inks:
        image = Image.fromarray(np.round(values * 255).astype(np.uint8), "CMYK")
        return _in_srgb(image, cell) / 255
    alpha = values[..., -1:] if cell.alpha else values[..., :0]
    colours = values[..., :-1] if cell.alpha else values
    if cell.grey:
        colours = colours[..., :1]  # of which some decoders make three
    if cell.profile in ("grey", "linear") and to_srgb:
        linear = colours if cell.profile == "linear" else colours ** (round(1.8 * 256) / 256)
        colours = _srgb_encoded(linear)
    elif to_srgb and cell.profile != "none":
        colours = _in_srgb(Image.fromarray(np.round(colours * 255).astype(np.uint8)), cell) / 255
    return np.concatenate([colours, alpha], -1)


def _in_srgb(image: Image.Image, cell: Cell) -> np.ndarray:
    profile = PROFILES[cell.profile]
    return np.asarray(
        ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    )


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of values in [0, 1], in dB."""
    return float(-10 * np.log10(np.mean((a - b) ** 2) + 1e-12))


_ROUND_TRIPS = {
    "JPEG": ("JPEG", {"subsampling": "4:4:4"}),
    "WebP": ("WEBP", {}),
    "AVIF": ("AVIF", {"subsampling": "4:4:4", "speed": 9}),
    "HEIC": ("HEIF", {"chroma": 444, "enc_params": {"preset": "ultrafast"}}),
    "JPEG XL": ("JXL", {"effort": 4}),
}


def round_trip(values: np.ndarray, format_: str, *qualities: int, deep: bool = False) -> np.ndarray:
    """Values in [0, 1], `H W C`, after the codec alone has written and read them, in 8 bits."""
    kind, options = _ROUND_TRIPS[format_]
    if deep and format_ == "AVIF":  # which the only encoder of more bits subsamples
        options = options | {"subsampling": "4:2:0"}
    if values.shape[2] < 3:
        values = values[..., [0, 0, 0, -1][: 3 + (values.shape[2] == 2)]]
    image = Image.fromarray(np.round(values * 255).astype(np.uint8))
    if kind == "JPEG" and values.shape[2] == 4:
        image = Image.fromarray(np.asarray(image), "CMYK")
    for quality in qualities:
        buffer = io.BytesIO()
        image.save(buffer, kind, quality=quality, **options)
        image = Image.open(buffer, formats=(kind,))
        image.load()
    return np.asarray(image) / 255
