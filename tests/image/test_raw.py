from __future__ import annotations

import sys

import numpy as np
import pytest
import tifffile

from photostyle.errors import PhotoError
from photostyle.image import Photo, read_photo, write_photo

rawpy = pytest.importorskip("rawpy")

# Linear sRGB to XYZ: the camera of these tests sees the three primaries of sRGB.
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
     [0.0193339, 0.119192, 0.9503041]]
)  # fmt: skip
NEUTRAL = np.array([0.5, 1, 0.7])  # what the camera sees of a white wall
HEIGHT, WIDTH = 64, 96


def scene():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([0.2 + 0.6 * x / WIDTH, 0.3 + 0.3 * y / HEIGHT, 0.7 - 0.5 * x / WIDTH], -1)


def write_dng(path, orientation=1):
    """A DNG file of `scene` through a Bayer mosaic."""
    seen = scene() * NEUTRAL
    mosaic = seen[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = seen[0::2, 0::2, 0], seen[1::2, 1::2, 2]

    def rationals(values):
        return [part for value in np.ravel(values) for part in (round(value * 10000), 10000)]

    tags = [
        (271, 2, 0, "Kamera AG", True), (274, 3, 1, orientation, True),
        (50706, 1, 4, b"\1\4\0\0", True), (50708, 2, 0, "Test", True),
        (33421, 3, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True),
        (50714, 4, 1, 0, True), (50717, 4, 1, 16000, True),
        (50721, 10, 9, rationals(np.linalg.inv(TO_XYZ)), True),
        (50728, 5, 3, rationals(NEUTRAL), True), (50778, 3, 1, 21, True),
    ]  # fmt: skip
    tifffile.imwrite(
        path, np.round(mosaic * 16000).astype(np.uint16), photometric="cfa", metadata=None,
        extratags=tags,
    )  # fmt: skip
    return path


def test_colours_are_those_of_the_scene(tmp_path):
    photo = read_photo(write_dng(tmp_path / "a.dng"), floating=False)
    assert (photo.format, photo.bit_depth, photo.pixels.dtype) == ("RAW", 16, np.uint16)
    assert (photo.icc_profile, photo.warnings) == (None, ())
    values = photo.floats()
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    inner = (slice(4, -4), slice(4, -4))
    gain = linear[inner] / scene()[inner]
    assert np.ptp(gain) < 0.01  # brighter, but of the same colours everywhere
    assert gain.mean() > 1.1


def test_photos_come_upright_with_their_exif(tmp_path):
    photo = read_photo(write_dng(tmp_path / "a.dng", orientation=6))
    assert photo.pixels.shape == (WIDTH, HEIGHT, 3)
    plain = read_photo(write_dng(tmp_path / "b.dng"))
    np.testing.assert_allclose(photo.pixels, np.rot90(plain.pixels, -1), atol=1e-3)
    assert b"Kamera AG" in photo.exif
    write_photo(photo, tmp_path / "a.tif")
    again = read_photo(tmp_path / "a.tif")
    assert (again.bit_depth, again.pixels.shape) == (16, (WIDTH, HEIGHT, 3))


def test_the_size_limit_counts(tmp_path):
    path = write_dng(tmp_path / "a.dng")
    assert read_photo(path, max_pixels=HEIGHT * WIDTH).height == HEIGHT
    with pytest.raises(PhotoError, match="--max-pixels"):
        read_photo(path, max_pixels=HEIGHT * WIDTH - 1)


def test_a_damaged_file_is_a_photo_error(tmp_path):
    data = write_dng(tmp_path / "a.dng").read_bytes()
    for length in (100, 3000):
        (tmp_path / "cut.dng").write_bytes(data[:length])
        with pytest.raises(PhotoError, match="cannot read") as caught:
            read_photo(tmp_path / "cut.dng")
        assert "\n" not in str(caught.value)


def test_without_the_extra_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    path = write_dng(tmp_path / "a.dng")
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(PhotoError, match=r"pip install 'photostyle\[raw\]'") as caught:
        read_photo(path)
    assert "\n" not in str(caught.value)


def test_a_jpeg_with_the_name_of_raw_data_is_a_jpeg(tmp_path):
    write_photo(Photo(np.zeros((9, 8, 3), np.uint8)), tmp_path / "a.jpg")
    (tmp_path / "a.jpg").rename(tmp_path / "a.nef")
    assert read_photo(tmp_path / "a.nef").format == "JPEG"
