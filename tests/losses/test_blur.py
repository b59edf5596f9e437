"""The Gaussian blur against OpenCV's, and its gradient."""

import cv2
import numpy as np
import pytest
import torch

from photostyle.losses.blur import gaussian_blur


@pytest.mark.parametrize("size", [(40, 31), (7, 12), (1, 3)])
def test_it_is_that_of_opencv_with_replicated_borders(size):
    maps = np.random.default_rng(0).random((3, *size))
    expected = [
        cv2.GaussianBlur(one, (11, 11), 1.5, borderType=cv2.BORDER_REPLICATE) for one in maps
    ]
    np.testing.assert_allclose(gaussian_blur(torch.from_numpy(maps)), np.stack(expected), atol=1e-9)


@pytest.mark.parametrize("size", [(13, 16), (4, 6)])
def test_its_gradient_is_right(size):
    maps = torch.rand(2, *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(gaussian_blur, (maps,))


def test_flat_maps_stay_as_they_are():
    flat = torch.full((1, 9, 9), 0.7)
    torch.testing.assert_close(gaussian_blur(flat), flat)
