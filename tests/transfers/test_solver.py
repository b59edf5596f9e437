"""What the fitted grids are like."""

from dataclasses import replace

import numpy as np
import pytest

from photostyle.device import resolve_device
from photostyle.progress import silent
from photostyle.transfers import LossWeights, TransferConfig
from photostyle.transfers.segments import single_segment
from photostyle.transfers.solver import fit_look


@pytest.fixture(scope="module")
def roughness(landscape):
    """How much maps differ from place to place in luma and in chroma, by the weight `even`."""
    content, style = landscape(48, 64), landscape(48, 60, sky="dusk", seed=1)

    def measure(even, *, drawn=False):
        config = TransferConfig(iterations=30, weights=LossWeights(even=even))
        segments = replace(single_segment(content, style), drawn=drawn)
        grid = fit_look(content, style, segments, config, resolve_device("cpu"), silent).grid
        grey = grid.mean(-2, keepdims=True)
        return tuple(np.square(np.diff(part, axis=2)).sum() for part in (grey, grid - grey))

    return measure


def test_chroma_is_even_where_segments_are_not_drawn(roughness):
    free, default = roughness(0.0), roughness(LossWeights().even)
    assert default[1] < 0.3 * free[1]
    assert default[0] > 0.5 * free[0]


def test_drawn_segments_may_be_uneven(roughness):
    assert roughness(LossWeights().even, drawn=True) == roughness(0.0, drawn=True)
