"""The front door: kinds of images, shapes, and requests that make no sense."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from photostyle.errors import UsageError
from photostyle.laplacian import MattingLaplacian
from photostyle.laplacian.cpu import MAX_RADIUS


@pytest.fixture(scope="module")
def guide(landscape):
    return landscape(19, 26)


@pytest.fixture(scope="module")
def p(guide):
    return np.random.default_rng(0).random(guide.shape, np.float32)


def planes(image):
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def test_defaults_are_those_of_deep_photo_style_transfer(guide, p, reference, error):
    laplacian = MattingLaplacian(guide)
    truth = reference(guide, p, 1, 1e-7)
    assert error(laplacian.matvec(p), truth.product) < 1e-6
    assert error(laplacian.diagonal, truth.diagonal) < 1e-6
    assert laplacian.quadratic_form(p) == pytest.approx(truth.energy, rel=1e-6)
    assert laplacian.quadratic_form(p) == pytest.approx((p * truth.product).sum(), rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_and_tensors_agree(guide, p, dtype):
    guide, p = guide.astype(dtype), p.astype(dtype)
    of_array, of_tensor = MattingLaplacian(guide), MattingLaplacian(planes(guide))
    product = of_array.matvec(p)
    assert product.dtype == of_array.diagonal.dtype == dtype
    np.testing.assert_array_equal(product.transpose(2, 0, 1), of_tensor.matvec(planes(p)))
    np.testing.assert_array_equal(of_array.diagonal.transpose(2, 0, 1), of_tensor.diagonal)
    assert of_array.quadratic_form(p) == of_tensor.quadratic_form(planes(p))


def test_results_have_the_shape_of_p(guide):
    laplacian = MattingLaplacian(guide)
    five = np.random.default_rng(1).random((19, 26, 5), np.float32)
    product = laplacian.matvec(five)
    assert product.shape == five.shape
    alone = laplacian.matvec(five[..., 3])
    assert alone.shape == (19, 26)
    np.testing.assert_array_equal(alone, product[..., 3])
    assert laplacian.diagonal.shape == (19, 26, 1)
    in_sum = sum(laplacian.quadratic_form(five[..., c]) for c in range(5))
    assert laplacian.quadratic_form(five) == pytest.approx(in_sum, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_photos_of_a_batch_are_independent(landscape, dtype):
    guides = torch.stack([planes(landscape(19, 26, seed=s)) for s in range(3)]).to(dtype)
    batch = torch.rand(3, 2, 19, 26, dtype=dtype, generator=torch.Generator().manual_seed(0))
    together = MattingLaplacian(guides, radius=2)
    product = together.matvec(batch)
    assert together.diagonal.shape == (3, 1, 19, 26)
    form = 0.0
    for i in range(3):
        alone = MattingLaplacian(guides[i], radius=2)
        torch.testing.assert_close(product[i], alone.matvec(batch[i]))
        form += alone.quadratic_form(batch[i])
        torch.testing.assert_close(together.diagonal[i], alone.diagonal)
    assert together.quadratic_form(batch) == pytest.approx(form, rel=1e-6)


def test_memory_layout_does_not_matter(guide, p):
    expected = MattingLaplacian(guide).matvec(p)
    frozen = guide.copy()
    frozen.flags.writeable = False
    planar = np.ascontiguousarray(p.transpose(2, 0, 1)).transpose(1, 2, 0)
    padded = np.zeros((25, 40, 3), np.float32)
    padded[3:22, 7:33] = p
    for same_guide, same_p in ((frozen, planar), (guide, padded[3:22, 7:33])):
        np.testing.assert_array_equal(MattingLaplacian(same_guide).matvec(same_p), expected)
    mirrored = MattingLaplacian(guide[:, ::-1]).matvec(p[:, ::-1])
    np.testing.assert_allclose(mirrored[:, ::-1], expected, atol=1e-5)
    swapped = MattingLaplacian(guide[..., ::-1]).matvec(p)
    np.testing.assert_allclose(swapped, expected, atol=1e-5)


def test_arguments_are_left_alone(guide, p):
    copies = guide.copy(), p.copy()
    MattingLaplacian(guide).matvec(p)
    np.testing.assert_array_equal(guide, copies[0])
    np.testing.assert_array_equal(p, copies[1])


def test_radius_beyond_the_compiled_kernels(landscape, reference, error):
    radius = MAX_RADIUS + 1
    guide = landscape(2 * radius + 2, 2 * radius + 3)
    truth = reference(guide, guide[..., :1] ** 2, radius, 1e-3)
    laplacian = MattingLaplacian(guide, radius, 1e-3)
    assert error(laplacian.matvec(guide[..., :1] ** 2), truth.product) < 1e-4


def test_exactly_one_window(reference, error):
    guide, p = np.random.default_rng(0).random((2, 3, 3, 3), np.float32)
    assert error(MattingLaplacian(guide).matvec(p), reference(guide, p, 1, 1e-7).product) < 1e-5


def test_no_gradient_is_tracked(guide, p):
    result = MattingLaplacian(planes(guide).double()).matvec(planes(p).double().requires_grad_())
    assert not result.requires_grad


@pytest.mark.parametrize(("height", "width", "radius"), [(2, 9, 1), (9, 2, 1), (10, 30, 5)])
def test_photo_smaller_than_a_window(height, width, radius):
    with pytest.raises(UsageError, match="holds no window"):
        MattingLaplacian(np.zeros((height, width, 3), np.float32), radius)


@pytest.mark.parametrize(
    ("radius", "epsilon"), [(0, 1e-7), (-1, 1e-7), (1, 0.0), (1, -1.0), (1, float("nan"))]
)
def test_bad_parameters(guide, radius, epsilon):
    with pytest.raises(UsageError, match="radius >= 1 and epsilon > 0"):
        MattingLaplacian(guide, radius, epsilon)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((9, 9, 3), np.uint8), "an array 9 9 3 of uint8"),
        (np.zeros((9, 9), np.float32), "3 channels"),
        (np.zeros((9, 9, 4), np.float32), "3 channels"),
        (np.zeros((2, 9, 9, 3), np.float32), "an array 2 9 9 3"),
        (torch.zeros(3, 9, 9, dtype=torch.float16), "a tensor 3 9 9 of torch.float16 on cpu"),
        (torch.zeros(9, 9), "a tensor 9 9"),
        (torch.zeros(1, 9, 9), "3 channels"),
    ],
)
def test_bad_guides(image, message):
    with pytest.raises(UsageError, match=message):
        MattingLaplacian(image)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((19, 27, 3), np.float32),
        np.zeros((19, 26, 3), np.float64),
        torch.zeros(3, 19, 26),
    ],
)
def test_p_must_go_with_the_guide(guide, wrong):
    laplacian = MattingLaplacian(guide)
    for method in (laplacian.matvec, laplacian.quadratic_form, laplacian.planes):
        with pytest.raises(UsageError, match="does not go with a guide that is an array 19 26 3"):
            method(wrong)


def test_a_batch_must_have_as_many_photos_as_guides(guide):
    laplacian = MattingLaplacian(planes(guide)[None])
    with pytest.raises(UsageError, match="a tensor 2 3 19 26 of"):
        laplacian.matvec(torch.zeros(2, 3, 19, 26))
