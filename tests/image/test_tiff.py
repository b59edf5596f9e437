from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from photostyle.image.tiff import encode_tiff

RNG = np.random.default_rng(0)


def picture(height, width, channels, dtype):
    if dtype == np.float32:
        return RNG.normal(0, 3, (height, width, channels)).astype(np.float32)
    top = np.iinfo(dtype).max
    return RNG.integers(0, top, (height, width, channels), dtype, endpoint=True)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (3, 3), (301, 203)])
def test_other_software_reads_the_same_samples(camera_exif, size, channels, dtype, order):
    samples = picture(*size, channels, dtype)
    data = bytes(encode_tiff(samples, exif_block=camera_exif(order=order)))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.byteorder == order
        assert len(file.pages) == 1
        np.testing.assert_array_equal(file.asarray(), samples)
    with Image.open(io.BytesIO(data)) as image:
        expected = samples if dtype == np.uint8 else (samples >> 8).astype(np.uint8)
        np.testing.assert_array_equal(np.asarray(image), expected)
    if channels == 3 or dtype == np.uint16:  # OpenCV multiplies 8-bit samples with alpha
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(decoded, samples[..., [2, 1, 0, 3][:channels]])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (301, 203)])
def test_other_software_reads_the_same_floating_point_samples(camera_exif, size, channels, order):
    samples = picture(*size, channels, np.float32)
    data = bytes(encode_tiff(samples, exif_block=camera_exif(order=order)))
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, samples[..., [2, 1, 0, 3][:channels]])
    pytest.importorskip("imagecodecs")
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), samples)


def test_a_file_of_many_strips_is_compressed():
    smooth = (
        np.linspace(0, 60000, 700 * 500, dtype=np.uint16).reshape(500, 700, 1).repeat(3, axis=2)
    )
    data = encode_tiff(smooth)
    assert len(data) < smooth.nbytes / 10
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        assert len(file.pages[0].dataoffsets) > 4
        np.testing.assert_array_equal(file.asarray(), smooth)


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_metadata_is_there_for_other_software(profiles, camera_exif, order):
    data = bytes(
        encode_tiff(
            picture(5, 6, 3, np.uint8),
            icc_profile=profiles["sRGB"],
            exif_block=camera_exif(order=order),
            xmp=b"<x/>",
            iptc=b"\x1c\x02\x05\x00\x03Abc",
            dpi=(300.5, 72),
        )
    )
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == profiles["sRGB"]
        assert image.info["xmp"] == b"<x/>"
        assert tuple(map(float, image.info["dpi"])) == (300.5, 72)
        assert image.tag_v2[0x83BB] == b"\x1c\x02\x05\x00\x03Abc"
        tags = image.getexif()
        assert tags[ExifTags.Base.Make] == "Kamera AG"
        assert (
            tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2024:05:06 07:08:09"
        )
        assert tags.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    tag_order = [tag.code for tag in tifffile.TiffFile(io.BytesIO(data)).pages[0].tags]
    assert tag_order == sorted(tag_order)


def test_the_exif_block_stays_where_its_offsets_say(camera_exif):
    block = camera_exif()
    data = bytes(encode_tiff(picture(5, 6, 3, np.uint8), exif_block=block))
    assert data[8 : len(block)] == block[8:]


def test_a_damaged_exif_block_is_refused():
    with pytest.raises(ValueError, match="header"):
        encode_tiff(picture(5, 6, 3, np.uint8), exif_block=b"rubbish!")
