"""Colour profiles made of tables, converted by Little CMS, which for photos means in 8 bits."""

from __future__ import annotations

import io

from PIL import Image, ImageCms


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert a picture to sRGB, relative colorimetric with black point compensation.

    Args:
        image: In the mode the profile is for, such as RGB or CMYK.
        profile: ICC profile of any kind.

    Returns:
        A picture in mode RGB.

    Raises:
        ValueError: The profile is damaged, or for another mode.
    """
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError) as error:
        raise ValueError("the colour profile cannot be used") from error
    assert converted is not None  # it is only for conversions in place  # noqa: S101
    return converted
