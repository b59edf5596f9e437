"""Segments: which part of the content takes its look from which part of the style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.affine import AffineField, fit_affine
from photostyle.errors import UsageError

Image = NDArray[np.float32]
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


@dataclass(frozen=True)
class Segment:
    """A part of the content and the part of the style it takes its look from."""

    content: NDArray[np.intp]
    """Indices of its pixels in the flattened content."""

    style: NDArray[np.intp]
    """Indices of its pixels in the flattened style."""


@dataclass(frozen=True)
class Segments:
    """All segments of a pair, and how they share the content between them."""

    parts: tuple[Segment, ...]
    """One or more segments; together they hold every pixel of the content."""

    field: AffineField | None
    """Soft membership in each part as an affine function of colour; None for a single part."""

    warnings: tuple[str, ...] = ()
    """What the user should know, such as a segment that only one mask has."""


def membership(field: AffineField | None, image: Image, *, first: int, height: int) -> Image:
    """Share of every pixel in each segment.

    Args:
        field: Field of the segments; None for a single one.
        image: `H W 3`: rows `first` to `first + H` of the photo, at any size.
        first: Index of the image's first row within the photo.
        height: Height of the photo in pixels.

    Returns:
        `H W M`, non-negative, summing to 1.
    """
    if field is None:
        return np.ones((*image.shape[:2], 1), np.float32)
    shares = field.apply(image, first=first, height=height)
    shares[shares < 0.02] = 0  # a trace of another segment is an error of the fit
    np.minimum(shares, 1, out=shares)
    total = shares.sum(-1, keepdims=True)
    orphan = total[..., 0] < 1e-3
    shares[orphan] = 1
    total[orphan] = shares.shape[-1]
    shares /= total
    return shares


def single_segment(content: Image, style: Image) -> Segments:
    """Take the whole style for the whole content.

    Args:
        content: `H W 3`.
        style: `h w 3`.

    Returns:
        One segment.
    """
    whole = Segment(np.arange(content[..., 0].size), np.arange(style[..., 0].size))
    return Segments((whole,), None)


def segments_from_masks(
    content: Image, style: Image, content_mask: Image, style_mask: Image
) -> Segments:
    """Pair the segments of two colour-coded masks.

    A segment that only the content's mask has takes the look of the whole style; one that only the
    style's mask has is left out. Both are said in a warning.

    Args:
        content: `H W 3` in [0, 1].
        style: `h w 3` in [0, 1].
        content_mask: `? ? 3` in [0, 1], any size of the content's shape, colours near `PALETTE`.
        style_mask: The same for the style.

    Returns:
        The segments, in the order of the palette.
    """
    content_labels = decode_labels(content_mask, content.shape[:2])
    style_labels = decode_labels(style_mask, style.shape[:2])
    ours, theirs = set(np.unique(content_labels)), set(np.unique(style_labels))
    warnings = []
    if theirs - ours:
        warnings.append(f"only the style mask has {_listed(theirs - ours)}: not used")
    if ours - theirs:
        warnings.append(
            f"only the content mask has {_listed(ours - theirs)}: matched to the whole style photo"
        )
    return segments_from_labels(content, content_labels, style_labels, tuple(warnings))


def segments_from_labels(
    content: Image, content_labels: Labels, style_labels: Labels, warnings: tuple[str, ...] = ()
) -> Segments:
    """Pair the segments of two label maps, softly along the content's edges.

    Args:
        content: `H W 3` in [0, 1].
        content_labels: `H W`.
        style_labels: `h w`. A label that is not here is paired with the whole style.
        warnings: What the user should know.

    Returns:
        The segments, in the order of the labels.
    """
    theirs = set(np.unique(style_labels))
    parts, one_hot = [], []
    for label in np.unique(content_labels):
        inside = content_labels == label
        source = style_labels == (label if label in theirs else style_labels)
        parts.append(Segment(np.flatnonzero(inside), np.flatnonzero(source)))
        one_hot.append(inside)
    field = None
    if len(parts) > 1:
        radius = max(1, round(max(content.shape[:2]) / 60))
        field = fit_affine(
            content, np.stack(one_hot, -1).astype(np.float32), radius=radius, epsilon=1e-3
        )
    return Segments(tuple(parts), field, warnings)


def masks_of(
    segments: Segments, content_size: tuple[int, int], style_size: tuple[int, int]
) -> tuple[Image, Image]:
    """Draw segments as a pair of colour-coded masks.

    Read by `segments_from_masks` they give the same segments again.

    Args:
        segments: At most nine.
        content_size: Height and width of the content the segments belong to.
        style_size: The same for the style.

    Returns:
        Masks of the content, `H W 3`, and of the style, `h w 3`, in the colours of `PALETTE`. What
        no segment takes from the style has a colour of its own, as long as there are any left.
    """
    count = len(segments.parts)
    ours = np.zeros(content_size, np.uint8)
    theirs = np.full(style_size, min(count, len(_COLOURS) - 1), np.uint8)
    for label, part in enumerate(segments.parts):
        ours.flat[part.content] = label
        if count == 1 or len(part.style) < theirs.size:  # the whole style is no segment of its own
            theirs.flat[part.style] = label
    return _COLOURS[ours], _COLOURS[theirs]


def decode_labels(mask: Image, size: tuple[int, int]) -> Labels:
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


def check_mask_shape(mask: Image, photo: NDArray[Any], what: str) -> None:
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


def _listed(labels: set[int]) -> str:
    names = list(PALETTE)
    return ", ".join(names[label] for label in sorted(labels))
