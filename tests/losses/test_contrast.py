"""Patchwise contrast: features must stay at their places."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from photostyle.losses.contrast import patch_contrast


def maps(seed: int = 0, channels: int = 16) -> list[Tensor]:
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(2, channels, side, side, generator=random) for side in (12, 6)]


def contrast(results: list[Tensor], contents: list[Tensor], seed: int = 0, **options: int) -> float:
    random = torch.Generator().manual_seed(seed)
    return patch_contrast(results, contents, random, **options).item()


def shuffled(features: list[Tensor]) -> list[Tensor]:
    """The same features at other places."""
    random = torch.Generator().manual_seed(9)
    return [
        f.flatten(2)[:, :, torch.randperm(f[0, 0].numel(), generator=random)].view_as(f)
        for f in features
    ]


def test_it_is_lowest_where_nothing_moved() -> None:
    kept = contrast(maps(), maps())
    assert 0 <= kept < 0.01
    assert contrast(shuffled(maps()), maps()) > 5
    assert contrast(maps(1), maps()) > 5
    half = [0.5 * a + 0.5 * b for a, b in zip(maps(), maps(1), strict=True)]
    assert kept < contrast(half, maps()) < contrast(maps(1), maps())


def test_known_values() -> None:
    # Two places with orthogonal features: cosines are 1 and 0.
    two = [torch.eye(2).reshape(1, 2, 1, 2)]
    wrong = [two[0].flip(3)]
    for temperature in (1.0, 0.5):
        rest = math.exp(-1 / temperature)
        found = contrast(two, two, temperature=temperature)  # type: ignore[arg-type]
        assert found == pytest.approx(math.log(1 + rest))
        found = contrast(wrong, two, temperature=temperature)  # type: ignore[arg-type]
        assert found == pytest.approx(math.log(1 + 1 / rest))
    # Of maps that are the same everywhere, all places are equally likely.
    flat = [torch.ones(1, 4, 8, 8)]
    assert contrast(flat, flat, places=10) == pytest.approx(math.log(10), rel=1e-5)
    assert contrast(flat, flat, places=99) == pytest.approx(math.log(64), rel=1e-5)


def test_directions_count_and_not_sizes() -> None:
    louder = [7 * features for features in maps()]
    assert contrast(louder, maps()) == pytest.approx(contrast(maps(), maps()), abs=1e-6)


def test_maps_count_alike() -> None:
    (first, second), (other, another) = maps(), maps(1)
    random = torch.Generator().manual_seed(0)
    parts = [patch_contrast([a], [b], random) for a, b in ((first, other), (second, another))]
    whole = contrast([first, second], [other, another])
    assert whole == pytest.approx((parts[0] + parts[1]).item() / 2)


def test_the_generator_alone_decides_the_places() -> None:
    results, contents = shuffled(maps()), maps()
    assert contrast(results, contents, places=8) == contrast(results, contents, places=8)
    assert contrast(results, contents, places=8) != contrast(results, contents, 1, places=8)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    contrast(results, contents)
    assert torch.equal(torch.rand(3), expected)


def test_gradients_go_to_results_alone_and_point_to_the_contents() -> None:
    results = [features.requires_grad_() for features in maps(1)]
    contents = [features.requires_grad_() for features in maps()]
    loss = patch_contrast(results, contents, torch.Generator().manual_seed(0))
    loss.backward()
    assert all(features.grad is None for features in contents)
    nearer = []
    for features in results:
        assert features.grad is not None
        assert torch.isfinite(features.grad).all()
        assert features.grad.abs().max() > 0
        nearer.append((features - 20 * features.grad).detach())
    assert contrast(nearer, contents) < 0.9 * loss.item()


def test_maps_must_match() -> None:
    with pytest.raises(ValueError, match="zip"):
        contrast(maps()[:1], maps())
