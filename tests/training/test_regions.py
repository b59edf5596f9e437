"""Regions: what is calm and above is the same region in two sets, whatever its colours."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from photostyle.registry import load_encoder
from photostyle.training.regions import CELLS, COUNT, Regions, descriptors

SIDE = 64


@pytest.fixture(scope="module")
def encoder() -> torch.nn.Module:
    return load_encoder().requires_grad_(False)


def landscapes(count: int, sky: tuple[float, ...], ground: tuple[float, ...], seed: int) -> Tensor:
    """A smooth sky over a textured ground; the horizon lies elsewhere in each."""
    random = torch.Generator().manual_seed(seed)
    rows = torch.linspace(0, 1, SIDE)[:, None].expand(SIDE, SIDE)
    photos = []
    for _ in range(count):
        horizon = 0.4 + 0.2 * torch.rand((), generator=random)
        above = torch.tensor(sky)[:, None, None] * (0.8 + 0.2 * rows)
        noise = F.avg_pool2d(torch.randn(1, 1, SIDE + 1, SIDE + 1, generator=random), 2, 1)[0]
        below = torch.tensor(ground)[:, None, None] * (1 + 0.8 * noise)
        photos.append(torch.where(rows < horizon, above, below))
    return torch.stack(photos).clamp(0, 1)


@pytest.fixture(scope="module")
def sets() -> tuple[Tensor, Tensor]:
    """By day, and more of them at night."""
    day = landscapes(3, (0.5, 0.7, 0.95), (0.3, 0.5, 0.2), seed=0)
    night = landscapes(5, (0.05, 0.05, 0.2), (0.3, 0.2, 0.05), seed=1)
    return day, night


def found(encoder: torch.nn.Module, sets: tuple[Tensor, Tensor], seed: int = 0) -> Regions:
    return Regions([encoder(photos) for photos in sets], torch.Generator().manual_seed(seed))


def test_the_calm_above_is_the_same_region_in_both_sets(
    encoder: torch.nn.Module, sets: tuple[Tensor, Tensor]
) -> None:
    regions = found(encoder, sets)
    tops, bottoms = [], []
    for photos in sets:
        shares = regions.shares(encoder(photos)).mean(dim=(0, 3))  # by height
        tops.append(shares[:, : CELLS // 4].mean(1))
        bottoms.append(shares[:, -CELLS // 4 :].mean(1))
    sky = int(tops[0].argmax())
    assert int(tops[1].argmax()) == sky
    assert min(top[sky] for top in tops) > 0.7
    assert max(bottom[sky] for bottom in bottoms) < 0.1
    ground = int(bottoms[0].argmax())
    assert int(bottoms[1].argmax()) == ground


def test_shares_sum_to_one(encoder: torch.nn.Module, sets: tuple[Tensor, Tensor]) -> None:
    shares = found(encoder, sets).shares(encoder(sets[0]))
    assert shares.shape == (3, COUNT, CELLS, CELLS)
    torch.testing.assert_close(shares.sum(1), torch.ones(3, CELLS, CELLS))
    assert shares.min() >= 0
    assert shares.flatten(2).std(dim=2).min() > 0.1  # and differ from place to place


def test_shares_of_a_photo_do_not_depend_on_those_beside_it(
    encoder: torch.nn.Module, sets: tuple[Tensor, Tensor]
) -> None:
    regions = found(encoder, sets)
    together = regions.shares(encoder(sets[0]))
    alone = torch.cat([regions.shares(encoder(photo[None])) for photo in sets[0]])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-3)


def test_the_generator_alone_decides(encoder: torch.nn.Module, sets: tuple[Tensor, Tensor]) -> None:
    maps = encoder(sets[0])
    first, again = (found(encoder, sets).shares(maps) for _ in range(2))
    assert torch.equal(first, again)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    found(encoder, sets)
    assert torch.equal(torch.rand(3), expected)


def test_photos_without_anything_have_regions_too(encoder: torch.nn.Module) -> None:
    flat = torch.full((2, 3, SIDE, SIDE), 0.5)
    shares = found(encoder, (flat, flat)).shares(encoder(flat))
    assert torch.isfinite(shares).all()
    torch.testing.assert_close(shares.sum(1), torch.ones(2, CELLS, CELLS))


def test_descriptors_are_texture_and_height(
    encoder: torch.nn.Module, sets: tuple[Tensor, Tensor]
) -> None:
    found = descriptors(encoder(sets[0]))
    assert found.shape[0] == 3
    assert found.shape[2:] == (CELLS, CELLS)
    texture, height = found[:, :-1], found[:, -1]
    torch.testing.assert_close(texture.square().sum(1).mean((1, 2)), torch.ones(3))
    assert height.square().mean().item() == pytest.approx(1, abs=0.01)
    assert (height.diff(dim=1) > 0).all()
    assert (height.diff(dim=2) == 0).all()


def test_the_strength_of_contrasts_counts_less_than_where_they_are(
    encoder: torch.nn.Module, sets: tuple[Tensor, Tensor]
) -> None:
    day, _ = sets
    dim = 0.5 + 0.4 * (day - 0.5)
    same = (descriptors(encoder(day)) - descriptors(encoder(dim))).square().sum(1).mean()
    other = (descriptors(encoder(day)) - descriptors(encoder(day.flip(2)))).square().sum(1).mean()
    assert same < 0.25 * other
