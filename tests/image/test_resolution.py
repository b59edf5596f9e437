from __future__ import annotations

import math

import pytest

from photostyle.image.resolution import NO_RESOLUTION, is_resolution, sensible


@pytest.mark.parametrize("value", [0.9906, 1, 72, 299.5, 65_535])
def test_resolutions_that_every_format_has_room_for(value):
    assert is_resolution((value, 300))
    assert is_resolution((300, value))


@pytest.mark.parametrize("value", [0, 0.9, -72, 65_536, 4e9, math.inf, math.nan])
def test_other_resolutions(value):
    assert not is_resolution((value, 300))
    assert not is_resolution((300, value))


def test_what_a_file_states():
    notes = []
    assert sensible((300, 240.5), notes) == (300.0, 240.5)
    assert sensible(None, notes) is None
    assert sensible((0, 300), notes) is None  # unknown
    assert notes == []
    assert sensible((300, 4e9), notes) is None
    assert notes == [NO_RESOLUTION]
