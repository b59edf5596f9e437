from __future__ import annotations

import numpy as np
import pytest

from photostyle.filters.tiling import FEATHER, MARGIN, MULTIPLE, spans


@pytest.mark.parametrize("length", [1, 97, 128, 255, 256, 257, 300, 1000, 4321])
@pytest.mark.parametrize("tile", [256, 333, 777])
def test_shares_sum_to_one_and_tiles_start_where_they_may(length, tile):
    total = np.zeros(length)
    pieces = spans(length, tile)
    for piece in pieces:
        assert piece.start % MULTIPLE == 0
        assert len(piece.weights) == piece.stop - piece.start <= tile
        total[piece.start : piece.stop] += piece.weights
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert pieces[-1].stop == length


def test_borders_inside_of_the_photo_do_not_count():
    first, second, *_ = spans(1000, 320)
    assert not second.weights[:MARGIN].any()
    assert not first.weights[-MARGIN:].any()
    assert np.ptp(np.diff(second.weights[MARGIN : MARGIN + FEATHER])) < 1e-6


def test_a_small_photo_is_one_tile():
    (piece,) = spans(256, 256)
    assert (piece.start, piece.stop) == (0, 256)
    assert (piece.weights == 1).all()
