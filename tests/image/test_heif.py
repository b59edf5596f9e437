from __future__ import annotations

import dataclasses
import io
import sys

import numpy as np
import pytest
from PIL import Image

from photostyle.errors import PhotoError
from photostyle.image import Photo, read_photo, write_photo

pillow_heif = pytest.importorskip("pillow_heif")


def scene(height=64, width=80, channels=3):
    y, x = np.mgrid[0:height, 0:width]
    parts = (x / width, y / height, (x + 2 * y) / (width + 2 * height), 1 - x / width)
    return (0.1 + 0.8 * np.stack(parts[:channels], axis=-1)).astype(np.float32)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (64, 80)])
def test_round_trip(tmp_path, camera_exif, profiles, size, channels):
    photo = dataclasses.replace(
        Photo.from_array(scene(*size, channels)),
        exif=camera_exif(thumbnail=b"", size=size[::-1]),
        xmp=b"<x:xmpmeta/>",
        icc_profile=profiles["Display P3"],
    )
    assert write_photo(photo, tmp_path / "a.heic") == ()
    again = read_photo(tmp_path / "a.heic")
    assert (again.format, again.bit_depth, again.warnings) == ("HEIF", 8, ())
    assert np.abs(again.pixels - photo.pixels).mean() < 0.02
    assert (again.xmp, again.icc_profile) == (photo.xmp, photo.icc_profile)
    assert sum(a != b for a, b in zip(again.exif, photo.exif, strict=True)) <= 2
    if channels == 4:
        np.testing.assert_allclose(again.alpha, photo.alpha, atol=0.02)


def encoded(samples, mode="RGB", **options):
    file = io.BytesIO()
    picture = pillow_heif.from_bytes(mode, samples.shape[1::-1], samples.tobytes())
    picture.save(file, quality=-1, chroma=444, matrix_coefficients=0, **options)
    return file.getvalue()


def read_bytes(tmp_path, data, **options):
    (tmp_path / "a.heic").write_bytes(data)
    return read_photo(tmp_path / "a.heic", **options)


def test_10_bits_a_channel_become_16(tmp_path):
    codes = (scene() * 1023).round()
    data = encoded((codes * 64).astype("<u2"), "RGB;16")
    photo = read_bytes(tmp_path, data, floating=False)
    assert (photo.bit_depth, photo.pixels.dtype) == (16, np.uint16)
    assert np.abs(photo.pixels / 65535 * 1023 - codes).max() < 1.5


def test_the_picture_is_turned_once(tmp_path, camera_exif):
    pillow_heif.register_heif_opener()
    pixels = (scene() * 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.heic", quality=100, exif=camera_exif(6))
    photo = read_photo(tmp_path / "a.heic")
    assert photo.pixels.shape == (80, 64, 3)
    assert np.abs(photo.pixels * 255 - np.rot90(pixels, -1)).mean() < 4
    again = Image.Exif()
    again.load(photo.exif)
    assert again[274] == 1


def test_of_several_pictures_the_first_is_read_with_a_warning(tmp_path):
    file = pillow_heif.from_bytes("RGB", (80, 64), (scene() * 255).astype(np.uint8).tobytes())
    file.add_frombytes("RGB", (80, 64), bytes(80 * 64 * 3))
    file.save(tmp_path / "a.heic", quality=95)
    photo = read_photo(tmp_path / "a.heic")
    assert photo.warnings == ("it holds several pictures: the first is kept, 1 left out",)
    assert photo.pixels.mean() > 0.3


def test_the_size_limit_counts(tmp_path):
    write_photo(Photo.from_array(scene()), tmp_path / "a.heic")
    assert read_photo(tmp_path / "a.heic", max_pixels=64 * 80).width == 80
    with pytest.raises(PhotoError, match="--max-pixels"):
        read_photo(tmp_path / "a.heic", max_pixels=64 * 80 - 1)


def test_a_damaged_file_is_a_photo_error(tmp_path):
    write_photo(Photo.from_array(scene()), tmp_path / "a.heic")
    data = (tmp_path / "a.heic").read_bytes()
    for length in (30, len(data) // 2, len(data) - 20):
        with pytest.raises(PhotoError, match="cannot read") as caught:
            read_bytes(tmp_path, data[:length])
        assert "\n" not in str(caught.value)


def test_without_the_extra_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    write_photo(Photo.from_array(scene()), tmp_path / "a.heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for action in (
        lambda: read_photo(tmp_path / "a.heic"),
        lambda: write_photo(Photo.from_array(scene()), tmp_path / "b.heic"),
    ):
        with pytest.raises(PhotoError, match=r"pip install 'photostyle\[heif\]'"):
            action()
    assert not (tmp_path / "b.heic").exists()
