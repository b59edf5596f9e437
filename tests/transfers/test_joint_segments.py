"""Segments found in both photos together: the same ones in both, or one."""

import cv2
import numpy as np
import pytest
import torch

from photostyle.features.upernet import CLASSES, UperNet
from photostyle.registry import load_encoder, load_parser
from photostyle.transfers import TransferConfig, job
from photostyle.transfers.joint_mixture import Places, fit_mixture, smoothed
from photostyle.transfers.joint_segments import (
    confirmed,
    joint_labels,
    merged,
    shared_kinds,
)
from photostyle.transfers.scene_kinds import kinds_of_places
from photostyle.transfers.segments import masks_of, segments_from_labels, segments_from_masks


def divided(*photos):
    parser = load_parser()
    return joint_labels(
        *photos, load_encoder(), [kinds_of_places(photo, parser) for photo in photos]
    )


def scene(height, width, horizon, sky, ground, seed):
    """A calm sky over textured ground; its horizon is a row."""
    random = np.random.default_rng(seed)
    photo = np.empty((height, width, 3), np.float32)
    photo[:] = (
        np.array(sky, np.float32) + np.linspace(0, 0.06, height, dtype=np.float32)[:, None, None]
    )
    rough = cv2.GaussianBlur(random.normal(0, 0.5, (height, width)).astype(np.float32), (0, 0), 1.5)
    photo[horizon:] = np.array(ground, np.float32) + rough[horizon:, :, None]
    return photo.clip(0, 1)


def test_sky_goes_to_sky_by_day_and_by_night():
    day = scene(144, 216, 86, (0.5, 0.7, 0.95), (0.35, 0.4, 0.2), 0)
    night = scene(160, 216, 84, (0.02, 0.03, 0.08), (0.3, 0.2, 0.1), 1)
    ours, theirs = divided(day, night)
    assert (ours.shape, theirs.shape) == (day.shape[:2], night.shape[:2])
    assert set(np.unique(ours)) == set(np.unique(theirs))
    above, below = (set(np.unique(part)) for part in (ours[:78], ours[96:]))
    assert above.isdisjoint(below)
    assert np.isin(theirs[:76], list(above)).mean() > 0.97
    assert np.isin(theirs[94:], list(below)).mean() > 0.97
    # The border lies near the edge, in places of 8 pixels.
    sky = np.isin(ours, list(above))
    assert sky[:81].mean() > 0.99
    assert sky[91:].mean() < 0.01


def test_the_same_pair_gives_the_same_labels():
    content = scene(96, 144, 50, (0.5, 0.7, 0.9), (0.3, 0.4, 0.2), 2)
    style = scene(96, 144, 40, (0.9, 0.5, 0.3), (0.2, 0.1, 0.1), 3)
    first, second = (divided(content, style) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_wall_is_one_segment():
    random = np.random.default_rng(4)
    wall = (0.5 + random.normal(0, 0.02, (120, 160, 3))).astype(np.float32)
    style = scene(120, 160, 60, (0.5, 0.7, 0.95), (0.35, 0.4, 0.2), 5)
    ours, theirs = divided(wall, style)
    assert ours.max() == theirs.max() == 0


@pytest.mark.parametrize("size", [(16, 16), (16, 400), (64, 40)])
def test_small_photos_are_not_divided(size):
    tiny = np.random.default_rng(6).random((*size, 3), dtype=np.float32)
    ours, theirs = divided(tiny, scene(96, 144, 40, (1, 1, 1), (0, 0, 0), 7))
    assert ours.shape == size
    assert ours.max() == theirs.max() == 0


@pytest.mark.parametrize("colour", [0.0, 0.5, 1.0])
def test_flat_photos_are_one_segment(colour):
    flat = np.full((120, 160, 3), colour, np.float32)
    ours, theirs = divided(flat, flat)
    assert ours.max() == theirs.max() == 0


def test_saved_masks_give_the_segments_back():
    content = scene(144, 216, 86, (0.5, 0.7, 0.95), (0.35, 0.4, 0.2), 0)
    style = scene(160, 216, 84, (0.02, 0.03, 0.08), (0.3, 0.2, 0.1), 1)
    segments = segments_from_labels(content, *divided(content, style))
    masks = masks_of(segments, content.shape[:2], style.shape[:2])
    again = segments_from_masks(content, style, *masks)
    assert again.warnings == ()
    assert len(again.parts) == len(segments.parts) > 1
    for part, other in zip(segments.parts, again.parts, strict=True):
        assert len(np.setxor1d(part.content, other.content)) < 0.01 * content[..., 0].size
        assert len(np.setxor1d(part.style, other.style)) < 0.01 * style[..., 0].size


def places(size, shared, colours, layout=(), shown=()):
    values = (np.asarray(value, float) for value in (shared, colours, layout, shown))
    return Places(size, *values)


def two_halves(light, dark):
    """Left and right halves of a 10 x 10 grid, told apart by both kinds of evidence."""
    side = np.tile(np.repeat([-1.0, 1.0], 5), 10)[:, None]
    return places((10, 10), side, np.where(side < 0, light, dark) * np.ones(3))


def test_the_mixture_has_layouts_in_common_and_palettes_apart():
    pair = two_halves(90, 10), two_halves(20, 60)
    start = np.random.default_rng(8).integers(0, 2, 200)
    start[:100] = pair[0].shared[:, 0] > 0  # a start from one photo finds the other's
    found = fit_mixture(pair, start)
    np.testing.assert_array_equal(found[:100], found[100:])
    assert set(found) == {0, 1}


def test_lone_places_join_their_surroundings():
    flat = places((10, 10), np.zeros((100, 1)), np.zeros((100, 3)))
    labels = np.zeros(100, int)
    labels[44] = 1
    assert smoothed(labels, flat, 2).max() == 0
    sharp = places((10, 10), np.zeros((100, 1)), np.eye(100)[44][:, None] * np.full(3, 80.0))
    assert smoothed(labels, sharp, 2)[44] == 1


def showing(*kinds):
    """A row of places, each of which shows one kind of four for sure, or two as likely."""
    shown = np.zeros((len(kinds), 4))
    for place, kind in enumerate(kinds):
        shown[place, list(kind)] = 1 / len(kind)
    values = np.zeros((len(kinds), 1))
    return places((1, len(kinds)), values, values, values, np.sqrt(shown))


def test_what_both_photos_show_divides_them():
    found = shared_kinds((showing([0], [2], [2], [3]), showing([3], [0], [2])))
    np.testing.assert_array_equal(found, [0, 1, 1, 2, 2, 0, 1])


def test_what_one_photo_shows_goes_to_the_likeliest_of_the_others():
    found = shared_kinds((showing([0], [1, 2], [2]), showing([0], [2], [2])))
    np.testing.assert_array_equal(found, [0, 1, 1, 0, 1, 1])


def test_photos_that_show_nothing_in_common_are_not_divided():
    assert not shared_kinds((showing([0], [1]), showing([2], [3]))).any()
    assert not shared_kinds((showing([1], [1]), showing([1], [1]))).any()


def clouds(*means):
    """A 10 x 12 grid: 40 places around each of three colours."""
    random = np.random.default_rng(9)
    colours = np.concatenate([random.normal(mean, 3, (40, 3)) for mean in means])
    return places((10, 12), np.zeros((120, 1)), colours)


LABELS = np.repeat([0, 1, 2], 40)


def test_what_differs_in_the_content_stays():
    for style in (clouds(10, 50, 90), clouds(50, 50, 50)):
        for found in merged((clouds(10, 50, 90), style), LABELS, LABELS):
            np.testing.assert_array_equal(found, LABELS)


def test_what_the_style_lacks_joins_what_looks_most_like_it():
    pair = clouds(10, 60, 90), clouds(10, 90, 90)
    ours, theirs = merged(pair, LABELS, np.repeat([0, 2, 2], 40))
    np.testing.assert_array_equal(ours, np.repeat([0, 1, 1], 40))
    np.testing.assert_array_equal(theirs, np.repeat([0, 1, 1], 40))


def test_what_looks_alike_in_the_content_joins_its_like_in_either_photo():
    ours, theirs = merged((clouds(50, 50, 90), clouds(10, 85, 90)), LABELS, LABELS)
    np.testing.assert_array_equal(ours, np.repeat([0, 0, 1], 40))
    np.testing.assert_array_equal(theirs, np.repeat([0, 1, 1], 40))


def told_apart(layout, shown):
    """Three clusters of 40 places: where they are, and how likely each shows one of two kinds."""
    shown = np.sqrt(np.array([[share, 1 - share] for share in shown]))
    return places(
        (10, 12),
        np.zeros((120, 1)),
        np.zeros((120, 3)),
        np.repeat(layout, 40)[:, None],
        np.repeat(shown, 40, 0),
    )


def test_what_differs_in_the_same_way_in_both_photos_is_confirmed():
    pair = told_apart([-2, 0, 2], [1, 0.5, 0]), told_apart([-2, 0, 2], [0.95, 0.5, 0.05])
    for found in confirmed(pair, LABELS, LABELS):
        np.testing.assert_array_equal(found, LABELS)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (([-2, 2, 2], [1, 0, 0]), ([-2, 2, 2], [1, 0, 1])),  # another thing in the style
        (([-2, 1, 2], [1, 0, 0]), ([-2, 2, 1], [1, 0, 0])),  # another place
        (([-2, 0, 2], [1, 0, 0.01]), ([-2, 0, 2], [1, 0.01, 0])),  # place alone is not enough
    ],
)
def test_what_may_as_well_be_paired_the_other_way_round_is_one_segment(ours, theirs):
    pair = told_apart(*ours), told_apart(*theirs)
    for found in confirmed(pair, LABELS, LABELS):
        np.testing.assert_array_equal(found, np.repeat([0, 1, 1], 40))


def test_a_single_segment_needs_no_confirmation():
    pair = told_apart([0, 0, 0], [0.5, 0.5, 0.5]), told_apart([1, 1, 1], [0.5, 0.5, 0.5])
    for found in confirmed(pair, 0 * LABELS, 0 * LABELS):
        assert not found.any()


class ByColour(torch.nn.Module):
    """Says sky where a photo is blue, grass where it is green."""

    def __init__(self):
        super().__init__()
        self.sharpness = torch.nn.Parameter(torch.tensor(60.0), requires_grad=False)

    def forward(self, photo):
        _, green, blue = torch.nn.functional.avg_pool2d(photo, 4).unbind(1)
        logits = torch.full((1, CLASSES, *green.shape[1:]), -20.0)
        logits[:, 2] = self.sharpness * (blue - green)
        logits[:, 9] = self.sharpness * (green - blue)
        return logits


def test_a_transfer_asks_the_network_and_returns_its_segments(monkeypatch):
    upernet = UperNet((4, 4, 4, 4), (1, 1, 1, 1), head=4).eval().requires_grad_(False)
    upernet.forward = ByColour().forward
    asked = []

    def load(entry, **_):
        asked.append((entry.name, entry.architecture))
        return [upernet]

    monkeypatch.setattr(job, "load_networks", load)
    content = scene(144, 216, 72, (0.3, 0.4, 0.8), (0.2, 0.6, 0.2), 0)
    style = scene(144, 216, 108, (0.2, 0.3, 0.6), (0.3, 0.7, 0.1), 1)
    config = TransferConfig(segment="ade20k", size=144, iterations=1, device="cpu")
    result = job.transfer(content, style, config=config)
    assert asked == [("segments-ade20k", "upernet-convnext")]
    ours, theirs = (mask.floats()[..., 0] for mask in result.masks)
    assert ours.shape == theirs.shape == (96, 144)
    for mask, border in ((ours, 48), (theirs, 72)):
        assert set(mask[: border - 4].flat) == {0}
        assert set(mask[border + 4 :].flat) == {1}
