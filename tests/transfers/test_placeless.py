"""Colours that have no place are left out; lights, and what makes the look, are not."""

import numpy as np
import pytest

from photostyle.transfers.placeless import without_placeless
from photostyle.transfers.segments import Segment, Segments, single_segment

RED, LIGHT = (0.6, 0.05, 0.05), (1.0, 0.8, 0.3)


def wall(height=60, width=80):
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    grey = 0.5 + 0.2 * rows / height + 0.03 * np.sin(columns / 5)
    return np.stack([grey, grey, grey], -1).astype(np.float32)


def with_square(photo, colour, side):
    photo = photo.copy()
    photo[10 : 10 + side, 20 : 20 + side] = colour
    inside = np.zeros(photo.shape[:2], bool)
    inside[10 : 10 + side, 20 : 20 + side] = True
    return photo, inside


def test_an_odd_colour_is_left_out():
    style, door = with_square(wall() * np.float32([0.8, 0.9, 1.0]), RED, 18)
    (part,) = without_placeless(wall(), style, single_segment(wall(), style)).parts
    np.testing.assert_array_equal(part.style, np.flatnonzero(~door))
    np.testing.assert_array_equal(part.content, np.arange(door.size))


@pytest.mark.parametrize(
    ("content", "colour", "side"),
    [
        pytest.param(with_square(wall(), RED, 18)[0], RED, 18, id="has-a-place"),
        pytest.param(wall(), LIGHT, 18, id="a-light"),
        pytest.param(wall(), RED, 36, id="the-look-itself"),
    ],
)
def test_other_colours_stay(content, colour, side):
    style, _ = with_square(0.6 * wall(), colour, side)
    segments = single_segment(content, style)
    (part,) = without_placeless(content, style, segments).parts
    np.testing.assert_array_equal(part.style, np.arange(style[..., 0].size))


def test_each_segment_is_asked_on_its_own():
    left = np.zeros((60, 80), bool)
    left[:, :40] = True
    content, style = wall(), wall()
    content[left] *= RED  # a brick wall beside a grey one
    style[left] *= RED
    style[12:28, 50:66] = RED  # and a brick one's colour on the grey one
    segments = Segments(
        tuple(Segment(np.flatnonzero(half), np.flatnonzero(half)) for half in (left, ~left)), None
    )
    bricks, plain = without_placeless(content, style, segments).parts
    assert len(bricks.style) == left.sum()
    assert len(plain.style) == left.sum() - 16 * 16


def test_a_photo_of_one_colour_is_no_trouble():
    content, style = np.full((20, 30, 3), 0.5, np.float32), np.full((20, 30, 3), 0.2, np.float32)
    (part,) = without_placeless(content, style, single_segment(content, style)).parts
    assert len(part.style) == 600
