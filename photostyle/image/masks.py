"""Colour-coded masks: which segment each pixel belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

Labels = NDArray[np.uint8]

PALETTE = {
    "black": (0, 0, 0),
    "white": (1, 1, 1),
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "yellow": (1, 1, 0),
    "magenta": (1, 0, 1),
    "cyan": (0, 1, 1),
    "grey": (0.5, 0.5, 0.5),
}
"""The colour code of Luan et al. 2017: one colour a segment."""

_COLOURS = np.array(list(PALETTE.values()), np.float32)
_SMALLEST = 0.002  # share of the picture below which a segment is an accident of resampling


def colours_of(labels: Labels) -> NDArray[np.float32]:
    """Draw a mask, `... 3` in the colours of `PALETTE`, from indices into it."""
    return np.asarray(_COLOURS[labels], np.float32)


def names_of(labels: Iterable[int]) -> str:
    """Name the colours of labels, for a message."""
    names = list(PALETTE)
    return ", ".join(names[label] for label in sorted(labels))


def decode_labels(mask: NDArray[np.float32], size: tuple[int, int]) -> Labels:
    """Read a colour-coded mask.

    Resampling and JPEG blend the colours at borders, and a blend of two can look like a third
    (grey between black and white). So colours vote in a small neighbourhood, and segments
    too small to mean anything are given to their neighbours.

    Args:
        mask: `h w 3` in [0, 1].
        size: Height and width of the photo it belongs to.

    Returns:
        `H W`, indices into `PALETTE`.
    """
    stride = max(1, mask.shape[0] // (4 * size[0]))  # a huge mask needs no more than this
    distance = [((mask[::stride, ::stride] - rgb) ** 2).sum(-1) for rgb in _COLOURS]
    nearest = np.argmin(distance, 0)
    shrinks = size[0] < nearest.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
    layers = [
        cv2.resize((nearest == label).astype(np.float32), size[::-1], interpolation=method)
        for label in range(len(_COLOURS))
    ]
    votes = np.stack(layers, -1)
    votes = cv2.blur(votes, (5, 5), borderType=cv2.BORDER_REPLICATE)
    winner = votes.argmax(-1)
    share = np.bincount(winner.ravel(), minlength=len(_COLOURS)) / winner.size
    votes[..., share < _SMALLEST] = -1
    labels: Labels = votes.argmax(-1).astype(np.uint8)
    return labels


def check_mask_shape(mask: NDArray[np.float32], photo: NDArray[Any], what: str) -> None:
    """Make sure that a mask has the shape of its photo.

    Args:
        mask: `h w 3`.
        photo: `H W 3`.
        what: Whose mask it is, for the message.

    Raises:
        UsageError: The aspect ratios differ by more than 2 % (and more than rounding).
    """
    (h, w), (height, width) = mask.shape[:2], photo.shape[:2]
    expected = w * height / width
    if abs(h - expected) > max(1.5, 0.02 * expected):
        raise UsageError(
            f"the {what} mask is {w}x{h} but the {what} photo is {width}x{height}: "
            "a mask must have the shape of its photo"
        )
