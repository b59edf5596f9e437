"""Wiener's filter: what it undoes, and what it leaves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from photostyle.networks.wiener import REACH, Blur, wiener

SIDE = 2 * REACH + 1


def drawn(kernel: np.ndarray) -> Tensor:
    """A kernel in the middle of the pixels there are for one, `1 K K`."""
    around = [(SIDE - side) // 2 for side in kernel.shape]
    return torch.from_numpy(np.pad(kernel, [(a, a) for a in around])).float()[None]


def told(kernel: np.ndarray, growing: float = 1e-4, constant: float = 1e-6) -> Blur:
    return Blur(drawn(kernel), torch.tensor([[growing, constant]]).log())


def picture(height: int = 120, width: int = 150) -> np.ndarray:
    random = np.random.default_rng(0)
    blocks = random.random((height // 6, width // 6, 3)).astype(np.float32)
    return cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)


def tensor(photo: np.ndarray) -> Tensor:
    return torch.from_numpy(photo).permute(2, 0, 1)[None]


def blurred(photo: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return cv2.filter2D(photo, -1, kernel, borderType=cv2.BORDER_REFLECT_101)


@pytest.mark.parametrize(
    "kernel",
    [np.full((1, 5), 0.2), np.full((7, 1), 1 / 7), np.eye(5) / 5, np.eye(5)[::-1] / 5],
    ids=["across", "down", "falling", "rising"],
)
def test_a_known_blur_is_undone(kernel: np.ndarray) -> None:
    photo = picture()
    bad = blurred(photo, kernel)
    found = wiener(tensor(bad), told(kernel, 1e-2, 1e-3))[0].permute(1, 2, 0).numpy()
    # Mirrored at its ends, a motion along a diagonal is one along the other.
    inside = slice(20, -20)
    before, after = (
        np.sqrt(np.mean(np.square(each - photo)[inside, inside])) for each in (bad, found)
    )
    assert after < 0.6 * before


def test_it_is_the_formula() -> None:
    # A photo that repeats itself has a Fourier series, and no ends.
    height, width = 64, 48
    y, x = np.mgrid[0:height, 0:width]
    waves = [(0, 0), (1 / 8, 0), (0, 1 / 6), (1 / 8, 1 / 6), (-1 / 8, 1 / 4)]
    kernel = np.array([[0.1, 0.2, 0.1], [0.0, 0.2, 0.0], [0.1, 0.2, 0.1]])
    growing, constant = 0.02, 0.01
    for down, right in waves:
        wave = 0.5 + 0.4 * np.cos(2 * np.pi * (down * y + right * x))
        image = np.repeat(wave[..., None], 3, -1).astype(np.float32)
        made = wiener(tensor(image), told(kernel, growing, constant))[0, 0].numpy()
        steps = np.arange(-1, 2)
        angle = 2 * np.pi * (down * steps[:, None] + right * steps)
        transfer = (kernel * np.cos(angle)).sum()
        gain = transfer / (transfer**2 + growing * 4 * (down**2 + right**2) + constant)
        middle = slice(24, 40), slice(16, 32)
        varying = made[middle] - made[middle].mean()
        wanted = (gain * 0.4 * np.cos(2 * np.pi * (down * y + right * x)))[middle]
        if (down, right) == (0, 0):
            assert made[middle].mean() == pytest.approx(0.9 / (1 + constant), abs=0.02)
        else:
            ratio = (varying * wanted).sum() / (wanted * wanted).sum()
            assert ratio == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (33, 50), (101, 67)])
def test_any_size_and_no_blur(size: tuple[int, int]) -> None:
    photo = torch.rand(2, 3, *size)
    point = np.zeros((SIDE, SIDE))
    point[REACH, REACH] = 1
    nothing = Blur(drawn(point).expand(2, -1, -1), torch.full((2, 2), -30.0))
    torch.testing.assert_close(wiener(photo, nothing), photo, atol=1e-5, rtol=0)


def test_each_photo_has_its_own_blur() -> None:
    photo = tensor(picture())
    kernels = np.full((1, 5), 0.2), np.full((5, 1), 0.2)
    both = Blur(
        torch.cat([drawn(kernel) for kernel in kernels]),
        torch.tensor([[1e-4, 1e-6], [1e-2, 1e-3]]).log(),
    )
    together = wiener(photo.expand(2, -1, -1, -1), both)
    for index in range(2):
        alone = Blur(both.kernel[index : index + 1], both.noise[index : index + 1])
        torch.testing.assert_close(together[index : index + 1], wiener(photo, alone))


def test_half_precision_around_it_changes_nothing() -> None:
    photo, blur = tensor(picture()), told(np.full((1, 5), 0.2))
    with torch.autocast("cpu", torch.bfloat16):
        half = wiener(photo, blur)
    assert torch.equal(half, wiener(photo, blur))


def test_gradients_reach_the_blur() -> None:
    blur = told(np.full((1, 5), 0.2))
    leaves = [part.clone().requires_grad_() for part in (blur.kernel, blur.noise)]
    wiener(tensor(picture(40, 40)), Blur(*leaves)).square().sum().backward()
    assert all(leaf.grad is not None and leaf.grad.abs().sum() > 0 for leaf in leaves)
