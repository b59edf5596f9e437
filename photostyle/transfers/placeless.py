"""Colours of the style that have no place in the content: they are left out.

A distribution of colours that is matched in full has to put the red door of one photo somewhere on
the plain wall of the other, and a patch of red is what comes of it. So the matching is a partial
one (Figalli 2010, The optimal partial transport problem): what is far from everything the content
reaches by its first, affine map, and is only a little of the style, takes no part in it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from photostyle.affine.monge_kantorovich import monge_kantorovich
from photostyle.losses.lab import rgb_to_lab
from photostyle.transfers.segments import Segment, Segments

Image = NDArray[np.float32]

_FAR = 25.0  # Lab units from nearly all of the content
_REACHED = 0.01  # share of the content that has to be nearer
_MOST = 0.12  # share of a segment above which its far colours are no odd ones, but the look itself
_LIGHTS = 0.9  # share of a segment that is darker than its lights, which the content's become
_SAMPLES = 1500  # colours that stand for the content
_STEP = 4.0  # Lab units within which colours are one


def without_placeless(content: Image, style: Image, segments: Segments) -> Segments:
    """Leave out of each segment the style's colours that the content has no place for.

    Args:
        content: `H W 3` in [0, 1].
        style: `h w 3` in [0, 1].
        segments: The segments of both.

    Returns:
        The same segments of the content, of the style only what has a place.
    """
    ours, theirs = content.reshape(-1, 3), style.reshape(-1, 3)
    parts = [
        Segment(part.content, part.style[_placed(ours[part.content], theirs[part.style])])
        for part in segments.parts
    ]
    return replace(segments, parts=tuple(parts))


def _placed(content: Image, style: Image) -> NDArray[np.bool_]:
    """Which colours of a style, `M 3`, have a place among a content's, `N 3`."""
    first = monge_kantorovich(content, style)
    some = content[:: max(1, len(content) // _SAMPLES)]
    reached = _lab(np.clip(some @ first[:, :3].T + first[:, 3], 0, 1).astype(np.float32))
    wanted = _lab(style)
    cells = np.rint(wanted / _STEP)
    names = cells.astype(np.int64) @ [1 << 20, 1 << 10, 1]
    _, found, which = np.unique(names, return_index=True, return_inverse=True)
    colours = _STEP * cells[found]
    squares = (colours**2).sum(1)[:, None] - 2 * colours @ reached.T + (reached**2).sum(1)
    far = ((squares < _FAR**2).mean(1) < _REACHED)[which]
    far &= wanted[:, 0] < np.quantile(wanted[:, 0], _LIGHTS)
    return ~far if far.mean() <= _MOST else np.ones_like(far)


def _lab(colours: Image) -> Image:
    return np.asarray(rgb_to_lab(torch.from_numpy(colours)).numpy(), np.float32)
