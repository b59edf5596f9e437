from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from photostyle.image import png

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\xc3\xa4</x:xmpmeta>"


def encoded(**options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)).save(buffer, "PNG", **options)
    return buffer.getvalue()


def test_what_is_put_in_comes_out_and_pillow_reads_it_too(profiles, camera_exif):
    data = png.with_chunks(
        encoded(), icc_profile=profiles["sRGB"], exif=camera_exif(), xmp=XMP, dpi=(300, 240)
    )
    assert png.metadata(data) == (camera_exif(), XMP)
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
    assert png.metadata(data) == (None, None)


@pytest.mark.parametrize("compressed", [False, True])
def test_metadata_behind_the_pixels_is_found(compressed):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), lang="de", tkey="Ä", zip=compressed)
    data = encoded(pnginfo=info)
    start = data.index(b"iTXt") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    late = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert png.metadata(late) == (None, XMP)


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
    assert png.metadata(bytes(data)) == (None, XMP)
    data[data.index(b"IDAT") + 10] ^= 1
    with pytest.raises(ValueError, match="IDAT chunk is damaged"):
        png.metadata(bytes(data))


def test_a_text_that_inflates_beyond_measure_is_cut():
    payload = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(1 << 27))
    chunk = b"iTXt" + payload
    bomb = struct.pack(">I", len(payload)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data = encoded()
    assert len(png.metadata(data[:33] + bomb + data[33:])[1]) == 1 << 26
