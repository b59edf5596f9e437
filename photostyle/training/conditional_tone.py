"""Training of tone filters that hold several looks, each learned from a single photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photostyle.affine.luma import LUMA
from photostyle.networks import ConditionalToneGenerator
from photostyle.networks.conditional_tone import SIDE
from photostyle.training.family import Applied
from photostyle.training.tone import ToneFamily, apply_grids, random_photo, roughness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from photostyle.training.examples import Image
    from photostyle.training.photos import Pixels

SMALLEST_PART = 0.75
"""Examples are crops of at least this share of a photo's height and width. Smaller ones may lack
what the photo is known by, such as its sky."""

PARAMS = {"width": 16, "depth": 8}


class ConditionalToneFamily(ToneFamily):
    """Filters that change colours alone, by grids of affine maps for one of several looks."""

    architecture = "conditional-tone"

    def __init__(
        self, params: Mapping[str, Any], styles: Sequence[Image], *, only_norm: bool = False
    ) -> None:
        """Choose a network.

        Args:
            params: What `ConditionalToneGenerator` is built with. The looks to be learned come
                first.
            styles: For each of those the photo that it is learned from, `h w 3` in `[0, 1]`.
            only_norm: They alone learn; the convolutions and the other looks stay.
        """
        super().__init__(params)
        self._styles = styles
        self._only_norm = only_norm

    def generator(self) -> ConditionalToneGenerator:
        """Make a generator that gives the colours of the styles, and no more.

        Of two looks that shall undo each other these are mean and covariance; of one look alone
        they are all of them.
        """
        made = ConditionalToneGenerator(**self.params)
        for index, style in enumerate(self._styles):
            photo = torch.from_numpy(style).permute(2, 0, 1)
            made.look(index).imitate(photo, matched=len(self._styles) == 1)
        self._take_channels(made)
        if self._only_norm:
            made.requires_grad_(False)
        for index in range(len(made.names)):
            made.look(index).requires_grad_(index < len(self._styles))
        return made

    def grown(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Make the weights to start with from those of a filter there is.

        The looks to be learned give the colours of the styles alone at first, whatever the
        convolutions have learned.

        Args:
            weights: Its own. The convolutions are taken over; if they are to stay, its looks are,
                too, behind those to be learned.

        Returns:
            All weights of `generator`'s network.
        """
        taken = {}
        made = self.generator()
        started = made.state_dict()
        for index in range(len(self._styles)):
            started[f"looks.{index}.last_scale"].zero_()
        for key, value in weights.items():
            if not key.startswith("looks."):
                taken[key] = value
            elif self._only_norm:
                _, number, rest = key.split(".", 2)
                taken[f"looks.{int(number) + len(self._styles)}.{rest}"] = value
        made.load_state_dict(started | taken)
        self._take_channels(made)
        return made.state_dict()

    def _take_channels(self, generator: ConditionalToneGenerator) -> None:
        photos = [torch.from_numpy(style).permute(2, 0, 1)[None] for style in self._styles]
        small = torch.cat([F.adaptive_avg_pool2d(photo, SIDE) for photo in photos])
        for index in range(len(photos)):
            generator.take_channels(small, index)

    def cut(
        self,
        photos: Sequence[Sequence[Pixels]],
        size: int,  # noqa: ARG002 - thumbnails have one size
        random: np.random.Generator,
    ) -> Image:
        """Take most of a photo, perhaps mirrored, squashed to `128 128 3`."""
        return random_photo(photos, random, side=SIDE, smallest=SMALLEST_PART)

    def apply(
        self, generator: nn.Module, photos: Tensor, to: Tensor | None = None, look: int = 0
    ) -> Applied:
        """Change the colours of photos, `B 3 S S`, or of the same ones at another size.

        Args:
            generator: What `generator` made.
            photos: `B 3 S S` in `[0, 1]`. If they need a gradient, it goes through the network and
                through what its grids are applied to.
            to: `B 3 H W`, the same photos at another size.
            look: Index of the look.
        """
        # Eight bits of a colour map are not enough.
        with torch.autocast(photos.device.type, enabled=False):
            grids = generator(photos, look)
        changed = photos if to is None else to
        apply = slice_photos if changed.requires_grad else apply_grids
        return Applied(apply(changed, grids), roughness(grids))


def squashed(photo: Sequence[Pixels]) -> Image:
    """Take a whole photo as its thumbnail, `128 128 3` in `[0, 1]`.

    Args:
        photo: It at several scales.
    """
    small = cv2.resize(photo[0][..., :3], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def squashed_mask(photo: Sequence[Pixels]) -> Image:
    """Take the mask of a whole photo as that of its thumbnail, `128 128 3` in `[0, 1]`.

    Args:
        photo: It at several scales, of six channels.
    """
    small = cv2.resize(photo[0][..., 3:], (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    return np.asarray(small, np.float32) / np.float32(255)


def whole(photo: Sequence[Pixels]) -> Image:
    """Take a whole photo as large as it is kept, `h w 3` in `[0, 1]`.

    Args:
        photo: It at several scales.
    """
    return photo[0].astype(np.float32) / np.float32(255)


def slice_photos(photos: Tensor, grids: Tensor) -> Tensor:
    """Apply to each photo its grid: differentiable with respect to the photos, too.

    Args:
        photos: `B 3 H W` in `[0, 1]`.
        grids: `B Gy Gx Gz 3 4`.

    Returns:
        `B 3 H W`, not clipped.
    """
    batch, _, height, width = photos.shape
    depth = grids.shape[3]
    # To interpolate between the outer edges of cells, as in space, luma 0 and 1 lie half a cell in.
    luma = torch.einsum("bchw,c->bhw", photos, photos.new_tensor(LUMA))
    level = (2 * luma * (depth - 1) + 1) / depth - 1
    down, right = (
        (2 * torch.arange(count).to(photos) + 1) / count - 1 for count in (height, width)
    )
    shape = batch, height, width
    places = torch.stack([right.expand(shape), down[:, None].expand(shape), level], dim=-1)[:, None]
    volume = grids.flatten(4).permute(0, 4, 3, 1, 2)
    maps = F.grid_sample(volume, places, padding_mode="border", align_corners=False)
    maps = maps[:, :, 0].unflatten(1, (3, 4))
    changed: Tensor = torch.einsum("bichw,bchw->bihw", maps[:, :, :3], photos) + maps[:, :, 3]
    return changed
