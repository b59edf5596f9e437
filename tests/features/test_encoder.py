"""The encoder: shapes, borders, determinism and gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from photostyle.features import Encoder, random_encoder

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return random_encoder(0)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 33), (64, 48), (101, 75)])
def test_each_scale_has_half_the_size_of_the_one_before(
    encoder: Encoder, height: int, width: int
) -> None:
    maps = encoder(torch.rand(2, 3, height, width))
    assert [features.shape[1] for features in maps] == encoder.widths
    for index, features in enumerate(maps):
        step = 2**index
        assert features.shape[0] == 2
        assert features.shape[2:] == (-(-height // step), -(-width // step))


def test_has_fewer_than_a_million_parameters(encoder: Encoder) -> None:
    assert sum(parameter.numel() for parameter in encoder.parameters()) < 1_000_000


def test_same_photo_same_features(encoder: Encoder) -> None:
    photo = torch.rand(1, 3, 45, 38)
    for first, second in zip(encoder(photo), encoder(photo), strict=True):
        assert torch.equal(first, second)


def test_memory_layout_of_the_photo_does_not_matter(encoder: Encoder) -> None:
    photo = torch.rand(1, 3, 40, 32)
    other = photo.contiguous(memory_format=torch.channels_last)
    for first, second in zip(encoder(photo), encoder(other), strict=True):
        torch.testing.assert_close(first, second)


def test_a_plain_photo_has_no_borders(encoder: Encoder) -> None:
    plain = torch.tensor([0.2, 0.5, 0.7])[None, :, None, None].expand(1, 3, 37, 29)
    for features in encoder(plain):
        spread = features.amax(dim=(2, 3)) - features.amin(dim=(2, 3))
        assert spread.max() < 1e-4


def test_a_shift_by_one_cell_of_the_coarsest_scale_shifts_the_features(encoder: Encoder) -> None:
    photo = torch.rand(1, 3, 160, 160)
    here, there = encoder(photo)[3], encoder(photo[:, :, 8:, 8:])[3]
    # Away from borders, which reach as far as the network sees.
    torch.testing.assert_close(here[:, :, 8:-7, 8:-7], there[:, :, 7:-7, 7:-7])


@pytest.mark.parametrize("scale", range(4))
def test_gradients_of_every_scale_reach_every_pixel(encoder: Encoder, scale: int) -> None:
    photo = torch.rand(1, 3, 33, 41, requires_grad=True)
    encoder(photo)[scale].square().sum().backward()
    assert photo.grad is not None
    assert (photo.grad.abs().amax(dim=1) > 0).all()


def test_gradient_is_the_derivative() -> None:
    encoder = random_encoder(2, channels=[[4], [6, 6]]).double()
    photo = torch.rand(1, 3, 7, 6, dtype=torch.float64, requires_grad=True)

    def features(x: Tensor) -> tuple[Tensor, ...]:
        return tuple(encoder(x))

    assert torch.autograd.gradcheck(features, (photo,), fast_mode=True)


def test_look_changes_the_features(encoder: Encoder, landscape: Callable[..., object]) -> None:
    day, dusk = (
        torch.from_numpy(landscape(64, 64, sky=sky)).permute(2, 0, 1)[None]
        for sky in ("day", "dusk")
    )
    for first, second in zip(encoder(day), encoder(dusk), strict=True):
        assert (first - second).square().mean() > 0.01
