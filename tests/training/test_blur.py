"""Blur: kernels of known shape, centred, of sum 1."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.training.blur import (
    LARGEST_SIGMA,
    SHARP_SHARE,
    blur,
    convolve,
    disc,
    draw_kernel,
    draw_motion,
    gaussian,
    kernel_of,
    shaken_path,
    straight_path,
)
from photostyle.training.exposure import from_linear, to_linear

Image = np.ndarray


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def moments(kernel: Image) -> tuple[float, float, Image]:
    """Centroid x and y, and the covariance, `2 2`."""
    half = kernel.shape[0] // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    centre_x, centre_y = (kernel * x).sum(), (kernel * y).sum()
    dx, dy = x - centre_x, y - centre_y
    covariance = [[(kernel * a * b).sum() for a in (dx, dy)] for b in (dx, dy)]
    return float(centre_x), float(centre_y), np.array(covariance)


def test_kernels_keep_the_light_and_the_place() -> None:
    sizes = []
    for seed in range(200):
        kernel = draw_kernel(generator(seed))
        assert kernel.dtype == np.float32
        assert kernel.shape[0] == kernel.shape[1]
        assert kernel.shape[0] % 2 == 1
        assert kernel.min() >= 0
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
        x, y, covariance = moments(kernel)
        assert abs(x) < 1e-3
        assert abs(y) < 1e-3
        sizes.append(np.sqrt(np.trace(covariance)))
    assert min(sizes) < 0.8
    assert 3.5 < max(sizes) < 8


@pytest.mark.parametrize("radius", [1.0, 2.3, 4.0])
def test_a_disc_has_its_area_and_even_light(radius: float) -> None:
    kernel = disc(radius)
    assert 1 / kernel.max() == pytest.approx(np.pi * radius**2, rel=0.12)
    half = kernel.shape[0] // 2
    assert kernel[half, half + int(radius - 0.5)] == kernel.max()
    assert np.array_equal(kernel, kernel.T)
    assert np.array_equal(kernel, kernel[::-1])


def test_the_smallest_disc_is_a_point() -> None:
    assert disc(0.5)[1, 1] == 1


@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_a_gaussian_has_its_sigma(sigma: float) -> None:
    covariance = moments(gaussian(sigma))[2]
    assert covariance[0, 0] == pytest.approx(sigma**2, rel=0.05)
    assert covariance[0, 1] == pytest.approx(0, abs=1e-6)


def test_motion_has_a_direction() -> None:
    ratios = []
    for seed in range(40):
        kernel = draw_motion(generator(seed))
        y, x = np.mgrid[: len(kernel), : len(kernel)] - len(kernel) // 2
        moments = [(kernel * a * b).sum() for a, b in ((x, x), (x, y), (y, y))]
        small, large = np.linalg.eigvalsh([moments[:2], moments[1:]])
        ratios.append(large / (small + 0.1))
    assert np.median(ratios) > 10


@pytest.mark.parametrize("angle", [0.0, 0.6, np.pi / 2, 2.5])
def test_straight_motion_has_its_length_and_direction(angle: float) -> None:
    covariance = moments(kernel_of(straight_path(9, angle)))[2]
    variances, directions = np.linalg.eigh(covariance)
    # A line has a twelfth of its squared length; spreading over pixels adds up to a quarter each.
    assert 81 / 12 <= variances[1] <= 81 / 12 + 0.5
    assert variances[0] < 0.3
    along = abs(directions[:, 1] @ [np.cos(angle), np.sin(angle)])
    assert along == pytest.approx(1, abs=1e-3)


def test_horizontal_motion_is_a_row_of_equal_values() -> None:
    kernel = kernel_of(straight_path(9, 0))
    middle = kernel[kernel.shape[0] // 2]
    assert middle.sum() == pytest.approx(1)
    inner = middle[np.abs(np.arange(len(middle)) - len(middle) // 2) <= 3]
    assert np.abs(inner - 1 / 9).max() < 0.005


def test_shaken_paths_are_curved_and_as_long_as_asked() -> None:
    straightness = []
    for seed in range(40):
        path = shaken_path(10, generator(seed))
        extent = np.linalg.norm(np.ptp(path, axis=0))
        assert extent == pytest.approx(10)
        steps = np.diff(path, axis=0)
        assert np.linalg.norm(steps, axis=1).max() < 1  # no gaps
        length = np.linalg.norm(steps, axis=1).sum()
        straightness.append(np.linalg.norm(path[-1] - path[0]) / length)
    assert min(straightness) < 0.5
    assert np.median(straightness) < 0.95


def test_linear_light_blurs_light_and_encoded_values_otherwise() -> None:
    photo = np.zeros((9, 16, 3), np.float32)
    photo[:, 8:] = 1
    kernel = np.zeros((3, 3), np.float32)
    kernel[1] = 1 / 3
    encoded = convolve(photo, kernel, linear=False)
    assert encoded[4, 7] == pytest.approx(np.full(3, 1 / 3), abs=1e-6)
    linear = convolve(photo, kernel, linear=True)
    assert to_linear(linear)[4, 7] == pytest.approx(np.full(3, 1 / 3), abs=1e-5)
    assert from_linear(np.float32([1 / 3]))[0] == pytest.approx(linear[4, 7, 0], abs=1e-5)


def test_borders_are_mirrored() -> None:
    flat = np.full((12, 12, 3), 0.6, np.float32)
    for linear in (False, True):
        assert np.abs(convolve(flat, disc(4), linear=linear) - 0.6).max() < 1e-5


def test_large_kernels_stay_in_range() -> None:
    photo = (generator(0).random((64, 64, 3)) < 0.05).astype(np.float32)
    result = convolve(photo, kernel_of(straight_path(15, 0.5)), linear=True)
    assert np.isfinite(result).all()
    assert result.min() >= 0


def test_some_photos_stay_sharp_and_noise_is_slight() -> None:
    checks = np.indices((48, 48)).sum(axis=0) % 2
    photo = np.repeat(checks[..., None].astype(np.float32) * 0.4 + 0.3, 3, axis=2)
    sharp, deviations = 0, []
    flat = np.full((48, 48, 3), 0.5, np.float32)
    for seed in range(300):
        result = blur(photo, generator(seed))
        assert result.dtype == np.float32
        sharp += result.std() > 0.19
        deviations.append((blur(flat, generator(seed)) - 0.5).std())
    # Beside those left alone, the smallest kernels hardly blur.
    assert SHARP_SHARE * 300 - 15 <= sharp <= SHARP_SHARE * 300 + 25
    assert max(deviations) == pytest.approx(LARGEST_SIGMA, rel=0.08)
    assert np.median(deviations) == pytest.approx(LARGEST_SIGMA / 4, rel=0.25)
