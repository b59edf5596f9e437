from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from photostyle.errors import PhotostyleError
from photostyle.filters import FilterConfig
from photostyle.filters.tone import ToneFilter, squashed
from photostyle.image import Photo
from photostyle.networks import GlobalLook
from photostyle.progress import silent

RNG = np.random.default_rng(0)


class Maps(nn.Module):
    """The same affine colour map in every cell."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = torch.tensor(matrix, dtype=torch.float32)

    def forward(self, thumbnail):
        assert thumbnail.shape == (1, 3, 256, 256)
        return self.matrix.expand(1, 16, 16, 8, 3, 4)


def gain(factor, offset=0.0):
    return Maps(np.hstack([factor * np.eye(3), np.full((3, 1), offset)]))


def filtered(photo, networks, dtype=np.uint8, **options):
    out = np.empty(photo.pixels.shape, dtype)
    ToneFilter("test", networks, FilterConfig(device="cpu", **options)).apply(photo, out, silent)
    return out


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (300, 700)])
def test_maps_are_applied_at_full_size(size):
    photo = Photo(RNG.integers(0, 256, (*size, 3), np.uint8))
    out = filtered(photo, [gain(0.5, 0.25)])
    np.testing.assert_allclose(out, photo.pixels * 0.5 + 63.75, atol=0.51)


def test_the_mean_of_snapshots_is_the_mean_of_their_results():
    photo = Photo(RNG.integers(0, 256, (40, 30, 3), np.uint8))
    out = filtered(photo, [gain(0.2), gain(0.6)])
    np.testing.assert_allclose(out, photo.pixels * 0.4, atol=0.51)


def test_networks_may_have_shares_and_grids_of_other_sizes():
    photo = Photo(RNG.integers(0, 256, (40, 30, 3), np.uint8))
    ramp = torch.linspace(0.2, 0.8, 3)[:, None, None] * torch.eye(3, 4)

    small = GlobalLook(3)
    small.maps.data.copy_(ramp)
    out = np.empty(photo.pixels.shape, np.uint8)
    config = FilterConfig(device="cpu")
    ToneFilter("test", [small, gain(0.4)], config, [0.75, 0.25]).apply(photo, out, silent)
    luma = photo.floats() @ np.array([0.299, 0.587, 0.114], np.float32)
    factor = 0.75 * (0.2 + 0.6 * luma) + 0.25 * 0.4
    # A curve of 3 levels has other bends than one of 8, and this has none.
    np.testing.assert_allclose(out, photo.pixels * factor[..., None], atol=0.51)


def test_strength_fades_towards_the_photo():
    photo = Photo(RNG.integers(0, 65536, (40, 30, 3), np.uint16), bit_depth=16)
    assert (filtered(photo, [gain(0.5)], np.uint16, strength=0) == photo.pixels).all()
    half = filtered(photo, [gain(0.5)], np.uint16, strength=0.5)
    np.testing.assert_allclose(half, photo.pixels * 0.75, atol=0.6)


def test_grids_on_other_devices_give_the_same():
    photo = Photo(RNG.integers(0, 256, (70, 50, 3), np.uint8))
    each = ToneFilter("test", [gain(0.7, 0.1)], FilterConfig(device="cpu"))
    other = np.empty_like(photo.pixels)
    each._apply_on_device(photo, each._grid(photo), other)
    assert np.abs(filtered(photo, [gain(0.7, 0.1)]).astype(int) - other).max() <= 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_grids_that_are_no_numbers_are_a_failure(value):
    with pytest.raises(PhotostyleError, match="filter test gives values that are no numbers"):
        filtered(Photo(np.zeros((9, 9, 3), np.uint8)), [Maps([[value] * 4] * 3)])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_thumbnails_of_any_type(dtype):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = (RNG.random((512, 1024, 3)) * top).astype(dtype)
    thumbnail = squashed(Photo(pixels))
    assert thumbnail.dtype == np.float32
    exact = pixels.reshape(256, 2, 256, 4, 3).mean((1, 3), dtype=np.float64) / top
    np.testing.assert_allclose(thumbnail, exact, atol=0.51 / 255)
