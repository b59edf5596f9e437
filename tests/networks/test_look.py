from __future__ import annotations

import pytest
import torch

from photostyle.networks import GlobalLook


def test_it_starts_as_the_identity_and_is_the_same_for_every_photo():
    look = GlobalLook(4)
    grid = look(torch.rand(2, 3, 256, 256))
    assert grid.shape == (2, 1, 1, 4, 3, 4)
    assert (grid == torch.eye(3, 4)).all()
    look.maps.data[1] = 7
    assert (look(torch.rand(1, 3, 256, 256))[0, 0, 0] == look.maps).all()
    assert look.levels == 4


@pytest.mark.parametrize("levels", [0, -1, 2.0, True, 257])
def test_levels_out_of_range_are_refused(levels):
    with pytest.raises(ValueError, match="levels must be an integer from 1 to 256"):
        GlobalLook(levels)
