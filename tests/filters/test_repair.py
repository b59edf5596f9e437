from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from photostyle.errors import DeviceError, PhotostyleError
from photostyle.filters import FilterConfig
from photostyle.filters.repair import RepairFilter, _windows
from photostyle.image import Photo
from photostyle.networks import DeconvolutionGenerator, RepairGenerator
from photostyle.networks.cepstra import windows
from photostyle.progress import silent

RNG = np.random.default_rng(0)


def active_generator(seed=0):
    """A generator whose output differs from its input as much as a trained one's."""
    torch.manual_seed(seed)
    network = RepairGenerator((8, 12, 16), (1, 1, 1), (1, 1))
    nn.init.normal_(network.tail.weight, std=0.02)
    return network


def picture(height, width):
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([x / width, y / height, (x + y) / (width + height)], -1)
    return (255 * np.clip(smooth + RNG.normal(0, 0.05, smooth.shape), 0, 1)).astype(np.uint8)


def filtered(photo, networks, dtype=np.uint16, **options):
    each = RepairFilter("test", networks, FilterConfig(device="cpu", **options))
    each._half = None
    out = np.empty(photo.pixels.shape, dtype)
    each.apply(photo, out, silent)
    return out


@pytest.mark.parametrize("size", [(400, 530), (257, 300), (130, 700)])
def test_tiles_leave_no_trace(size):
    photo = Photo(picture(*size))
    network = active_generator()
    whole, tiled = (filtered(photo, [network], tile=tile) for tile in (1024, 256))
    assert np.abs(whole.astype(float) - tiled).max() / 257 < 1
    assert np.abs(whole - photo.pixels * 257.0).mean() / 257 > 1


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (17, 16)])
def test_photos_of_any_size(size):
    assert filtered(Photo(picture(*size)), [active_generator()]).shape == (*size, 3)


def test_snapshots_are_averaged():
    photo = Photo(picture(64, 80))
    networks = [active_generator(seed) for seed in (1, 2)]
    each = [filtered(photo, [network]).astype(float) for network in networks]
    inside = (np.min(each, 0) > 0) & (np.max(each, 0) < 65535)
    mean = np.mean(each, 0)[inside]
    np.testing.assert_allclose(filtered(photo, networks)[inside], mean, atol=2)
    assert np.abs(each[0] - each[1]).max() > 400


def test_strength_fades_towards_the_photo():
    photo = Photo(picture(64, 80))
    networks = [active_generator()]
    full, half, none = (filtered(photo, networks, strength=s) for s in (1.0, 0.5, 0.0))
    np.testing.assert_array_equal(none, photo.pixels * np.uint16(257))
    inside = (full > 0) & (full < 65535)
    middle = (full.astype(float) + none) / 2
    np.testing.assert_allclose(half[inside], middle[inside], atol=2)


def test_8_bits_and_16_bits_agree():
    photo = Photo(picture(64, 80))
    deep, plain = (filtered(photo, [active_generator()], dtype) for dtype in (np.uint16, np.uint8))
    assert np.abs(deep / 257 - plain).max() <= 0.51


def deblurring(seed=0):
    torch.manual_seed(seed)
    network = DeconvolutionGenerator(8, 1, 8)
    for layer in (network.blur, network.advice, network.tail):
        nn.init.normal_(layer.weight, std=0.02)
    return network


def test_the_blur_is_found_in_the_whole_photo_not_in_each_tile():
    picture_ = picture(400, 700)
    picture_[:, 350:] = cv2.GaussianBlur(picture_[:, 350:], (0, 0), 3)
    photo, network = Photo(picture_), deblurring()
    whole, tiled = (filtered(photo, [network], tile=tile) for tile in (1024, 256))
    assert np.abs(whole.astype(float) - tiled).max() / 257 < 2
    assert np.abs(whole - photo.pixels * 257.0).mean() / 257 > 1
    part = filtered(Photo(picture_[:, 350:]), [network]).astype(float)
    assert np.abs(part - whole[:, 350:])[:, 64:].mean() / 257 > 0.1


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (47, 2000), (600, 470)])
def test_windows_are_those_of_the_whole_photo(size):
    pixels = picture(*size)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    assert filtered(Photo(pixels), [deblurring()]).shape == (*size, 3)
    torch.testing.assert_close(_windows(Photo(pixels)), windows(tensor))


class Broken(nn.Module):
    def forward(self, photo):
        return photo * float("nan")


def test_results_that_are_no_numbers_are_a_failure():
    with pytest.raises(PhotostyleError, match="filter test gives values that are no numbers"):
        filtered(Photo(picture(40, 40)), [Broken()])


class OverflowsInHalfPrecision(nn.Module):
    def forward(self, photo):
        return photo * (float("inf") if torch.is_autocast_enabled("cpu") else 1)


def test_half_precision_that_overflows_is_given_up():
    each = RepairFilter("test", [OverflowsInHalfPrecision()], FilterConfig(device="cpu"))
    each._half = torch.bfloat16
    photo = Photo(picture(40, 40))
    out = np.empty(photo.pixels.shape, np.uint8)
    each.apply(photo, out, silent)
    np.testing.assert_array_equal(out, photo.pixels)
    assert each._half is None


class NeedsMemory(nn.Module):
    def __init__(self, most):
        super().__init__()
        self.most = most

    def forward(self, photo):
        if max(photo.shape) > self.most:
            raise torch.OutOfMemoryError
        return photo


def test_tiles_are_halved_until_they_fit():
    photo = Photo(picture(500, 700))
    np.testing.assert_array_equal(
        filtered(photo, [NeedsMemory(300)], np.uint8, tile=1024), photo.pixels
    )
    with pytest.raises(DeviceError, match="too little memory"):
        filtered(photo, [NeedsMemory(100)], tile=1024)
