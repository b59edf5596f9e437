"""Training of looks of single photos: their generators, thumbnails, and grids that are sliced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from photostyle.affine import slice_apply
from photostyle.features import dead_leaves
from photostyle.networks import ConditionalToneGenerator
from photostyle.networks.conditional_tone import SIDE
from photostyle.networks.recolour import colour_moments
from photostyle.training.conditional_tone import (
    PARAMS,
    SMALLEST_PART,
    ConditionalToneFamily,
    slice_photos,
    squashed,
)

if TYPE_CHECKING:
    from photostyle.training.photos import Pixels

SMALL: dict[str, Any] = {"width": 2, "depth": 3}
LEAVES = (255 * dead_leaves(2, 96).permute(0, 2, 3, 1)).byte().numpy()
PHOTOS: list[list[Pixels]] = [[photo] for photo in LEAVES]
STYLES = [squashed(photo) for photo in PHOTOS]


def family(looks: list[str], *, only_norm: bool = False) -> ConditionalToneFamily:
    return ConditionalToneFamily({**SMALL, "looks": looks}, STYLES, only_norm=only_norm)


def learning(network: torch.nn.Module) -> set[str]:
    return {name for name, weight in network.named_parameters() if weight.requires_grad}


def test_a_new_generator_has_the_colours_of_the_styles() -> None:
    made = family(["a", "b"]).generator()
    assert isinstance(made, ConditionalToneGenerator)
    for index, style in enumerate(STYLES):
        mean, covariance = colour_moments(torch.from_numpy(style).permute(2, 0, 1)[None])
        assert torch.allclose(made.look(index).mean, mean[0])
        assert torch.allclose(made.look(index).covariance, covariance[0])
    assert learning(made) == {name for name, _ in made.named_parameters()}


def test_all_colours_are_those_of_a_style_that_is_alone() -> None:
    pair = family(["a", "b"]).generator()
    alone = ConditionalToneFamily({**SMALL, "looks": ["a"]}, STYLES[:1]).generator()
    assert isinstance(pair, ConditionalToneGenerator)
    assert isinstance(alone, ConditionalToneGenerator)
    # What matches them could not be undone by the other look of a pair.
    assert [bool(pair.look(index).matched) for index in (0, 1)] == [False, False]
    assert alone.look(0).matched
    assert torch.equal(alone.look(0).colours, pair.look(0).colours)


def test_the_default_params_are_the_networks() -> None:
    assert ConditionalToneGenerator(["a"], **PARAMS).depth == PARAMS["depth"]


def test_of_normalisation_alone_the_new_looks_learn() -> None:
    made = family(["c", "d", "a", "b"], only_norm=True).generator()
    assert learning(made) == {
        name for name, _ in made.named_parameters() if name.startswith(("looks.0.", "looks.1."))
    }


@pytest.mark.parametrize("only_norm", [True, False])
def test_starting_from_another(only_norm: bool) -> None:
    torch.manual_seed(0)
    old = ConditionalToneGenerator(["a", "b"], **SMALL)
    for weight in old.parameters():
        torch.nn.init.normal_(weight)
    looks = ["c", "d", "a", "b"] if only_norm else ["c", "d"]
    new = family(looks, only_norm=only_norm)
    network = new.generator()
    network.load_state_dict(new.grown(old.state_dict()))
    assert isinstance(network, ConditionalToneGenerator)
    photo = torch.rand(1, 3, SIDE, SIDE)
    assert torch.equal(network.tail.weight, old.tail.weight)
    # Whatever the convolutions do, a new look begins with mean and covariance alone.
    assert torch.allclose(network(photo), new.generator()(photo), atol=1e-5)
    if only_norm:
        for look in ("a", "b"):
            assert torch.equal(network.of(look)(photo), old.of(look)(photo))


def test_examples_are_most_of_a_photo() -> None:
    ramp = np.zeros((200, 300, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 250, 300)
    ramp[..., 1] = np.linspace(0, 250, 200)[:, None]
    random = np.random.default_rng(0)
    mirrored = 0
    for _ in range(20):
        part = family(["a", "b"]).cut([[ramp]], 32, random)
        assert part.shape == (SIDE, SIDE, 3)
        assert part.dtype == np.float32
        across, down = np.ptp(part[..., 0]), np.ptp(part[..., 1])
        assert min(across, down) > 0.97 * SMALLEST_PART * 250 / 255
        mirrored += int(part[0, 0, 0] > part[0, -1, 0])
    assert 4 < mirrored < 16


def test_slices_are_those_of_filters_and_reach_the_photo() -> None:
    torch.manual_seed(0)
    photos = torch.rand(2, 3, 20, 30, dtype=torch.float64)
    photos[0, :, 0, :2] = torch.tensor([0.0, 1.0])
    grids = torch.randn(2, 4, 5, 3, 3, 4, dtype=torch.float64)
    sliced = slice_photos(photos, grids)
    for photo, grid, found in zip(photos, grids, sliced, strict=True):
        image = photo.permute(1, 2, 0)
        whole = torch.ones_like(image[..., :1])
        expected = slice_apply(image, whole, grid[None]).permute(2, 0, 1)
        assert torch.allclose(found, expected, atol=1e-9)
    small = photos[1:, :, :4, :4].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda photo: slice_photos(photo, grids[1:]), small)


def test_each_look_is_applied() -> None:
    made = family(["a", "b"])
    network = made.generator()
    photos = torch.from_numpy(np.stack(STYLES)).permute(0, 3, 1, 2)
    first, second = (made.apply(network, photos, look=look).photos for look in (0, 1))
    assert torch.allclose(first[0], photos[0], atol=2e-3)
    assert torch.allclose(second[1], photos[1], atol=2e-3)
    assert not torch.allclose(first[1], photos[1], atol=0.1)
    changed = photos.clone().requires_grad_()
    assert torch.allclose(made.apply(network, changed).photos, first, atol=1e-4)
    larger = torch.rand(2, 3, 5, 7)
    assert made.apply(network, photos, larger).photos.shape == larger.shape
