"""Masks become segments: colours, resampling, segments that only one photo has."""

import cv2
import numpy as np
import pytest

from photostyle.image.masks import PALETTE
from photostyle.transfers.segments import (
    masks_of,
    membership,
    segments_from_masks,
    single_segment,
)

NAMES = list(PALETTE)


def test_parts_cover_the_content_and_pair_by_colour(stripes):
    content, style = np.random.default_rng(0).random((2, 20, 40, 3), dtype=np.float32)
    segments = segments_from_masks(
        content, style, stripes(20, 40, "black", "white"), stripes(20, 40, "white", "black")
    )
    assert len(segments.parts) == 2
    assert segments.warnings == ()
    covered = np.concatenate([part.content for part in segments.parts])
    assert sorted(covered) == list(range(800))
    black, white = segments.parts
    assert (black.content % 40 < 21).all()
    assert (black.style % 40 >= 19).all()
    assert (white.style % 40 < 21).all()


def test_a_segment_without_partner_is_matched_and_said(stripes):
    content, style = np.random.default_rng(1).random((2, 20, 60, 3), dtype=np.float32)
    two, three = stripes(20, 60, "black", "white"), stripes(20, 60, "black", "white", "red")
    extra = segments_from_masks(content, style, three, two)
    assert extra.warnings == ("only the content mask has red: matched to the whole style photo",)
    assert len(extra.parts[-1].style) == 1200
    spare = segments_from_masks(content, style, two, three)
    assert spare.warnings == ("only the style mask has red: not used",)
    other = segments_from_masks(
        content, style, stripes(20, 60, "black", "blue"), stripes(20, 60, "black", "red")
    )
    assert len(other.warnings) == 2
    assert [len(part.style) for part in other.parts] == [600, 1200]


def test_membership_is_a_partition_snapped_to_edges(landscape, stripes):
    content = landscape(96, 144)
    rows = np.arange(96)[:, None, None]
    ridge = stripes(96, 144, "black")
    ridge[np.broadcast_to(rows[..., 0] > 60, (96, 144))] = 1
    segments = segments_from_masks(content, content, ridge, ridge)
    shares = membership(segments.field, content, first=0, height=96)
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-5)
    assert shares.min() >= 0
    assert shares[:30, :, 0].mean() > 0.99
    assert shares[85:, :, 1].mean() > 0.99
    large = cv2.resize(content, (432, 288), interpolation=cv2.INTER_CUBIC)
    upper = membership(segments.field, large[:100], first=0, height=288)
    assert upper.shape == (100, 432, 2)
    assert upper[..., 0].mean() > 0.98


def test_one_segment_needs_no_field(landscape):
    content = landscape(16, 20)
    segments = single_segment(content, landscape(30, 18))
    assert len(segments.parts[0].content) == 320
    assert len(segments.parts[0].style) == 540
    assert (membership(segments.field, content, first=0, height=16) == 1).all()


@pytest.mark.parametrize("colours", [("black", "white"), ("black", "red"), ("blue", "blue")])
def test_drawn_segments_are_read_back(colours, stripes):
    content, style = np.random.default_rng(2).random((2, 30, 60, 3), dtype=np.float32)
    segments = segments_from_masks(
        content, style, stripes(30, 60, *colours), stripes(30, 60, "black", "white", "green")
    )
    again = segments_from_masks(content, style, *masks_of(segments, (30, 60), (30, 60)))
    assert len(again.parts) == len(segments.parts)
    for part, other in zip(segments.parts, again.parts, strict=True):
        np.testing.assert_array_equal(part.content, other.content)
        np.testing.assert_array_equal(part.style, other.style)


def test_a_single_segment_is_drawn_in_one_colour(landscape):
    photo = landscape(20, 30)
    for drawn in masks_of(single_segment(photo, photo), (20, 30), (20, 30)):
        assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 1
