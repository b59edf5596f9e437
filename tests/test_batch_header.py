from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from photostyle.batch.header import UNKNOWN, Header, read_header
from photostyle.image import Photo, write_photo

SIZE = (7, 33)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def wide_profile():
    """sRGB's profile with its red and green primaries exchanged: sRGB it is not."""
    number = struct.unpack_from(">I", SRGB, 128)[0]
    table = bytearray(SRGB)
    for at in range(132, 132 + 12 * number, 12):
        name = bytes(table[at : at + 4])
        if name in (b"rXYZ", b"gXYZ"):
            table[at : at + 1] = b"g" if name == b"rXYZ" else b"r"
    return bytes(table)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "avif"])
@pytest.mark.parametrize(
    ("profile", "wide"), [(None, False), (SRGB, False), (wide_profile(), True), (b"rubbish", True)]
)
def test_a_profile_outside_of_srgb_makes_pixels_wide(tmp_path, suffix, profile, wide):
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", SIZE[::-1]).save(path, icc_profile=profile)
    assert read_header(path) == Header(33 * 7, False, wide)


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize(("dtype", "wide"), [(np.uint16, False), (np.float32, True)])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_tiffs_that_pillow_cannot_open(tmp_path, planes, dtype, wide, bigtiff):
    shape = (*SIZE, 3) if planes == "contig" else (3, *SIZE)
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros(shape, dtype), photometric="rgb", planarconfig=planes,
        bigtiff=bigtiff, metadata=None,
    )  # fmt: skip
    assert read_header(tmp_path / "a.tif") == Header(33 * 7, True, wide)


def test_heic(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    write_photo(Photo(np.zeros((*SIZE, 3), np.uint8)), tmp_path / "a.heic")
    assert read_header(tmp_path / "a.heic").pixels >= 33 * 7
    deep = pillow_heif.from_bytes("RGB;16", (64, 80), bytes(64 * 80 * 6))
    deep.save(tmp_path / "b.heic", quality=90)
    assert read_header(tmp_path / "b.heic") == Header(64 * 80, True)


def test_jpeg_xl(tmp_path):
    pytest.importorskip("pillow_jxl")
    write_photo(Photo(np.zeros((*SIZE, 3), np.uint8)), tmp_path / "a.jxl")
    assert read_header(tmp_path / "a.jxl") == Header(33 * 7, False, True)


def test_raw_data_of_an_unknown_camera_are_unknown(tmp_path):
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((8, 8), np.uint16), photometric="cfa", metadata=None)
    (tmp_path / "a.dng").write_bytes(file.getvalue()[:120])
    assert read_header(tmp_path / "a.dng") == UNKNOWN


@pytest.mark.parametrize(
    "data",
    [b"\0\0\0\x18ftypavif", b"\xff\x0a", b"II+\0", b"\0\0\0\x0cJXL \r\n\x87\n", b"FUJIFILMCCD-RAW"],
)
def test_a_damaged_header_is_unknown(tmp_path, data):
    (tmp_path / "a.bin").write_bytes(data)
    assert read_header(tmp_path / "a.bin") == UNKNOWN
