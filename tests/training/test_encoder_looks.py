"""Looks change colours, not structure; degradations change little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from photostyle.training.encoder_looks import random_degradations, random_looks

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def photos(landscape: Callable[..., object]) -> Tensor:
    """24 copies of a landscape, `24 3 48 48`."""
    picture = torch.from_numpy(landscape(48, 48)).permute(2, 0, 1)
    return picture.expand(24, 3, 48, 48).contiguous()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("change", [random_looks, random_degradations])
def test_results_are_photos_and_depend_on_the_generator_alone(
    photos: Tensor, change: Callable[[Tensor, torch.Generator], Tensor]
) -> None:
    before = photos.clone()
    result = change(photos, generator())
    assert torch.equal(photos, before)
    assert result.shape == photos.shape
    assert result.dtype == torch.float32
    assert result.min() >= 0
    assert result.max() <= 1
    assert torch.equal(result, change(photos, generator()))
    assert not torch.equal(result, change(photos, generator(1)))


def test_looks_of_one_photo_differ_in_colour(photos: Tensor) -> None:
    means = random_looks(photos, generator()).mean(dim=(2, 3))
    assert means.std(dim=0).min() > 0.05


def test_looks_change_smoothly_over_the_photo() -> None:
    # Where the photo has no edge, no look may have one.
    plain = torch.tensor([0.3, 0.5, 0.6])[None, :, None, None].repeat(24, 1, 64, 64)
    looks = random_looks(plain, generator())
    steps = torch.maximum(looks.diff(dim=2).abs().amax(), looks.diff(dim=3).abs().amax())
    assert steps < 0.08


def test_looks_keep_edges_where_they_are() -> None:
    dark, light = 0.25, 0.7
    photo = torch.full((24, 3, 32, 32), dark)
    photo[..., 16:] = light
    looks = random_looks(photo, generator())
    steps = looks.diff(dim=3).abs().sum(dim=1).mean(dim=1)
    visible = steps[:, 15] > 0.05
    assert visible.float().mean() > 0.8
    assert (steps[visible].argmax(dim=1) == 15).all()


def test_degradations_leave_some_photos_alone_and_none_unrecognisable(photos: Tensor) -> None:
    errors = (random_degradations(photos, generator()) - photos).square().mean(dim=(1, 2, 3))
    assert errors.min() == 0
    assert errors.max() > 1e-5
    assert errors.max() < 0.02
