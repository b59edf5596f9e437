from __future__ import annotations

import math

import pytest

from photostyle.image.resolution import is_resolution


@pytest.mark.parametrize("value", [0.9906, 1, 72, 299.5, 65_535])
def test_resolutions_that_every_format_has_room_for(value):
    assert is_resolution((value, 300))
    assert is_resolution((300, value))


@pytest.mark.parametrize("value", [0, 0.9, -72, 65_536, 4e9, math.inf, math.nan])
def test_other_resolutions(value):
    assert not is_resolution((value, 300))
    assert not is_resolution((300, value))
