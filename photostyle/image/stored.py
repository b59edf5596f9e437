"""A photo as its file holds it: what decoders hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from photostyle.image.tiff import Field

Samples = npt.NDArray[np.uint8 | np.uint16 | np.float32]


@dataclass(frozen=True, slots=True)
class Coding:
    """How the codec of an AVIF or HEIC file of more than 8 bits has its samples."""

    bits: int
    """Bits a channel: 10 or 12."""

    subsampled: bool = False
    """Whether colours have a lower resolution than brightness, or there are none."""


@dataclass(frozen=True, eq=False, slots=True)
class Stored:
    """Samples and metadata as stored, not yet upright."""

    samples: Samples
    """H W 3, in the colours of the profile; or the amounts of ink, H W 4. Maybe a view."""

    alpha: Samples | None = None
    """H W of the same type, not multiplied into the samples. Maybe a view."""

    grey: bool = False
    """Whether the three channels are copies of a single one."""

    icc_profile: bytes | None = None
    """The profile the samples are in."""

    inks: bool = False
    """Whether the samples are amounts of cyan, magenta, yellow and black ink."""

    coding: Coding | None = None
    """How they were coded, where bits were spread over the range of more."""

    exif: bytes | None = None
    """EXIF block."""

    xmp: bytes | None = None
    """XMP packet."""

    iptc: bytes | None = None
    """IPTC-IIM records."""

    dpi: tuple[float, float] | None = None
    """Horizontal and vertical resolution in pixels per inch."""

    comments: tuple[bytes, ...] = ()
    """Comments of a JPEG file."""

    georeference: tuple[Field, ...] = ()
    """Fields of a TIFF file that place it on a map."""

    orientation: int | None = None
    """How the samples have to be turned, 1 to 8 as EXIF defines it; None to ask the metadata."""

    turned: bool = False
    """Whether the decoder has exchanged width and height, as the file says. The resolution in EXIF
    is still that of before."""


def top_of(samples: Samples) -> float:
    """What stands for white in samples of this type: the largest integer, or 1."""
    return 1.0 if samples.dtype == np.float32 else 2.0 ** (8 * samples.itemsize) - 1


def three_channels(samples: Samples) -> Samples:
    """H W as H W 3: the same channel three times, without copying it."""
    return np.broadcast_to(samples[..., None], (*samples.shape, 3))


def divided_by_alpha(samples: Samples, alpha: Samples) -> Samples:
    """Samples, H W 3, whose multiplication with alpha, H W, is undone."""
    top = np.float32(top_of(samples))
    result = np.empty_like(samples)
    for row, (colours, opacity) in enumerate(zip(samples, alpha, strict=True)):
        clear = opacity <= 0
        divisor = np.where(clear, top, opacity)[:, None].astype(np.float32)
        values = colours * top / divisor
        if samples.dtype != np.float32:
            values = np.minimum(values + np.float32(0.5), top)
        result[row] = values
    return result


def too_large(max_pixels: int) -> str:
    """What to tell of a file that has more pixels than that."""
    return f"it has more than {max_pixels / 1e6:g} megapixels; raise --max-pixels if that is right"


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture that is too large.

    Raises:
        ValueError: It has more than `max_pixels` pixels.
    """
    if width * height > max_pixels:
        raise ValueError(too_large(max_pixels))


def of_many(number: int) -> str:
    """What to tell of a file that holds a number of pictures."""
    return f"it holds several pictures: the first is kept, {number - 1} left out"
