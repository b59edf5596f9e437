"""Kinds of what photos show, and which of them both photos have."""

import numpy as np
import pytest
import torch
from torch import nn

from photostyle.features.upernet import CLASSES, UperNet
from photostyle.transfers import TransferConfig, job, scene_segments
from photostyle.transfers.scene_segments import KINDS, kind_shares, scene_labels, shared_kinds

SKY, GRASS, ROAD = 2, 9, 6


class ByColour(nn.Module):
    """Says sky where a photo is blue, grass where it is green, road where it is grey."""

    def __init__(self):
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(60.0))

    def forward(self, photo):
        red, green, blue = nn.functional.avg_pool2d(photo, 4).unbind(1)
        logits = torch.full((1, CLASSES, *red.shape[1:]), -20.0)
        logits[:, SKY] = self.sharpness * (blue - green)
        logits[:, GRASS] = self.sharpness * (green - blue)
        logits[:, ROAD] = self.sharpness * (red - green)
        return logits


@pytest.fixture
def network():
    return ByColour().requires_grad_(False)


def photo(*bands, height=64, width=96):
    """Bands of colour, from the top down."""
    rows = np.array_split(np.arange(height), len(bands))
    picture = np.zeros((height, width, 3), np.float32)
    for part, colour in zip(rows, bands, strict=True):
        picture[part] = colour
    return picture + np.random.default_rng(0).normal(0, 0.01, picture.shape).astype(np.float32)


BLUE, GREEN, RED = (0.3, 0.4, 0.8), (0.2, 0.6, 0.2), (0.7, 0.3, 0.3)


def test_no_class_is_of_two_kinds():
    classes = [index for kind in KINDS.values() for index in kind]
    assert len(set(classes)) == len(classes)
    assert set(classes) < set(range(CLASSES))


def test_shares_sum_to_one_and_follow_the_classes(network):
    shares = kind_shares(photo(BLUE, GREEN), network)
    assert shares.shape == (64, 96, len(KINDS) + 1)
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-5)
    names = [*KINDS, "rest"]
    assert shares[:24, :, names.index("sky")].min() > 0.9
    assert shares[40:, :, names.index("vegetation")].min() > 0.9


def test_both_photos_get_the_same_labels(network):
    content, style = photo(BLUE, GREEN), photo(BLUE, BLUE, BLUE, GREEN)
    ours, theirs = scene_labels(content, style, network)
    assert ours.shape == theirs.shape == (64, 96)
    assert (ours[:28] == 0).all()
    assert (ours[36:] == 1).all()
    assert (theirs[:44] == 0).all()
    assert (theirs[52:] == 1).all()


def test_what_one_photo_lacks_goes_to_the_likeliest_of_the_others(network):
    ours, theirs = scene_labels(photo(BLUE, RED, GREEN), photo(BLUE, GREEN), network)
    assert set(np.unique(ours)) == set(np.unique(theirs)) == {0, 1}


def test_nothing_in_common_is_a_single_segment(network):
    ours, theirs = scene_labels(photo(BLUE), photo(GREEN), network)
    assert not ours.any()
    assert not theirs.any()


def test_kinds_of_next_to_no_area_are_left_out():
    shares = np.zeros((20, 20, 7), np.float32)
    shares[..., 1], shares[:10, :, 0] = 0.5, 1
    speck = shares.copy()
    speck[0, :7, 3] = 2
    assert shared_kinds(shares, shares) == [0, 1]
    assert shared_kinds(speck, speck) == [0, 1]


def test_large_photos_are_looked_at_small(network, monkeypatch):
    monkeypatch.setattr(scene_segments, "_SIZE", 48)
    ours, theirs = scene_labels(photo(BLUE, GREEN), photo(BLUE, GREEN, height=200), network)
    assert ours.shape == (32, 48)
    assert max(theirs.shape) >= 48
    assert min(theirs.shape) >= 23


def test_a_transfer_asks_the_network_and_returns_its_segments(monkeypatch):
    torch.manual_seed(0)
    upernet = UperNet((4, 4, 4, 4), (1, 1, 1, 1), head=4).eval().requires_grad_(False)
    upernet.forward = ByColour().requires_grad_(False).forward
    asked = []

    def load(entry, **_):
        asked.append((entry.name, entry.architecture))
        return [upernet]

    monkeypatch.setattr(job, "load_networks", load)
    config = TransferConfig(segment="ade20k", size=64, iterations=1, device="cpu")
    result = job.transfer(photo(BLUE, GREEN), photo(BLUE, BLUE, BLUE, GREEN), config=config)
    assert asked == [("segments-ade20k", "upernet-convnext")]
    assert result.photo.pixels.shape == (64, 96, 3)
    ours, theirs = (mask.floats()[..., 0] for mask in result.masks)
    assert ours.shape == theirs.shape == (43, 64)
    assert set(ours[:18].flat) == {0}
    assert set(ours[24:].flat) == {1}
    assert ours.mean() == pytest.approx(0.5, abs=0.05)
    assert theirs.mean() == pytest.approx(0.25, abs=0.05)
