"""Augmentation: pictures are mirrored, moved and cut, but keep their colours."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from photostyle.training.augment import HOLE, SHIFT, Augmentation

SIDE = 32


def augmentation(seed: int = 0) -> Augmentation:
    made = Augmentation()
    made.restart(seed)
    return made


def pictures(count: int = 4) -> Tensor:
    """Nowhere black, and every pixel another."""
    levels = torch.linspace(0.2, 1, count * 3 * SIDE * SIDE)
    return levels.reshape(count, 3, SIDE, SIDE)


def test_the_shape_stays() -> None:
    for shape in ((1, 3, 16, 16), (3, 3, 16, 40), (2, 1, 33, 17)):
        assert augmentation()(torch.rand(shape)).shape == shape


def test_outside_of_the_hole_colours_are_those_of_the_picture() -> None:
    photos = pictures()
    for seed in range(10):
        for before, after in zip(photos, augmentation(seed)(photos), strict=True):
            hole = (after == 0).all(dim=0)
            assert hole.sum() == (SIDE // HOLE) ** 2
            rows, columns = hole.any(1).nonzero(), hole.any(0).nonzero()
            assert int(rows.max() - rows.min()) + 1 == SIDE // HOLE
            assert int(columns.max() - columns.min()) + 1 == SIDE // HOLE
            # Whole colours: all three channels of a pixel stay together.
            colours = {tuple(c.tolist()) for c in before.flatten(1).T}
            assert {tuple(c.tolist()) for c in after[:, ~hole].T} <= colours


def test_pictures_are_moved_by_up_to_an_eighth_and_mirrored() -> None:
    row = torch.arange(1.0, SIDE + 1).expand(1, 3, SIDE, SIDE)
    column = row.transpose(2, 3)
    moves: set[int] = set()
    mirrored = []
    for seed in range(60):
        moved = augmentation(seed)(row)[0, 0]
        line = moved[(moved > 0).all(1)][0]
        mirrored.append(bool(line[SIDE // 2] < line[SIDE // 2 - 1]))
        if mirrored[-1]:
            line = line.flip(0)
        moves.add(int(line[SIDE // 2] - SIDE // 2 - 1))
        upright = augmentation(seed)(column)[0, 0]
        upright = upright[:, (upright > 0).all(0)][:, 0]
        assert upright[SIDE // 2] > upright[SIDE // 2 - 1]  # never upside down
        assert abs(int(upright[SIDE // 2] - SIDE // 2 - 1)) <= SIDE // SHIFT
    assert min(moves) == -SIDE // SHIFT
    assert max(moves) == SIDE // SHIFT
    assert 15 <= sum(mirrored) <= 45


def test_each_picture_is_augmented_in_its_own_way() -> None:
    twice = pictures(1).expand(4, -1, -1, -1)
    first, *others = augmentation()(twice)
    assert not any(torch.equal(first, other) for other in others)


def test_it_is_the_same_after_a_restart() -> None:
    photos, used = pictures(), augmentation(1)
    used(photos)
    used.restart(0)
    expected = augmentation(0)(photos)
    assert torch.equal(used(photos), expected)
    assert not torch.equal(used(photos), expected)  # and goes on from there
    assert not torch.equal(augmentation(1)(photos), expected)


def test_nobody_elses_random_numbers_are_used_up() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    augmentation()(pictures())
    assert torch.equal(torch.rand(3), expected)


def test_gradients_go_where_pixels_came_from() -> None:
    photos = pictures().requires_grad_()
    augmented = augmentation()(photos)
    augmented.sum().backward()
    assert photos.grad is not None
    # Each pixel that is seen counts once for each place where it is; borders are mirrored.
    assert photos.grad.sum().item() == pytest.approx(augmented.count_nonzero().item())
    assert photos.grad.min() == 0
