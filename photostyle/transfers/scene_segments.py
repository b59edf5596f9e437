"""Segments by what photos show: sky goes to sky, water to water, people to people.

A network names what every place shows, in classes far finer than a look asks for. They are put
together to a few kinds; kinds that both photos have become segments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from photostyle.affine import fit_affine
from photostyle.image import resize

if TYPE_CHECKING:
    from photostyle.features import UperNet

Image = NDArray[np.float32]
Labels = NDArray[np.uint8]

KINDS = {
    "sky": (2,),
    "water": (21, 26, 60, 104, 109, 113, 128),
    "vegetation": (4, 9, 17, 29, 66, 72),
    "building": (0, 1, 5, 8, 14, 25, 42, 48, 51, 61, 79, 84, 86, 106),
    "ground": (3, 6, 11, 13, 16, 28, 34, 46, 52, 53, 54, 59, 68, 91, 94, 121, 140),
    "person": (12, 92),
}
"""Classes of ADE20K by kind. Mountains and rocks are ground, walls and ceilings building, clothes
person; what is left is a kind of its own."""

_SIZE = 512  # long side at which the network looks, as in its training
_SMALLEST_SIDE = 32
_SHARE = 0.02  # of either photo below which a kind is no segment
_RADIUS = 8  # of the windows in which borders follow edges
_EPSILON = 1e-3


def scene_labels(content: Image, style: Image, network: UperNet) -> tuple[Labels, Labels]:
    """Divide two photos into what both of them show.

    Args:
        content: `H W 3` in [0, 1], of any size.
        style: `h w 3` in [0, 1].
        network: Trained on ADE20K, its weights frozen; used where it is.

    Returns:
        Labels of the content, `H W`, and of the style, `h w`, at long side 512 or their own size if
        that is less: the same values, from 0, in both. All 0 where they share one kind or none.
    """
    small = [_shrunk(photo) for photo in (content, style)]
    shares = [kind_shares(photo, network) for photo in small]
    kept = shared_kinds(*shares)
    first, second = (
        _labels(photo, own[..., kept]) for photo, own in zip(small, shares, strict=True)
    )
    return first, second


def kind_shares(photo: Image, network: UperNet) -> Image:
    """How likely each place shows each kind.

    Args:
        photo: `H W 3` in [0, 1].
        network: Trained on ADE20K.

    Returns:
        `H W K`, the kinds in the order of `KINDS` and what is left; they sum to 1.
    """
    device = next(network.parameters()).device
    batch = torch.from_numpy(photo).permute(2, 0, 1)[None].to(device)
    with torch.inference_mode():
        chances = network(batch).softmax(1)
        kinds = [chances[:, list(classes)].sum(1) for classes in KINDS.values()]
        kinds.append(1 - torch.stack(kinds).sum(0))
        large = F.interpolate(torch.stack(kinds, 1), photo.shape[:2], mode="bilinear")
    return np.asarray(large[0].permute(1, 2, 0).cpu().numpy(), np.float32)


def shared_kinds(ours: Image, theirs: Image) -> list[int]:
    """Kinds that make up enough of both photos.

    What shows a kind that only one of them has goes to the likeliest of these.

    Args:
        ours: `H W K`, shares of the content.
        theirs: `h w K`, shares of the style.

    Returns:
        Their indices in order; the first alone if there are none.
    """
    kept = list(range(ours.shape[-1]))
    while len(kept) > 1:
        areas = [
            np.bincount(shares[..., kept].argmax(-1).ravel(), minlength=len(kept))
            / shares[..., 0].size
            for shares in (ours, theirs)
        ]
        least = np.minimum(*areas)
        if least.min() >= _SHARE:
            break
        del kept[int(least.argmin())]
    return kept


def _shrunk(photo: Image) -> Image:
    longest, shortest = max(photo.shape[:2]), min(photo.shape[:2])
    size = max(min(longest, _SIZE), -(-_SMALLEST_SIDE * longest // shortest))
    return np.require(np.clip(resize(photo, size), 0, 1), np.float32, ("C", "W"))


def _labels(photo: Image, shares: Image) -> Labels:
    """The likeliest kind, borders moved onto the photo's edges (He et al. 2013, Guided filter)."""
    if shares.shape[-1] == 1:
        return np.zeros(photo.shape[:2], np.uint8)
    field = fit_affine(photo, np.ascontiguousarray(shares), radius=_RADIUS, epsilon=_EPSILON)
    winner = field.apply(photo).argmax(-1).astype(np.uint8)
    return np.asarray(cv2.medianBlur(winner, 5), np.uint8)
