"""Colour profiles of every kind that photos can be converted from and into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from photostyle.image import icc

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Profile(Protocol):
    """What the kinds of profiles have in common."""

    @property
    def is_srgb(self) -> bool:
        """Whether nothing need be converted."""

    def to_srgb(self, samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Convert a file's values, H W C, to sRGB."""

    def from_srgb(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Convert sRGB to values of a file."""


def parse_profile(profile: bytes) -> Profile:
    """Read a colour profile.

    Args:
        profile: For grey, RGB or CMYK pictures, as `icc.colour_space` tells. A grey one takes and
            gives a single channel on both sides, the others take three channels of sRGB.

    Raises:
        ValueError: It is for other pictures, of an unknown kind, or damaged.
    """
    if icc.colour_space(profile) == "GRAY":
        return icc.parse_grey_profile(profile)
    if not icc.has_tables(profile):
        return icc.parse_matrix_profile(profile)
    # Its compiled loops take a while to import, and few photos need them.
    from photostyle.image.icc_tables import parse_table_profile

    return parse_table_profile(profile)


def is_reversible(profile: bytes) -> bool:
    """Whether a profile leads back from sRGB, too: those of scanners do not.

    Raises:
        ValueError: It is damaged.
    """
    return not icc.has_tables(profile) or "B2A0" in icc.tags(profile)
