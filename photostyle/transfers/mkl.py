"""One affine colour map per segment: the simplest transfer there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from photostyle.affine.monge_kantorovich import monge_kantorovich
from photostyle.transfers.look import Look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from photostyle.transfers.segments import Segments

    Image = NDArray[np.float32]

_RIDGE = 1e-6  # about the variance of rounding to 8 bits


def fit_mkl(content: Image, style: Image, segments: Segments) -> Look:
    """Give each segment the mean and covariance of its style's colours with the least change.

    Pitie and Kokaram 2007, The linear Monge-Kantorovitch linear colour mapping for example-based
    colour transfer.

    Args:
        content: `H W 3` in [0, 1].
        style: `h w 3` in [0, 1].
        segments: Which part of the content goes with which part of the style.

    Returns:
        The look: grids of a single cell.
    """
    flat_content, flat_style = content.reshape(-1, 3), style.reshape(-1, 3)
    maps = [
        monge_kantorovich(flat_content[part.content], flat_style[part.style], ridge=_RIDGE)
        for part in segments.parts
    ]
    return Look(np.stack(maps).astype(np.float32)[:, None, None, None], segments.field)
