from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from photostyle.image import Photo

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 2), (5, 7, 3), (5, 7, 4), (1, 1, 3)])
@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535), (np.float64, 1)])
def test_a_photo_from_an_array(shape, dtype, top):
    array = (RNG.random(shape) * top).astype(dtype)
    photo = Photo.from_array(array)
    assert photo.bit_depth == (16 if dtype == np.uint16 else 8)
    assert photo.pixels.shape == (photo.height, photo.width, 3) == (*shape[:2], 3)
    values = (array / top).reshape(*shape[:2], -1)
    colours = values[..., :-1] if values.shape[2] in (2, 4) else values
    np.testing.assert_allclose(
        photo.pixels, np.broadcast_to(colours, photo.pixels.shape), atol=1e-6
    )
    if values.shape[2] in (2, 4):
        np.testing.assert_allclose(photo.alpha, values[..., -1], atol=1e-6)
    else:
        assert photo.alpha is None


@pytest.mark.parametrize("depth", [8, 16, 32])
def test_the_bit_depth_can_be_chosen(depth):
    assert Photo.from_array(np.zeros((2, 2, 3)), bit_depth=depth).bit_depth == depth


def test_colours_outside_of_srgb_are_kept():
    values = np.array([[[-0.5, 0.5, 1.5]]], np.float32)
    np.testing.assert_array_equal(Photo.from_array(values).floats(), values)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2, 5)), np.zeros(4), np.zeros((2, 2, 3), np.int32), np.zeros((0, 2, 3))]
)
def test_arrays_that_are_no_pictures_are_refused(array):
    with pytest.raises(ValueError, match=r"array|pixels"):
        Photo.from_array(array)


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (np.zeros((2, 2), np.float32), None),
        (np.zeros((2, 2, 4), np.float32), None),
        (np.zeros((2, 2, 3)), None),
        (np.zeros((2, 2, 3), np.float32), np.zeros((2, 3), np.float32)),
        (np.zeros((2, 2, 3), np.float32), np.zeros((2, 2))),
    ],
)
def test_wrong_shapes_and_types_are_refused(pixels, alpha):
    with pytest.raises(ValueError, match=r"must be|does not fit"):
        Photo(pixels, alpha)


def test_other_pixels_keep_everything_else():
    photo = dataclasses.replace(
        Photo.from_array(RNG.random((6, 8, 4))), exif=b"e", xmp=b"x", dpi=(72, 72), bit_depth=16
    )
    pixels = RNG.random((6, 8, 3), np.float32)
    other = photo.with_pixels(pixels)
    assert other.pixels is pixels
    assert other.alpha is photo.alpha
    assert (other.exif, other.xmp, other.dpi, other.bit_depth) == (b"e", b"x", (72, 72), 16)


def test_alpha_is_scaled_along_with_pixels_of_another_size():
    photo = Photo.from_array(np.dstack([np.zeros((6, 8, 3)), np.full((6, 8), 0.25)]))
    other = photo.with_pixels(np.zeros((3, 5, 3), np.float32))
    assert other.alpha.shape == (3, 5)
    np.testing.assert_allclose(other.alpha, 0.25, atol=1e-6)


@pytest.mark.parametrize("channels", [3, 4])
def test_pixels_of_another_size_do_not_lie_where_the_old_ones_did(channels):
    place = ((33550, 12, [0.5, 0.5, 0.0]),)
    photo = dataclasses.replace(
        Photo.from_array(np.zeros((6, 8, channels))), georeference=place, comments=(b"c",)
    )
    same = photo.with_pixels(np.ones((6, 8, 3), np.float32))
    other = photo.with_pixels(np.ones((3, 4, 3), np.float32))
    assert (same.georeference, other.georeference) == (place, ())
    assert same.comments == other.comments == (b"c",)
