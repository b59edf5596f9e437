"""The palette: how far colours are from a set's, region by region and photo by photo."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from photostyle.training.palette import Palette

CPU = torch.device("cpu")
SIDE = 32


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(count: int = 6, seed: int = 0) -> Tensor:
    """Blue above, green below, in patches."""
    sky, ground = torch.tensor([0.3, 0.5, 0.8]), torch.tensor([0.3, 0.5, 0.2])
    noise = 0.06 * torch.randn(count, 3, SIDE, SIDE, generator=random(seed))
    picture = torch.empty(3, SIDE, SIDE)
    picture[:, : SIDE // 2], picture[:, SIDE // 2 :] = sky[:, None, None], ground[:, None, None]
    return (picture + noise).clamp(0, 1)


def shares(count: int = 6) -> Tensor:
    """The half above is one region, that below the other; a third one is nearly empty."""
    halves = torch.full((count, 3, 16, 16), 0.02)
    halves[:, 0, :8] = halves[:, 1, 8:] = 0.96
    return halves


@pytest.fixture(scope="module")
def palette() -> Palette:
    return Palette(photos(), shares(), random(), CPU)


def distance(palette: Palette, results: Tensor, seed: int = 1, **options: float) -> float:
    return palette.distance(results, shares(len(results)), random(seed), **options).item()


def cast(results: Tensor, strength: float) -> Tensor:
    return results + strength * torch.tensor([1.0, 0.3, -0.8])[:, None, None]


def test_the_set_itself_is_near_and_casts_are_farther(palette: Palette) -> None:
    near = distance(palette, photos(seed=5))
    found = [distance(palette, cast(photos(seed=5), strength)) for strength in (0.05, 0.1, 0.2)]
    assert 0 <= near < found[0] < found[1] < found[2]
    assert found[1] > 5 * near


def test_it_is_in_lab_units() -> None:
    grey = torch.full((4, 3, SIDE, SIDE), 0.5)
    made = Palette(grey, shares(4), random(), CPU)
    lighter = torch.full((4, 3, SIDE, SIDE), 0.6)  # 8.8 units of L, and neither a nor b
    assert distance(made, grey) == pytest.approx(0, abs=1e-3)
    found = distance(made, lighter, outliers=0)
    assert 0.25 * 9.1 < found < 9.1  # a mean over directions


def test_outliers_weigh_more_the_farther_they_are(palette: Palette) -> None:
    results = cast(photos(seed=5), 0.2)
    plain, heavy, heavier = (distance(palette, results, outliers=o) for o in (0, 0.1, 0.2))
    assert plain < heavy
    assert heavier - heavy == pytest.approx(heavy - plain, rel=1e-3)


def test_regions_do_not_lend_each_other_their_colours(palette: Palette) -> None:
    swapped = photos(seed=5).flip(2)  # the same colours, sky and ground exchanged
    assert distance(palette, swapped) > 5 * distance(palette, photos(seed=5))


def test_a_photo_that_lies_far_off_is_not_hidden_by_the_others(palette: Palette) -> None:
    # Half are too warm and half too cold: together their means are right.
    results = photos(seed=5)
    apart = torch.cat([cast(results[:3], 0.12), cast(results[3:], -0.12)])
    assert distance(palette, apart) > 2 * distance(palette, results)
    # One of six, and its own gradient points back.
    results = photos(seed=5)
    results[0] = cast(results[0], 0.25)
    results.requires_grad_()
    palette.distance(results, shares(), random(1)).backward()
    assert results.grad is not None
    moves = results.grad.sum(dim=(2, 3)) @ torch.tensor([1.0, 0.3, -0.8])
    assert moves[0] > 0
    assert moves[0] > 3 * moves[1:].abs().max()


def test_gradients_point_towards_the_set(palette: Palette) -> None:
    shift = torch.zeros(3, requires_grad=True)
    results = cast(photos(seed=5), 0.15)
    optimizer = torch.optim.Adam([shift], lr=0.02)
    for step in range(40):
        optimizer.zero_grad()
        palette.distance(results + shift[:, None, None], shares(), random(step)).backward()
        optimizer.step()
    assert torch.allclose(shift, -0.15 * torch.tensor([1.0, 0.3, -0.8]), atol=0.05)


def test_the_generator_alone_decides(palette: Palette) -> None:
    results = cast(photos(seed=5), 0.1)
    assert distance(palette, results) == distance(palette, results)
    assert distance(palette, results) != distance(palette, results, seed=2)
    again = Palette(photos(), shares(), random(), CPU)
    assert distance(again, results) == distance(palette, results)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    distance(palette, results)
    assert torch.equal(torch.rand(3), expected)


def test_other_sizes_and_values_out_of_range(palette: Palette) -> None:
    results = torch.rand(2, 3, 24, 40) * 3 - 1
    results.requires_grad_()
    found = palette.distance(results, shares(2), random())
    found.backward()
    assert torch.isfinite(found)
    assert results.grad is not None
    assert torch.isfinite(results.grad).all()


def test_a_region_counts_as_much_as_there_is_of_it(palette: Palette) -> None:
    # Nothing but sky, in the colours of the sky.
    sky = torch.tensor([0.3, 0.5, 0.8])[:, None, None].expand(2, 3, SIDE, SIDE)
    sky = (sky + 0.06 * torch.randn(sky.shape, generator=random(3))).clamp(0, 1)
    above = torch.full((2, 3, 16, 16), 1e-6)
    above[:, 0] = 1
    alone, with_ground = (
        palette.distance(sky, side, random()).item() for side in (above, shares(2))
    )
    assert alone < 0.25 * with_ground
