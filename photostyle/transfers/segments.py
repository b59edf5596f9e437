"""Segments: which part of the content takes its look from which part of the style."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from photostyle.affine import AffineField, fit_affine
from photostyle.image.masks import PALETTE, Labels, colours_of, decode_labels, names_of

Image = NDArray[np.float32]


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

    drawn: bool = False
    """Whether masks say so. Segments that were found may be wrong."""


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
        warnings.append(f"only the style mask has {names_of(theirs - ours)}: not used")
    if ours - theirs:
        warnings.append(
            f"only the content mask has {names_of(ours - theirs)}: matched to the whole style photo"
        )
    segments = segments_from_labels(content, content_labels, style_labels)
    return replace(segments, warnings=tuple(warnings), drawn=True)


def segments_from_labels(content: Image, content_labels: Labels, style_labels: Labels) -> Segments:
    """Pair the segments of two label maps, softly along the content's edges.

    Args:
        content: `H W 3` in [0, 1].
        content_labels: `H W`.
        style_labels: `h w`. A label that is not here is paired with the whole style.

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
    return Segments(tuple(parts), field)


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
    theirs = np.full(style_size, min(count, len(PALETTE) - 1), np.uint8)
    for label, part in enumerate(segments.parts):
        ours.flat[part.content] = label
        if count == 1 or len(part.style) < theirs.size:  # the whole style is no segment of its own
            theirs.flat[part.style] = label
    return colours_of(ours), colours_of(theirs)
