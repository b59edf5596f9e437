"""A look on its own: what of a transfer can be given to other photos, and kept in a file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import safetensors.torch
import torch

from photostyle import __version__
from photostyle.affine import lut
from photostyle.affine.luma_curve import apply_luma_curve, fit_luma_curve
from photostyle.networks import GlobalLook
from photostyle.registry.trained import METADATA_KEY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]

_SAMPLES = 200_000  # pixels that stand for a photo


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far apart two versions of the same colours are, in 8-bit levels of a channel."""

    mean: float
    """Mean absolute difference."""

    high: float
    """What 99.9 % of the differences do not exceed."""


def closest_look(content: Image, result: Image) -> tuple[GlobalLook, Deviation]:
    """Find the look that comes closest to what was done to a photo.

    What depended on the place in the photo is averaged out; what depended on colour is kept, and
    that is what has a meaning in other photos.

    Args:
        content: `H W 3`; what is outside of [0, 1] is clipped.
        result: `H W 3`, what was made of it, likewise.

    Returns:
        The look, and how far what it makes of the photo is from that result.
    """
    step = max(1, content[..., 0].size // _SAMPLES)
    before, after = (np.clip(p.reshape(-1, 3)[::step], 0, 1) for p in (content, result))
    maps = fit_luma_curve(before, after)
    look = GlobalLook(len(maps))
    look.load_state_dict({"maps": torch.from_numpy(maps)})
    return look.requires_grad_(False), _deviation(apply_luma_curve(maps, before), after)


def look_file(look: GlobalLook, *, name: str, fitted_to: str, recipe: str) -> bytes:
    """Write a look as a weights file that tells what it is; `filter` applies it like any other.

    Args:
        look: The look.
        name: What to call it; characters that names cannot have become hyphens.
        fitted_to: The photos it was fitted to, in words.
        recipe: The command that made it.

    Returns:
        The contents of a `.safetensors` file.
    """
    description = {
        "name": re.sub(r"[^\w-]+|^-+", "-", name).strip("-") or "look",
        "kind": "tone",
        "architecture": "look",
        "params": {"levels": look.levels},
        "license": "unspecified",
        "trained_on": fitted_to,
        "recipe": recipe,
        "version": __version__,
    }
    tensors = {key: value.contiguous() for key, value in look.state_dict().items()}
    content: bytes = safetensors.torch.save(tensors, {METADATA_KEY: json.dumps(description)})
    return content


def lut_file(look: GlobalLook, colours: Image, *, title: str) -> tuple[bytes, Deviation]:
    """Write a look as a three-dimensional lookup table, from sRGB-encoded to sRGB-encoded colours.

    Values beyond 0 and 1 are left in it: where they are clipped after interpolation, as they are by
    most programs, the table is closer to the look than if they were clipped before.

    Args:
        look: The look.
        colours: `N 3` in [0, 1], of the photos.
        title: Of the table.

    Returns:
        The contents of a `.cube` file, and how far it is from the look for these colours.
    """
    maps = look.maps.detach().numpy()
    table = lut.tabulate(lambda points: apply_luma_curve(maps, points))
    deviation = _deviation(lut.interpolate(table, colours), apply_luma_curve(maps, colours))
    return lut.cube_text(table, title).encode("ascii"), deviation


def _deviation(first: Image, second: Image) -> Deviation:
    apart = 255 * np.abs(np.clip(first, 0, 1) - np.clip(second, 0, 1))
    return Deviation(float(apart.mean()), float(np.quantile(apart, 0.999)))
