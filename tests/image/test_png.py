from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from photostyle.image import png

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\xc3\xa4</x:xmpmeta>"

NOTHING = png.Metadata(None, None, None, None, ())


def encoded(**options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)).save(buffer, "PNG", **options)
    return buffer.getvalue()


def test_what_is_put_in_comes_out_and_pillow_reads_it_too(profiles, camera_exif):
    data = png.with_chunks(
        encoded(), icc_profile=profiles["sRGB"], exif=camera_exif(), xmp=XMP, dpi=(300, 240)
    )
    assert png.metadata(data) == (camera_exif(), XMP, None, profiles["sRGB"], (), (), b"")
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.info["icc_profile"] == profiles["sRGB"]
        assert image.info["dpi"] == pytest.approx((300, 240), abs=0.02)
        assert image.info["xmp"] == XMP
        assert image.getexif()[0x010F] == "Kamera AG"
        assert np.array_equal(np.asarray(image), np.arange(60).reshape(4, 5, 3))


def test_nothing_put_in_changes_nothing():
    data = encoded()
    assert png.with_chunks(data, icc_profile=None, exif=None, xmp=None, dpi=None) == data
    assert png.metadata(data) == NOTHING
    assert png.without_metadata(data) is data


@pytest.mark.parametrize("compressed", [False, True])
def test_metadata_behind_the_pixels_is_found(compressed):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), lang="de", tkey="Ä", zip=compressed)
    data = encoded(pnginfo=info)
    start = data.index(b"iTXt") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    late = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert png.metadata(late) == NOTHING._replace(xmp=XMP)


def test_texts_are_named_but_for_those_of_programs():
    info = PngImagePlugin.PngInfo()
    for keyword in ("Title", "Author", "Software", "date:create", "Raw profile type xmp"):
        info.add_text(keyword, "text")
    info.add_itxt("Comment", "täxt", zip=True)
    found = png.metadata(encoded(pnginfo=info)).comments
    assert found == ("Title", "Author", "Comment")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
def test_a_file_that_ends_early_is_refused(keep):
    data = encoded()
    with pytest.raises(ValueError, match="ends early"):
        list(png.chunks(data[: int(len(data) * keep)]))


def test_damage_counts_where_it_matters(camera_exif):
    data = bytearray(
        png.with_chunks(encoded(), icc_profile=None, exif=camera_exif(), xmp=XMP, dpi=None)
    )
    data[data.index(b"eXIf") + 30] ^= 1
    assert png.metadata(bytes(data)) == NOTHING._replace(xmp=XMP)
    data[data.index(b"IDAT") + 10] ^= 1
    with pytest.raises(ValueError, match="IDAT chunk is damaged"):
        png.metadata(bytes(data))


def with_chunk(kind: bytes, payload: bytes) -> bytes:
    chunk = kind + payload
    data = encoded()
    framed = struct.pack(">I", len(payload)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:33] + framed + data[33:]


STARTS = {
    "XMP data": (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"),
    "IPTC data": (b"zTXt", b"Raw profile type iptc\0\0"),
    "EXIF data": (b"zTXt", b"Raw profile type exif\0\0"),
    "colour profile": (b"iCCP", b"ICC\0\0"),
}


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize(
    "content", [zlib.compress(bytes(1 << 25)), zlib.compress(b"short")[:-3], b"rubbish"]
)
def test_what_inflates_beyond_measure_or_is_damaged_is_left_out(name, content):
    kind, start = STARTS[name]
    data = with_chunk(kind, start + content)
    assert png.metadata(data) == NOTHING._replace(damaged=(name,))
    assert png.without_metadata(data) == encoded()


def test_a_long_packet_and_a_long_profile_are_whole():
    long = bytes(range(256)) * 60_000  # 15 MB
    kind, start = STARTS["XMP data"]
    assert png.metadata(with_chunk(kind, start + zlib.compress(long))).xmp == long
    kind, start = STARTS["colour profile"]
    assert png.metadata(with_chunk(kind, start + zlib.compress(long))).icc_profile == long


def raw_profile(name: bytes, content: bytes) -> tuple[bytes, bytes]:
    """A text chunk as ImageMagick writes it."""
    digits = content.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{name.decode()}\n{len(content):8}\n{lines}\n".encode()
    return b"tEXt", b"Raw profile type " + name + b"\0" + text


def test_metadata_in_hexadecimal_digits(camera_exif):
    records = b"\x1c\x02\x78\x00\x07Caption"
    resource = b"8BIM\x04\x04\0\0\0\0\0\x0c" + records
    for name, content, expected in (
        (b"iptc", records, {"iptc": records}),
        (b"iptc", resource, {"iptc": records}),
        (b"8bim", resource, {"iptc": records}),
        (b"exif", b"Exif\0\0" + camera_exif(), {"exif": b"Exif\0\0" + camera_exif()}),
        (b"xmp", XMP, {"xmp": XMP}),
    ):
        data = with_chunk(*raw_profile(name, content))
        assert png.metadata(data)._replace(resources=b"") == NOTHING._replace(**expected)


@pytest.mark.parametrize("text", [b"", b"\niptc\n", b"\niptc\n 2\nno digits\n"])
def test_damaged_digits_are_told(text):
    data = with_chunk(b"tEXt", b"Raw profile type iptc\0" + text)
    assert png.metadata(data).damaged == ("IPTC data",)


@pytest.mark.parametrize("length", [9, 10, 5000])
def test_iptc_put_in_comes_out(length):
    records = b"\x1c\x02\x78" + struct.pack(">H", length) + b"x" * length
    data = png.with_chunks(
        encoded(), icc_profile=None, exif=None, xmp=None, dpi=None, iptc_records=records
    )
    assert png.metadata(data)._replace(resources=b"") == NOTHING._replace(iptc=records)


def test_photoshops_resources_are_found_beside_iptc():
    def resource(number, content):
        return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content

    def text(name, content):
        digits = f"\n{name}\n{len(content):8}\n{content.hex()}\n".encode()
        return b"Raw profile type " + name.encode() + b"\0\0" + zlib.compress(digits)

    records = b"\x1c\x02\x78\0\2ab"
    flag = resource(0x040A, b"\1\0")
    found = png.metadata(with_chunk(b"zTXt", text("iptc", records)))
    assert (found.iptc, found.resources) == (records, b"")
    found = png.metadata(with_chunk(b"zTXt", text("8bim", flag)))
    assert (found.iptc, found.resources) == (None, flag)
    both = resource(0x0404, records + b"\0") + flag
    found = png.metadata(with_chunk(b"zTXt", text("8bim", both)))
    assert (found.iptc, found.resources) == (records + b"\0", both)
