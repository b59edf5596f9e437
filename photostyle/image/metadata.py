"""What of a photo's metadata goes into the result, and how the result was made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from photostyle.image import exif, iptc, xmp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from photostyle.image.photo import Photo

Policy = Literal["keep", "strip", "no-gps"]
"""What to do with metadata: keep all of it, write none of it, or leave out where the photo was
taken."""


@dataclass(frozen=True)
class Made:
    """How a photo was made, for the history in its XMP packet."""

    software: str
    """Name and version, such as `photostyle 0.1.0`."""

    command: str
    """What was done, such as `filter denoise`."""

    when: datetime
    """When it was done, with a time zone."""

    models: tuple[str, ...] = ()
    """The models used, each as `name@digest`."""

    action: Literal["edited", "produced"] = "edited"
    """Whether a photo was changed, or a new one made."""

    def __post_init__(self) -> None:
        """Refuse a time that could be any in a day.

        Raises:
            ValueError: `when` has no time zone.
        """
        if self.when.utcoffset() is None:
            raise ValueError("the time a photo was made needs a time zone")


def with_metadata(
    photo: Photo, policy: Policy, made: Made | None = None, *, longest_xmp: int | None = None
) -> Photo:
    """The photo with the metadata that shall be written.

    The colour profile and the resolution always stay. Blocks that are damaged stay as they are,
    but not where a place could hide in them.

    Args:
        photo: The photo.
        policy: `keep` leaves metadata as it is. `strip` takes out EXIF, XMP, IPTC, comments and
            the place on a map. `no-gps` takes out what tells where the photo was taken: EXIF's
            GPS directory, the place on a map, coordinates and names of places in XMP and IPTC.
            Titles, keywords, comments and maker notes are not searched.
        made: Is added to the history in the XMP packet, which is made where there is none; None
            adds nothing. `strip` takes precedence.
        longest_xmp: The longest XMP packet, in bytes, that the format of the result has room for.
            One that would become longer by its history, and cannot be divided, stays as it is.
            None where there is no limit.

    Returns:
        The photo; what could not be done is added to its `warnings`.
    """
    if policy == "strip":
        return replace(photo, exif=None, xmp=None, iptc=None, comments=(), georeference=())
    notes: list[str] = []
    if policy == "no-gps":
        photo = replace(
            photo,
            exif=_without_position("EXIF", photo.exif, exif.without_position, notes),
            xmp=_without_position("XMP", photo.xmp, xmp.without_position, notes),
            iptc=_without_position("IPTC", photo.iptc, iptc.without_position, notes),
            georeference=(),
        )
    if made:
        event = xmp.Event(made.action, made.software, _parameters(made), made.when)
        try:
            packet = xmp.with_event(photo.xmp, event)
            if longest_xmp and len(packet) > longest_xmp:
                xmp.divided(packet, longest_xmp)
            photo = replace(photo, xmp=packet)
        except ValueError as error:
            notes.append(f"its XMP data ({error}) is kept as it is, without what was done now")
    return replace(photo, warnings=(*photo.warnings, *notes))


def _without_position(
    name: str,
    block: bytes | None,
    edit: Callable[[bytes], bytes | None],
    notes: list[str],
) -> bytes | None:
    """The block without a place; None, and a note, where that could not be made sure of."""
    if not block:
        return None
    try:
        return edit(block)
    except ValueError:
        notes.append(f"its {name} data is damaged and may tell the place, so it is not kept")
        return None


def _parameters(made: Made) -> str:
    return "; ".join([made.command, *(f"model {model}" for model in made.models)])
