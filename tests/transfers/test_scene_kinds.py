"""What places of photos show: shares that sum to one, place by place."""

import numpy as np
import pytest
import torch
from torch import nn

from photostyle.features import SceneParser
from photostyle.features.scene_parser import KINDS
from photostyle.registry import load_parser
from photostyle.transfers.scene_kinds import kinds_of_places, shrunk


@pytest.mark.parametrize("size", [(20, 50), (17, 400), (96, 160), (353, 200), (16, 16)])
def test_kinds_of_places_are_shares_that_know_no_left_and_right(size):
    photo = np.random.default_rng(10).random((*size, 3), dtype=np.float32)
    shares = kinds_of_places(photo, load_parser())
    height, width = shrunk(photo).shape[:2]
    assert shares.shape == (-(-height // 8), -(-width // 8), len(KINDS))
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-5)
    if width == 160:  # whole places at every scale
        mirrored = kinds_of_places(photo[:, ::-1].copy(), load_parser())
        np.testing.assert_allclose(mirrored[:, ::-1], shares, atol=1e-4)


def test_a_sky_is_called_a_sky(landscape):
    shares = kinds_of_places(landscape(240, 352), load_parser())
    assert (shares[:14].argmax(-1) == 0).mean() > 0.9
    assert (shares[26:].argmax(-1) == 0).mean() < 0.1


class Bright(SceneParser):
    """Says the first kind where a photo is bright, the second where it is dark."""

    def forward(self, photo):
        assert min(photo.shape[2:]) >= 32
        light = nn.functional.avg_pool2d(photo.mean(1, keepdim=True), 8, ceil_mode=True)
        return torch.cat([40 * (light - 0.5), -40 * (light - 0.5)], 1)


@pytest.mark.parametrize("size", [(96, 176), (100, 181), (700, 500)])
def test_places_stay_where_they_are_at_every_scale(size):
    photo = np.zeros((*size, 3), np.float32)
    photo[: size[0] // 2, : size[1] // 2] = 1
    bright = kinds_of_places(photo, Bright())[..., 0]
    rows, columns = ((np.arange(count) + 0.5) / count for count in bright.shape)
    wanted = (rows[:, None] < 0.5) & (columns < 0.5)
    off = np.abs(np.where(wanted, bright, 1 - bright) - 1)
    edge = (np.abs(rows - 0.5) < 0.08)[:, None] | (np.abs(columns - 0.5) < 0.08)
    assert off[~edge].max() < 0.02
