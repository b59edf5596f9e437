from __future__ import annotations

import pytest

from photostyle.image.cicp import loss_of


@pytest.mark.parametrize("points", [(1, 13), (1, 1), (2, 2), (1, 6)])
def test_srgb_is_no_loss(points):
    assert loss_of(*points) is None


@pytest.mark.parametrize("points", [(12, 13), (9, 16), (1, 8), (1, 18)])
def test_other_colours_are_told(points):
    told = loss_of(*points)
    assert told is not None
    assert f"primaries {points[0]}, transfer function {points[1]}" in told
