"""Crops of named photos: labels stay in place, and what is pasted takes its labels along."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from photostyle.features.scene_parser import KINDS
from photostyle.training.scene_crops import pasted, random_crops
from photostyle.training.scene_photos import UNKNOWN, NamedPhoto

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Map = NDArray[np.uint8]


def halves(height: int, width: int) -> Map:
    """Labels: 1 above, 2 below, and nobody knows what in the last quarter of the width."""
    kinds = np.ones((height, width), np.uint8)
    kinds[height // 2 :] = 2
    kinds[:, -width // 4 :] = UNKNOWN
    return kinds


def map_of_places(height: int, width: int, by: str) -> NamedPhoto:
    """Red is twice x, green twice y, in pixels, and the label is one of the two."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    pixels = np.stack([2 * columns, 2 * rows, 0 * rows], axis=2)
    return NamedPhoto(pixels, {"x": columns, "y": rows}[by])


@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize("by", ["x", "y"])
@pytest.mark.parametrize(("height", "width"), [(60, 90), (90, 60), (120, 50), (64, 64)])
def test_labels_stay_where_their_pixels_are(height: int, width: int, by: str, varied: bool) -> None:
    photo = map_of_places(height, width, by)
    crops, kinds = random_crops([photo] * 24, 24, 56, np.random.default_rng(0), varied=varied)
    places = 255 * crops[:, {"x": 0, "y": 1}[by]] / 2
    # Labels are those of the nearest pixel, colours are interpolated and rounded.
    assert (places - kinds).abs().max() < 0.8
    assert (places - kinds).abs().mean() < 0.3


def test_crops_make_no_third_label_between_two() -> None:
    photo = NamedPhoto(np.zeros((45, 66, 3), np.uint8), halves(45, 66))
    kinds = random_crops([photo] * 8, 8, 50, np.random.default_rng(0))[1]
    assert set(kinds.unique().tolist()) == {1, 2, UNKNOWN}


def test_crops_are_mirrored_stretched_and_nearly_the_whole_photo() -> None:
    crops, _ = random_crops([map_of_places(80, 100, "x")] * 64, 64, 40, np.random.default_rng(1))
    x, y = (255 * crops[:, :2] / 2).unbind(1)
    across, down = (x[:, 0, -1] - x[:, 0, 0]) / 39 * 40, (y[:, -1, 0] - y[:, 0, 0]) / 39 * 40
    assert 16 <= int((across < 0).sum()) <= 48  # mirrored
    assert down.min() > 0.75 * 80 / 1.18 - 2  # never upside down
    assert down.max() <= 80.5
    assert across.abs().min() > 0.75 * 80 * 0.85 - 2
    assert across.abs().max() <= 80 * 1.18 + 2
    stretch = across.abs() / down
    assert stretch.min() < 0.9
    assert stretch.max() > 1.1
    # Borders of the photo are reached, on all four sides, and seldom passed.
    assert x.min() < 5
    assert x.max() > 94
    assert y.min() < 5
    assert y.max() > 74


def test_crops_are_photos_and_labels_of_integers() -> None:
    photo = NamedPhoto(np.full((30, 40, 3), 255, np.uint8), np.full((30, 40), UNKNOWN, np.uint8))
    crops, kinds = random_crops([photo], 3, 24, np.random.default_rng(0))
    assert crops.shape == (3, 3, 24, 24)
    assert crops.dtype == torch.float32
    assert bool((crops == 1).all())
    assert kinds.shape == (3, 24, 24)
    assert kinds.dtype == torch.int64
    assert bool((kinds == UNKNOWN).all())


def test_the_same_seed_draws_the_same_crops() -> None:
    photos = [map_of_places(60, 90, by) for by in ("x", "y")]
    first, again, other = (
        random_crops(photos, 4, 32, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_no_photo_comes_twice_while_others_wait() -> None:
    photos = [
        NamedPhoto(np.full((8, 8, 3), 10 * index, np.uint8), np.full((8, 8), index, np.uint8))
        for index in range(6)
    ]
    crops, kinds = random_crops(photos, 6, 8, np.random.default_rng(0))
    assert set(kinds[:, 0, 0].tolist()) == set(range(6))
    torch.testing.assert_close(255 * crops[:, 0], 10.0 * kinds)
    assert set(random_crops(photos, 9, 8, np.random.default_rng(0))[1].unique().tolist()) <= set(
        range(6)
    )


def test_varied_crops_are_closer_and_turned() -> None:
    photo = map_of_places(100, 120, "x")
    crops, _ = random_crops([photo] * 200, 200, 40, np.random.default_rng(1), varied=True)
    x, y = (255 * crops[:, :2] / 2).unbind(1)
    across = x[:, 20, 30] - x[:, 20, 10]
    turned = torch.atan2(y[:, 20, 30] - y[:, 20, 10], across.abs())
    assert across.abs().min() < 0.45 * 50
    assert across.abs().max() > 0.95 * 50
    assert 0.03 < turned.std() < 0.12
    assert turned.abs().max() < math.pi / 8
    assert 60 <= int((across < 0).sum()) <= 140


def test_subjects_are_pasted_with_their_labels_and_grounds_are_not() -> None:
    sky, grass, person = (KINDS.index(name) for name in ("sky", "grass", "person"))
    kinds = torch.full((40, 32, 32), sky)
    kinds[:, 20:] = grass
    kinds[::2, 8:24, 12:20] = person  # in every other crop
    crops = torch.where(kinds == person, 0.9, 0.1)[:, None].expand(-1, 3, -1, -1)
    mixed, names = pasted(crops, kinds, torch.Generator().manual_seed(0))
    new = (names == person) & (kinds != person)
    took = new.flatten(1).any(1)
    assert not bool(took[::2].any())  # those before them show nobody
    assert 1 <= int(took[1::2].sum()) <= 12  # 0.4 times 0.6 of 20
    assert torch.equal(new[took], (kinds == person)[::2][: int(took.sum())])
    assert torch.equal(names[~new], kinds[~new])
    inner = new[:, 12:20, 14:18]
    assert mixed[:, 0, 12:20, 14:18][inner].min() > 0.85
    assert torch.equal(mixed[~took], crops[~took])


def test_what_is_small_or_nearly_all_is_not_pasted() -> None:
    person = KINDS.index("person")
    kinds = torch.zeros(40, 32, 32, dtype=torch.long)
    kinds[::4, :4, :4] = person
    kinds[2::4, 4:] = person
    crops = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    mixed, names = pasted(crops, kinds, torch.Generator().manual_seed(1))
    assert torch.equal(mixed, crops)
    assert torch.equal(names, kinds)
