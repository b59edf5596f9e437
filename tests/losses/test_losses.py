"""Every loss: known values, the right order on pictures, gradients."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from photostyle.losses.calm import CalmPlaces
from photostyle.losses.content import ContentFeatures
from photostyle.losses.lab import rgb_to_lab
from photostyle.losses.photorealism import Photorealism
from photostyle.losses.sliced_wasserstein import random_directions, sorted_distance
from photostyle.losses.structure import EdgeStructure
from photostyle.losses.texture import Texture


@pytest.fixture
def photo(landscape):
    return torch.from_numpy(landscape(72, 96))


def test_lab_matches_opencv():
    rgb = np.random.default_rng(0).random((50, 40, 3), dtype=np.float32)
    rgb[0] *= 0.03  # the linear toe
    expected = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    np.testing.assert_allclose(rgb_to_lab(torch.from_numpy(rgb)), expected, atol=0.6)


def test_lab_of_known_colours():
    lab = rgb_to_lab(torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0]], dtype=torch.float64))
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]]
    np.testing.assert_allclose(lab, expected, atol=0.05)


def test_lab_gradient_is_finite_outside_the_range():
    rgb = torch.tensor([-0.5, 0.0, 0.04045, 0.5, 1.5]).repeat(3, 1).T.clone().requires_grad_()
    rgb_to_lab(rgb).sum().backward()
    assert torch.isfinite(rgb.grad).all()
    assert rgb.grad.abs().sum(1).min() > 0


def test_wasserstein_of_a_shift_is_its_length_along_each_direction():
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(500, 3, generator=generator, dtype=torch.float64)
    shift = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)
    directions = random_directions(3, 16, generator).double()
    apart = (shift @ directions).abs()
    shuffled = (values[torch.randperm(500, generator=generator)] + shift) @ directions
    quantiles = shuffled.sort(0).values
    torch.testing.assert_close(sorted_distance(values @ directions, quantiles), apart.mean())
    torch.testing.assert_close(
        sorted_distance(values @ directions, quantiles, outliers=0.5),
        (apart + 0.5 * apart**2).mean(),
    )


def test_directions_are_unit_and_begin_with_the_axes():
    directions = random_directions(4, 9, torch.Generator().manual_seed(1))
    torch.testing.assert_close(directions[:, :4], torch.eye(4))
    torch.testing.assert_close(directions.norm(dim=0), torch.ones(9))


def test_structure_ignores_contrast_and_sees_lost_and_invented_edges(photo):
    loss = EdgeStructure(photo)
    assert loss(photo) < 1e-5
    assert loss(0.25 + 0.5 * photo) < 0.02
    blurred = torch.from_numpy(cv2.GaussianBlur(photo.numpy(), (0, 0), 2))
    assert loss(blurred) > 0.15
    stripes = photo + 0.3 * torch.sin(torch.arange(96) * 1.3)[None, :, None]
    assert loss(stripes) > 0.3


def test_calm_places_see_blobs_in_the_sky_but_no_global_change(photo):
    loss = CalmPlaces(photo)
    y, x = torch.meshgrid(torch.arange(72.0), torch.arange(96.0), indexing="ij")
    blob = torch.exp(-((y - 15) ** 2 + (x - 30) ** 2) / 120)[..., None]
    affine = 0.1 + photo @ torch.tensor([[0.5, 0.1, 0], [0.2, 0.6, 0.1], [0, 0.1, 0.7]])
    assert loss(affine) < 0.004
    assert loss(photo + 0.2 * blob) > 5 * loss(affine)
    busy = torch.exp(-((y - 62) ** 2 + (x - 30) ** 2) / 120)[..., None]
    assert loss(photo + 0.2 * blob) > 2 * loss(photo + 0.2 * busy)


def test_photorealism_is_zero_for_affine_maps_and_high_for_paint(photo):
    loss = Photorealism(photo)
    mixed = 0.2 + photo @ torch.tensor([[0.5, 0.1, 0], [0.2, 0.6, 0.1], [0, 0.1, 0.7]])
    assert loss(mixed) < 0.02
    noise = torch.rand(photo.shape, generator=torch.Generator().manual_seed(2))
    assert 0.5 < loss(noise) <= 1


@pytest.mark.parametrize("loss", [EdgeStructure, CalmPlaces, Photorealism])
def test_a_step_against_the_gradient_lowers_the_loss(loss, photo):
    measure = loss(photo)
    noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(3))
    start = (photo + 0.05 * noise).requires_grad_()
    before = measure(start)
    before.backward()
    assert torch.isfinite(start.grad).all()
    step = start.grad / start.grad.norm()
    assert measure((start - 0.3 * step).detach()) < before


@pytest.mark.parametrize("loss", [EdgeStructure, CalmPlaces, Photorealism])
@pytest.mark.parametrize("size", [(16, 16), (16, 40)])
def test_flat_and_small_pictures_stay_finite(loss, size):
    flat = torch.full((*size, 3), 0.5)
    result = flat.clone().requires_grad_()
    value = loss(flat)(result)
    value.backward()
    assert value < 0.01
    assert torch.isfinite(result.grad).all()


def test_texture_compares_segment_with_segment(photo):
    def encoder(image):
        return [torch.cat([image, image.square()], 1), torch.nn.functional.avg_pool2d(image, 2)]

    upper = (torch.arange(72) < 40).float()[:, None].expand(72, 96)
    shares = torch.stack([upper, 1 - upper], -1)
    loss = Texture(encoder, photo, shares, shares)
    assert loss(photo) < 1e-6
    dark_sky = torch.where(upper[..., None] > 0, 0.5 * photo, photo)
    dark_ground = torch.where(upper[..., None] > 0, photo, 0.5 * photo)
    for changed in (dark_sky, dark_ground):
        assert loss(changed) > 0.01
    swapped = Texture(encoder, photo.flip(0), shares.flip(0), shares)
    assert swapped(photo) < 1e-6
    start = dark_sky.clone().requires_grad_()
    loss(start).backward()
    assert torch.isfinite(start.grad).all()
    assert loss((start - 0.05 * start.grad / start.grad.norm()).detach()) < loss(dark_sky)


def pyramid(photo):
    """Features that know brightness only by their length: the photo itself, at four sizes."""
    maps = [photo]
    for _ in range(3):
        maps.append(F.avg_pool2d(maps[-1], 2))
    return maps


def test_content_features_let_brightness_change_and_nothing_else():
    torch.manual_seed(0)
    photo = torch.rand(64, 48, 3)
    content = ContentFeatures(pyramid, photo, side=64)
    assert content(photo).item() == pytest.approx(0, abs=1e-6)
    assert content(0.3 * photo).item() == pytest.approx(0, abs=1e-6)
    assert content(photo.flip(0)).item() > 0.01


def test_content_features_are_compared_place_by_place():
    red, green = torch.zeros(32, 32, 3), torch.zeros(32, 32, 3)
    red[..., 0], green[..., 1] = 1, 1
    content = ContentFeatures(pyramid, red, side=32)
    assert content(green).item() == pytest.approx(1)
    half = torch.cat([red[:16], green[16:]])
    assert content(half).item() == pytest.approx(0.5)


def test_gradients_of_content_features():
    torch.manual_seed(0)
    photo = torch.rand(16, 16, 3, dtype=torch.float64)
    content = ContentFeatures(pyramid, photo, side=8)
    result = torch.rand(16, 16, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(content, (result,))
