from __future__ import annotations

import dataclasses
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from photostyle.errors import PhotoError
from photostyle.image import Photo, read_photo, write_photo

pytest.importorskip("pillow_jxl")


def scene(height=64, width=80, channels=3):
    y, x = np.mgrid[0:height, 0:width]
    parts = (x / width, y / height, (x + 2 * y) / (width + 2 * height), 1 - x / width)
    return (0.1 + 0.8 * np.stack(parts[:channels], axis=-1)).astype(np.float32)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (64, 80)])
def test_round_trip(tmp_path, camera_exif, size, channels):
    photo = dataclasses.replace(
        Photo.from_array(scene(*size, channels)),
        exif=camera_exif(thumbnail=b"", size=size[::-1]),
        xmp=b"<x:xmpmeta/>",
    )
    assert write_photo(photo, tmp_path / "a.jxl") == ()
    again = read_photo(tmp_path / "a.jxl")
    assert (again.format, again.bit_depth, again.warnings) == ("JXL", 8, ())
    assert np.abs(again.pixels - photo.pixels).mean() < 0.03
    assert again.xmp == photo.xmp
    assert sum(a != b for a, b in zip(again.exif, photo.exif, strict=True)) <= 2
    if channels == 4:
        np.testing.assert_allclose(again.alpha, photo.alpha, atol=0.01)


def test_quality_100_is_lossless(tmp_path):
    samples = np.random.default_rng(0).integers(0, 256, (24, 33, 3), np.uint8)
    write_photo(Photo(samples), tmp_path / "a.jxl", quality=100)
    np.testing.assert_array_equal(
        read_photo(tmp_path / "a.jxl", floating=False).floats(), Photo(samples).floats()
    )


def test_colours_are_written_in_srgb_and_that_is_told(tmp_path, profiles):
    photo = dataclasses.replace(Photo.from_array(scene()), icc_profile=profiles["Display P3"])
    (warning,) = write_photo(photo, tmp_path / "a.jxl")
    assert "without a colour profile" in warning
    in_srgb = dataclasses.replace(photo, icc_profile=profiles["sRGB"])
    assert write_photo(in_srgb, tmp_path / "b.jxl") == ()
    again = read_photo(tmp_path / "a.jxl")
    assert np.abs(again.pixels - photo.pixels).mean() < 0.02


def test_a_jpeg_within_comes_out_as_it_was(tmp_path, profiles, camera_exif):
    samples = (scene() * 255).astype(np.uint8)
    jpeg = tmp_path / "a.jpg"
    Image.fromarray(samples).save(
        jpeg, icc_profile=profiles["Display P3"], exif=b"Exif\0\0" + camera_exif(6),
        dpi=(300, 240), comment=b"a comment",
    )  # fmt: skip
    records = b"\x1c\2\x78\0\7Caption"
    resource = b"8BIM\4\4\0\0" + struct.pack(">I", len(records)) + records
    payload = b"Photoshop 3.0\0" + resource + bytes(len(records) % 2)
    data = jpeg.read_bytes()
    jpeg.write_bytes(
        data[:2] + b"\xff\xed" + struct.pack(">H", len(payload) + 2) + payload + data[2:]
    )
    with Image.open(jpeg) as image:
        image.save(tmp_path / "a.jxl", lossless_jpeg=True)
    photo, expected = read_photo(tmp_path / "a.jxl"), read_photo(jpeg)
    np.testing.assert_array_equal(photo.pixels, expected.pixels)
    assert (photo.icc_profile, photo.exif) == (expected.icc_profile, expected.exif)
    assert (photo.iptc, photo.dpi) == (records, (240, 300))
    assert (photo.format, photo.warnings) == ("JXL", ())
    assert photo.comments == (b"a comment",)
    of_iptc, of_comments = write_photo(
        dataclasses.replace(photo, icc_profile=None), tmp_path / "b.jxl"
    )
    assert "IPTC" in of_iptc
    assert "comments" in of_comments


def test_what_follows_the_picture_in_a_jpeg_within_is_told(tmp_path):
    jpeg = tmp_path / "a.jpg"
    Image.fromarray((scene() * 255).astype(np.uint8)).save(jpeg)
    jpeg.write_bytes(jpeg.read_bytes() + b"\0\0\0\x10ftypmp42mdat")
    with Image.open(jpeg) as image:
        image.save(tmp_path / "a.jxl", lossless_jpeg=True)
    assert read_photo(tmp_path / "a.jxl").warnings == read_photo(jpeg).warnings != ()


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_a_channel(tmp_path, channels):
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = np.random.default_rng(0).integers(0, 65536, (24, 33, channels), np.uint16)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(samples.squeeze(), lossless=True))
    photo = read_photo(tmp_path / "a.jxl")
    values = samples / 65535  # which this encoder takes for linear
    expected = np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
    assert np.abs(photo.pixels - expected).mean() < 0.003
    assert photo.bit_depth == (16 if channels == 1 else 8)
    assert (channels == 3) == ("its 16 bits a channel were reduced to 8" in photo.warnings)


def test_animation_is_told(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    frames = np.stack([(scene() * 255).astype(np.uint8), np.zeros((64, 80, 3), np.uint8)])
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(frames, photometric="rgb"))
    photo = read_photo(tmp_path / "a.jxl")
    assert photo.pixels.shape == (64, 80, 3)
    assert "several pictures" in photo.warnings[0]


def test_the_size_limit_counts(tmp_path):
    write_photo(Photo.from_array(scene()), tmp_path / "a.jxl")
    assert read_photo(tmp_path / "a.jxl", max_pixels=64 * 80).width == 80
    with pytest.raises(PhotoError, match="--max-pixels"):
        read_photo(tmp_path / "a.jxl", max_pixels=64 * 80 - 1)


def test_a_damaged_file_is_a_photo_error(tmp_path):
    write_photo(Photo.from_array(scene()), tmp_path / "a.jxl")
    data = (tmp_path / "a.jxl").read_bytes()
    for length in (3, 20, len(data) // 2):
        (tmp_path / "cut.jxl").write_bytes(data[:length])
        with pytest.raises(PhotoError, match="cannot read") as caught:
            read_photo(tmp_path / "cut.jxl")
        assert "\n" not in str(caught.value)


def test_without_the_extra_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    write_photo(Photo.from_array(scene()), tmp_path / "a.jxl")
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    for action in (
        lambda: read_photo(tmp_path / "a.jxl"),
        lambda: write_photo(Photo.from_array(scene()), tmp_path / "b.jxl"),
    ):
        with pytest.raises(PhotoError, match=r"pip install 'photostyle\[jxl\]'"):
            action()
