"""A photo in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from photostyle.image.blocks import row_blocks
from photostyle.image.icc import colour_space
from photostyle.image.scaling import resize_to

if TYPE_CHECKING:
    from photostyle.image.formats import SourceName
    from photostyle.image.stored import Coding
    from photostyle.image.tiff import Field

FloatArray = npt.NDArray[np.float32]
PixelArray = npt.NDArray[np.float32 | np.uint8 | np.uint16]
InkArray = npt.NDArray[np.uint8 | np.uint16]
BitDepth = Literal[8, 16, 32]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo: pixels to compute with, and all that must be in the file again afterwards."""

    pixels: PixelArray
    """H W 3: RGB in the sRGB encoding, whatever the file's own profile, and upright, whatever the
    camera's position. float32, where [0, 1] is the range of sRGB and the colours of a wider profile
    lie outside of it; or, to save memory, uint8 or uint16 over their range."""

    alpha: FloatArray | None = None
    """H W, float32 in [0, 1], not multiplied into the pixels; None when the photo is opaque."""

    bit_depth: BitDepth = 8
    """Bits a channel in the file; 32 are floating point values."""

    format: SourceName = "PNG"
    """The file format it was read from."""

    icc_profile: bytes | None = None
    """The colour profile a file of this photo carries, for RGB, grey or CMYK. Pixels are converted
    into it on writing. None means sRGB."""

    grey: bool = False
    """Whether its file has a single channel of grey. A result is written so as long as its pixels
    are still grey."""

    inks: InkArray | None = None
    """H W 4: the amounts of cyan, magenta, yellow and black in the file, if it is in CMYK and has a
    profile. One colour can be printed in many ways: where the pixels stay what they were, these
    stay, too."""

    coding: Coding | None = None
    """How its file is coded, where that has 10 or 12 bits a channel."""

    exif: bytes | None = None
    """EXIF block from its `II` or `MM` header on, with orientation 1 and no thumbnail."""

    xmp: bytes | None = None
    """XMP packet."""

    iptc: bytes | None = None
    """IPTC-IIM records."""

    dpi: tuple[float, float] | None = None
    """Horizontal and vertical resolution in pixels per inch."""

    comments: tuple[bytes, ...] = ()
    """Comments of a JPEG file, of no stated encoding, at most 65,533 bytes each."""

    georeference: tuple[Field, ...] = ()
    """Fields of a GeoTIFF file that place the pixels on a map."""

    warnings: tuple[str, ...] = ()
    """What could not be kept on reading, one sentence each, to be shown to the user."""

    def __post_init__(self) -> None:
        """Refuse arrays of the wrong shape or type.

        Raises:
            ValueError: Shape or type is not the one documented above.
        """
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or 0 in self.pixels.shape:
            raise ValueError(f"pixels must be H W 3, not {self.pixels.shape}")
        if self.alpha is not None and self.alpha.shape != self.pixels.shape[:2]:
            raise ValueError(
                f"alpha {self.alpha.shape} does not fit pixels {self.pixels.shape[:2]}"
            )
        if self.inks is not None and self.inks.shape != (*self.pixels.shape[:2], 4):
            raise ValueError(f"inks {self.inks.shape} do not fit pixels {self.pixels.shape[:2]}")
        if self.pixels.dtype not in (np.float32, np.uint8, np.uint16):
            raise ValueError(f"pixels must be float32, uint8 or uint16, not {self.pixels.dtype}")
        if self.alpha is not None and self.alpha.dtype != np.float32:
            raise ValueError(f"alpha must be float32, not {self.alpha.dtype}")

    @property
    def height(self) -> int:
        """Height in pixels."""
        return len(self.pixels)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return len(self.pixels[0])

    @property
    def is_cmyk(self) -> bool:
        """Whether the photo's profile is one for CMYK."""
        return self.icc_profile is not None and colour_space(self.icc_profile) == "CMYK"

    def floats(self, rows: slice = slice(None), columns: slice = slice(None)) -> FloatArray:
        """The pixels of a part, or of all, as float32.

        Args:
            rows: Which rows.
            columns: Which columns.

        Returns:
            H W 3; in [0, 1] but for colours outside of sRGB, which only float32 pixels have. Of
            a float32 photo a view, not a copy.
        """
        pixels = self.pixels[rows, columns]
        if pixels.dtype == np.float32:
            return pixels.view(np.float32)
        return as_floats(pixels)

    @classmethod
    def from_array(cls, array: npt.NDArray[Any], bit_depth: BitDepth | None = None) -> Self:
        """Make a photo without metadata from an array.

        Args:
            array: H W, H W 1 (grey), H W 2 (grey, alpha), H W 3 (RGB) or H W 4 (RGB, alpha), sRGB
                encoded; uint8, uint16 or floating point in [0, 1].
            bit_depth: Bits a channel when written; by default 16 for uint16, else 8.

        Raises:
            ValueError: The array has another shape or type.
        """
        if array.dtype in (np.uint8, np.uint16):
            values = array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
        elif np.issubdtype(array.dtype, np.floating):
            values = array.astype(np.float32)
        else:
            raise ValueError(f"cannot make a photo from an array of {array.dtype}")
        if values.ndim == 2:
            values = values[..., None]
        if values.ndim != 3 or values.shape[2] not in (1, 2, 3, 4):
            raise ValueError(f"cannot make a photo from an array of shape {array.shape}")
        colours = values.shape[2] - (values.shape[2] % 2 == 0)
        return cls(
            pixels=np.ascontiguousarray(
                np.broadcast_to(values[..., :colours], (*values.shape[:2], 3))
            ),
            alpha=values[..., colours].copy() if colours < values.shape[2] else None,
            bit_depth=bit_depth or (16 if array.dtype == np.uint16 else 8),
        )

    def with_pixels(self, pixels: PixelArray) -> Self:
        """The same photo with other pixels.

        Args:
            pixels: H W 3, sRGB encoded, of one of the types of `pixels`. Of another size the alpha
                channel is scaled along, and the photo has neither a place on a map nor amounts of
                ink any more.

        Raises:
            ValueError: The array has another shape or type.
        """
        if pixels.shape[:2] == self.pixels.shape[:2]:
            return replace(self, pixels=pixels)
        alpha = None if self.alpha is None else resize_to(self.alpha, *pixels.shape[:2])
        return replace(self, pixels=pixels, alpha=alpha, inks=None, georeference=())


def as_floats(samples: npt.NDArray[Any]) -> FloatArray:
    """Samples divided by the largest value of their type.

    Args:
        samples: uint8 or uint16, or float32, which stays as it is, of any shape with rows first.

    Returns:
        A new array, float32; of integers in [0, 1].
    """
    top = np.float32(1 if samples.dtype == np.float32 else np.iinfo(samples.dtype).max)
    result = np.empty(samples.shape, np.float32)
    for rows in row_blocks(len(samples), math.prod(samples.shape[1:]) // 3 or 1):
        result[rows] = samples[rows]
        result[rows] /= top
    return result
