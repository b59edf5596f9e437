"""Training of the repair of blur: it changes nothing at first, and learns to recognise blur."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from photostyle.features import dead_leaves
from photostyle.networks import DeconvolutionGenerator
from photostyle.networks.wiener import REACH, Blur
from photostyle.training.blur import convolve
from photostyle.training.deconvolution import (
    PARAMS,
    PART,
    RECOGNITION,
    Deblurred,
    DeconvolutionFamily,
    unrecognised,
)
from photostyle.training.repair import relative_error

SMALL: dict[str, Any] = {"width": 8, "blocks": 1, "hidden": 16}
SIDE = 2 * REACH + 1


def kernel(length: int, *, down: bool = False) -> np.ndarray:
    drawn = np.zeros((SIDE, SIDE), np.float32)
    reach = length // 2
    drawn[REACH, REACH - reach : REACH + reach + 1] = 1 / length
    return drawn.T if down else drawn


def told(*kernels: np.ndarray) -> Blur:
    return Blur(torch.from_numpy(np.stack(kernels)), torch.zeros(len(kernels), 2))


def blurred(photos: Tensor, *kernels: np.ndarray) -> Tensor:
    made = [
        convolve(np.ascontiguousarray(photo.permute(1, 2, 0).numpy()), drawn, linear=False)
        for photo, drawn in zip(photos, kernels, strict=True)
    ]
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)


def test_the_blur_that_happened_leaves_nothing_to_explain() -> None:
    sharp = dead_leaves(2, 96, 0)
    happened = kernel(7), kernel(5, down=True)
    bad = blurred(sharp, *happened)
    right = unrecognised(told(*happened), bad, sharp).item()
    none = unrecognised(told(kernel(1), kernel(1)), bad, sharp).item()
    exchanged = unrecognised(told(*happened[::-1]), bad, sharp).item()
    assert right < 0.1 * none
    assert right < 0.1 * exchanged


def test_reconstruction_counts_both() -> None:
    sharp = dead_leaves(1, 64, 0)
    bad = blurred(sharp, kernel(5))
    made = Deblurred(bad * 0.9, torch.zeros(()), blur=told(kernel(3)))
    found = DeconvolutionFamily(SMALL).reconstruction(made, bad, sharp)
    expected = relative_error(bad * 0.9, bad, sharp) + RECOGNITION * unrecognised(
        made.blur, bad, sharp
    )
    assert torch.equal(found, expected)


def test_the_network_is_the_one_it_says() -> None:
    shapes = {name: value.shape for name, value in DeconvolutionGenerator().state_dict().items()}
    for made in (DeconvolutionFamily().generator(), DeconvolutionGenerator(**PARAMS)):
        assert {name: value.shape for name, value in made.state_dict().items()} == shapes
    small = DeconvolutionFamily(SMALL)
    assert (small.architecture, small.params) == ("deconvolution", SMALL)


def test_a_new_generator_changes_nothing() -> None:
    photos = torch.rand(2, 3, 64, 64)
    family = DeconvolutionFamily(SMALL)
    with torch.autocast("cpu", torch.bfloat16):
        applied = family.apply(family.generator(), photos)
    torch.testing.assert_close(applied.photos, photos)
    assert applied.photos.dtype == torch.float32
    assert applied.roughness.item() == 0


def test_of_large_examples_the_middle_is_repaired_while_learning_and_all_afterwards() -> None:
    photos = torch.rand(1, 3, 192, 160)
    family = DeconvolutionFamily(SMALL)
    generator = family.generator()
    learning = family.apply(generator, photos)
    assert learning.photos.shape == (1, 3, PART, PART)
    torch.testing.assert_close(learning.photos, photos[:, :, 32:160, 16:144])
    torch.testing.assert_close(learning.of(photos), learning.photos)
    with torch.inference_mode():
        done = family.apply(generator, photos)
    assert done.photos.shape == photos.shape
    assert torch.equal(done.of(photos), photos)
    small = family.apply(generator, photos[..., :64, :64])
    assert small.photos.shape == (1, 3, 64, 64)


def test_it_learns_to_tell_one_motion_from_another() -> None:
    torch.manual_seed(0)
    family = DeconvolutionFamily(SMALL)
    generator = family.generator()
    optimizer = torch.optim.Adam(generator.parameters(), lr=5e-3)
    across, down = kernel(9), kernel(9, down=True)
    for seed in range(40):
        sharp = dead_leaves(2, 96, seed)
        bad = blurred(sharp, across, down)
        loss = family.reconstruction(family.apply(generator, bad), bad, sharp)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    bad = blurred(dead_leaves(2, 96, 1000), across, down)
    found = family.apply(generator, bad).blur.kernel
    rows = found.sum(dim=2)[:, REACH]  # the light that stays in its row
    assert rows[0] > rows[1] + 0.2


def test_only_what_it_sees_can_be_repaired() -> None:
    family, photos = DeconvolutionFamily(SMALL), torch.rand(1, 3, 64, 64)
    with pytest.raises(ValueError, match="no others"):
        family.apply(family.generator(), photos, torch.rand(1, 3, 64, 64))
