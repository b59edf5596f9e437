from __future__ import annotations

import numpy as np
import pytest

from photostyle.cli import picture


def test_captions_that_are_too_long_are_cut():
    photos = [np.zeros((20, 30, 3), np.float32)] * 2
    row = picture.side_by_side(photos, ["W" * 200, "."], 20)
    assert row.shape == (20 + 2 * picture.caption_size(20), 60 + picture.GUTTER, 3)
    assert row[20:, 30:-30].min() == 1  # nothing in the gutter


@pytest.mark.parametrize("size", [(7, 11), (40, 20), (1, 100)])
def test_covering_gives_the_size(size):
    photo = np.random.default_rng(0).random((13, 9, 3), np.float32)
    assert picture.covering(photo, *size).shape == (*size, 3)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_the_narrowest_photos_are_split(width):
    photo = np.zeros((4, width, 3), np.float32)
    assert picture.split(photo, photo, ["a", "b"]).shape[1] == width
