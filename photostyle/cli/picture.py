"""Photos in one picture, for people to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from photostyle.image import resize_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from photostyle.image import Photo

    Pixels = NDArray[np.float32]

GUTTER = 8
"""Width of the white space between photos in a row, in pixels, and of the line that splits one."""

_SMALLEST_CAPTION = 12


def on_white(photo: Photo) -> Pixels:
    """The pixels of a photo, with what is transparent in it in white; H W 3 in [0, 1]."""
    pixels = np.clip(photo.floats(), 0, 1)
    if photo.alpha is None:
        return pixels
    return np.asarray(1 + (pixels - 1) * photo.alpha[..., None], np.float32)


def caption_size(height: int) -> int:
    """Size of the letters under a picture of some height, both in pixels."""
    return max(_SMALLEST_CAPTION, height // 25)


def side_by_side(photos: Sequence[Pixels], captions: Sequence[str], height: int) -> Pixels:
    """Photos in a row, with white gutters between them and a caption under each.

    Args:
        photos: H W 3 in [0, 1], of any sizes.
        captions: As many.
        height: Height to which photos are scaled, in pixels.

    Returns:
        H W 3 in [0, 1]; the captions take two lines of `caption_size(height)`.
    """
    panels = [
        resize_to(photo, height, max(1, round(photo.shape[1] * height / photo.shape[0])))
        for photo in photos
    ]
    gutter = np.ones((height, GUTTER, 3), np.float32)
    row = [part for panel in panels for part in (gutter, panel)][1:]
    lefts = np.cumsum([0, *(panel.shape[1] + GUTTER for panel in panels)])
    spans = [(int(left), panel.shape[1]) for left, panel in zip(lefts, panels, strict=False)]
    return _with_captions(np.concatenate(row, axis=1), captions, spans)


def covering(photo: Pixels, height: int, width: int) -> Pixels:
    """The middle of a photo, scaled so that it just covers a size.

    Args:
        photo: H W 3 in [0, 1].
        height: Height in pixels.
        width: Width in pixels.
    """
    scale = max(height / photo.shape[0], width / photo.shape[1])
    rows, columns = (
        max(side, round(n * scale)) for side, n in zip((height, width), photo.shape, strict=False)
    )
    scaled = resize_to(photo, rows, columns)
    top, left = (rows - height) // 2, (columns - width) // 2
    return scaled[top : top + height, left : left + width]


def split(left: Pixels, right: Pixels, captions: Sequence[str]) -> Pixels:
    """The left half of one photo and the right half of another, with a white line between them.

    Args:
        left: H W 3 in [0, 1].
        right: The same, of the same size.
        captions: Two.

    Returns:
        H W 3 in [0, 1], with a caption under each half.
    """
    width = left.shape[1]
    middle = width // 2
    line = max(1, min(GUTTER, width // 200))
    both = np.concatenate([left[:, :middle], right[:, middle:]], axis=1)
    both[:, middle - line // 2 : middle - line // 2 + line] = 1
    return _with_captions(both, captions, [(0, middle), (middle, width - middle)])


def _with_captions(
    picture: Pixels, captions: Sequence[str], spans: Sequence[tuple[int, int]]
) -> Pixels:
    """A picture with captions in black on white under it, each in the middle of its span."""
    height, width = picture.shape[:2]
    size = caption_size(height)
    strip = Image.new("L", (width, 2 * size), "white")
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(size)
    for caption, (left, room) in zip(captions, spans, strict=True):
        text = caption
        while text and draw.textlength(text, font) > room:
            text = text[:-1]
        draw.text((left + room / 2, size), text, fill="black", font=font, anchor="mm")
    letters = np.asarray(strip, np.float32)[..., None] / 255
    return np.concatenate([picture, np.repeat(letters, 3, axis=2)])
