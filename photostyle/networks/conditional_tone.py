"""The conditional tone generator: one network, several looks, each by its own normalisation."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photostyle.affine.luma import LUMA
from photostyle.affine.palette import palette_axes, within_palette
from photostyle.networks.colour_match import COLOURS, matching_offsets, palette
from photostyle.networks.levels import shares_of_levels
from photostyle.networks.recolour import RIDGE, colour_moments, least_change
from photostyle.networks.tone_match import QUANTILES, matched_tones, tone_quantiles

if TYPE_CHECKING:
    from collections.abc import Sequence

SIDE = 128
"""Height and width at which thumbnails are looked at."""

BLOCKS = (1, 2, 4)
"""Dilation of each residual block."""

STEP = 3.0
"""What a unit of a look's own curve adds to colour maps: so it learns faster than the rest."""

OWN = 8
"""Channels that a look mixes for itself."""

OWN_STEP = 0.1
"""What a unit of them adds to colour maps."""

CONTRAST = 1.8
"""Of slopes where colours are matched, against the least change: offsets take away what is too
much on the whole, so that what is fine stays clear."""

GREY = 0.7
"""Share of luma alone in these slopes: much of the noise of photos is in their colours."""

_EPSILON = 1e-4


class ConditionalToneGenerator(nn.Module):
    """Predict a bilateral grid of affine colour maps for a photo and a look.

    All looks share the convolutions; each has its own scale and shift of every channel after
    instance normalisation (Dumoulin 2017, A learned representation for artistic style). At the end
    it mixes a few channels of its own from these, normalised like them, for its own last layer: a
    change of low rank of the one that all share (Hu 2021, LoRA).

    Colours themselves are the first thing normalised: mean and covariance of the photo's become
    those of the look, by the affine map of least change, whatever photo it is, and so do its tones,
    by a smooth curve. Then comes a change that the network predicts from the photo. It is a grid
    over the luma that the look gives, not over the photo's own, so a curve means the same for a
    bright and for a dark photo.

    Where a look is matched, statistics have the last word instead: smooth offsets are added so that
    the results have not just mean and covariance but all colours of the look. What is left to the
    network is which slopes make that the better photograph. No other look could undo it.

    No colours are given that the look does not have: what it makes of a photo keeps to the axes of
    its palette, and one learned from black and white is without any.

    All statistics are those of the thumbnail: what is changed at full size, and in which parts,
    makes no difference.
    """

    def __init__(self, looks: Sequence[str], width: int = 16, depth: int = 8) -> None:
        """Make the network; each look starts as the one that has the colours of mid-grey noise.

        Args:
            looks: Their names, each another.
            width: Channels after the first convolution, doubled by the second and the third.
            depth: Cells of the grid along luma.

        Raises:
            ValueError: A value is no integer or too small, or names will not do.
        """
        super().__init__()
        for name, value, least in (("width", width, 1), ("depth", depth, 2)):
            if type(value) is not int or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")
        if not _are_names(looks):
            raise ValueError(f"looks must be a list of names, each another, not {looks!r}")
        self.names = tuple(looks)
        """Names of the looks."""
        self.depth = depth
        widths = (3, width, 2 * width, 4 * width)
        self.descent = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, 2, 1, padding_mode="replicate")
            for inputs, outputs in pairwise(widths)
        )
        self.blocks = nn.ModuleList(
            nn.Conv2d(
                widths[-1], widths[-1], 3, padding=reach, dilation=reach, padding_mode="replicate"
            )
            for reach in BLOCKS
        )
        self.tail = nn.Conv2d(widths[-1], 12 * depth, 1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]
        channels = [*widths[1:], *[widths[-1]] * len(BLOCKS)]
        self.looks = nn.ModuleList(Look(channels, 12 * depth) for _ in self.names)

    def of(self, look: str) -> OneLook:
        """The generator of one look alone.

        Args:
            look: One of `names`.
        """
        return OneLook(self, self.names.index(look))

    def look(self, index: int) -> Look:
        """What makes one of the looks.

        Args:
            index: That of its name in `names`.
        """
        return cast("Look", self.looks[index])

    def forward(self, thumbnail: Tensor, look: int = 0) -> Tensor:
        """Predict grids.

        Args:
            thumbnail: `B 3 S S`, sRGB in `[0, 1]`.
            look: Index of the look in `names`.

        Returns:
            `B 16 16 depth 3 4`, as `affine.slice_apply` takes them.
        """
        small = F.adaptive_avg_pool2d(thumbnail, SIDE)
        own = self.look(look)
        mean, covariance = colour_moments(small)
        matrix = least_change(covariance, own.covariance)
        if own.matched:
            matrix = _by_luma(matrix, covariance)
        straight = lumas = self._lumas(mean, covariance, matrix, own)
        if own.matched:
            grids = self._grids(small, mean, matrix, straight, lumas, own)
            offsets = matching_offsets(small, grids, own.colours)
            grids = torch.cat([grids[..., :3], grids[..., 3:] + offsets[..., None]], dim=-1)
        else:
            with torch.no_grad():
                bend = matched_tones(small, straight, own.tones) - straight
            grids = self._grids(small, mean, matrix, straight, straight + bend, own)
        return within_palette(grids, palette_axes(own.colours), own.mean)

    def take_channels(self, photos: Tensor, look: int) -> None:
        """Let a look mix the channels in which photos differ most from place to place.

        They are the principal components of the last features, so that few of them say much.

        Args:
            photos: `B 3 H W` in `[0, 1]`, at least 128 pixels high and wide.
            look: Index of the look in `names`.
        """
        own = self.look(look)
        with torch.no_grad():
            features = self._features(F.adaptive_avg_pool2d(photos, SIDE), own)
            apart = (features - features.mean(dim=(2, 3), keepdim=True)).transpose(0, 1).flatten(1)
            _, axes = torch.linalg.eigh((apart @ apart.T).double())
            own.own_channels.copy_(axes[:, -len(own.own_channels) :].T)

    def _grids(
        self,
        photo: Tensor,
        mean: Tensor,
        matrix: Tensor,
        straight: Tensor,
        lumas: Tensor,
        own: Look,
    ) -> Tensor:
        """`B 16 16 depth 3 4`: statistics first, then what the network changes.

        Args:
            photo: `B 3 SIDE SIDE`.
            mean: `B 3`, of its colours.
            matrix: `B 3 3`, what is done to them around it.
            straight: `B depth`, what becomes of levels of luma by that alone.
            lumas: `B depth`, what shall become of them.
            own: The look.
        """
        offset = own.mean - (matrix @ mean[:, :, None])[:, :, 0]
        moved = offset[:, None] + (lumas - straight)[:, :, None]
        shares = shares_of_levels(lumas, self.depth)
        change = torch.einsum("bkd,byxdij->byxkij", shares, self._change(photo, own))
        maps = change + torch.eye(3, 4).to(change)
        each = torch.cat([matrix[:, None].expand(-1, self.depth, -1, -1), moved[..., None]], dim=3)
        turned: Tensor = maps[..., :3] @ each[:, None, None]
        return torch.cat([turned[..., :3], turned[..., 3:] + maps[..., 3:]], dim=-1)

    def _features(self, photo: Tensor, look: Look) -> Tensor:
        """`B C 16 16`, what the convolutions make of a photo."""
        x, layer = 2 * photo - 1, 0
        for convolution in self.descent:
            x = torch.relu(look.normalised(convolution(x), layer))
            layer += 1
        for convolution in self.blocks:
            x = torch.relu(x + look.normalised(convolution(x), layer))
            layer += 1
        return x

    def _change(self, photo: Tensor, look: Look) -> Tensor:
        """`B 16 16 depth 3 4`, what is added to the identity, over the luma of the result."""
        x = self._features(photo, look)
        maps = self.tail(x) * look.last_scale[:, None, None] + STEP * look.last_shift[:, None, None]
        maps = maps + OWN_STEP * look.own(x)
        grid: Tensor = maps.permute(0, 2, 3, 1).unflatten(3, (self.depth, 3, 4))
        return grid

    def _lumas(self, mean: Tensor, covariance: Tensor, matrix: Tensor, look: Look) -> Tensor:
        """`B depth`: what becomes of each level of the photo's luma, by the colours' statistics."""
        weights = mean.new_tensor(LUMA)
        along = covariance @ weights
        slope = (matrix @ along[:, :, None])[:, :, 0] @ weights / (along @ weights)
        own = torch.linspace(0, 1, self.depth).to(mean)
        return look.mean @ weights + slope[:, None] * (own - (mean @ weights)[:, None])


class OneLook(nn.Module):
    """A conditional tone generator for one of its looks, with the interface of `ToneGenerator`."""

    def __init__(self, generator: ConditionalToneGenerator, look: int) -> None:
        """Choose the look.

        Args:
            generator: The generator.
            look: Index of the look in its names.
        """
        super().__init__()
        self.generator = generator
        self.look = look

    def forward(self, thumbnail: Tensor) -> Tensor:
        """Predict grids, as `ConditionalToneGenerator` does.

        Args:
            thumbnail: `B 3 S S`, sRGB in `[0, 1]`.

        Returns:
            `B 16 16 depth 3 4`.
        """
        grids: Tensor = self.generator(thumbnail, self.look)
        return grids


class Look(nn.Module):
    """What makes one look of a conditional tone generator: a few numbers a channel."""

    mean: Tensor
    covariance: Tensor
    tones: Tensor
    colours: Tensor
    matched: Tensor

    def __init__(self, channels: Sequence[int], maps: int) -> None:
        """Make a look.

        Args:
            channels: Of each layer that is normalised.
            maps: Channels of the last layer, which is scaled and shifted alone.
        """
        super().__init__()
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(count)) for count in channels)
        self.shifts = nn.ParameterList(nn.Parameter(torch.zeros(count)) for count in channels)
        self.last_scale = nn.Parameter(torch.ones(maps))
        self.last_shift = nn.Parameter(torch.zeros(maps))
        own = min(OWN, channels[-1])
        self.own_channels = nn.Parameter(torch.eye(own, channels[-1]))
        self.own_maps = nn.Parameter(torch.zeros(maps, own))
        self.register_buffer("mean", torch.full((3,), 0.5))
        self.register_buffer("covariance", (0.05 + RIDGE) * torch.eye(3))
        self.register_buffer("tones", (torch.arange(QUANTILES) + 0.5) / QUANTILES)
        self.register_buffer("colours", _noise())
        self.register_buffer("matched", torch.zeros(()))

    def imitate(self, photo: Tensor, *, matched: bool = False) -> None:
        """Take over the colours of a photo: mean and covariance, tones, a palette.

        Args:
            photo: `3 H W` in `[0, 1]`.
            matched: Give all of its colours to photos, by offsets that vary in space too.
        """
        mean, covariance = colour_moments(photo[None])
        self.mean.copy_(mean[0])
        self.covariance.copy_(covariance[0])
        self.tones.copy_(tone_quantiles(photo[None])[0])
        self.colours.copy_(palette(photo))
        self.matched.fill_(float(matched))

    def normalised(self, maps: Tensor, layer: int) -> Tensor:
        """Give the channels of a layer the look's own mean and deviation, photo by photo."""
        scale, shift = self.scales[layer], self.shifts[layer]
        given: Tensor = _standardised(maps) * scale[:, None, None] + shift[:, None, None]
        return given

    def own(self, features: Tensor) -> Tensor:
        """What the look's own channels, mixed from the last features, add to the last layer."""
        mixed = _standardised(torch.einsum("oc,bchw->bohw", self.own_channels, features))
        return torch.einsum("mo,bohw->bmhw", self.own_maps, mixed)


def _noise() -> Tensor:
    """`COLOURS 3`: those of mid-grey noise, evenly spread."""
    count = round(COLOURS ** (1 / 3))
    levels = torch.linspace(-1, 1, count)
    return 0.5 + torch.cartesian_prod(*[levels * (0.05 / levels.square().mean()) ** 0.5] * 3)


def _standardised(maps: Tensor) -> Tensor:
    """Channels with mean 0 and deviation 1, photo by photo."""
    apart = maps - maps.mean(dim=(2, 3), keepdim=True)
    deviation = (apart.square().mean(dim=(2, 3), keepdim=True) + _EPSILON).sqrt()
    standardised: Tensor = apart / deviation
    return standardised


def _by_luma(matrix: Tensor, covariance: Tensor) -> Tensor:
    """`B 3 3`: maps with more contrast, most of it from luma."""
    along = covariance @ covariance.new_tensor(LUMA)
    variance = (along @ along.new_tensor(LUMA))[:, None]
    grey = ((matrix @ along[:, :, None])[:, :, 0] / variance)[:, :, None] * along.new_tensor(LUMA)
    return CONTRAST * torch.lerp(matrix, grey, GREY)


def _are_names(looks: object) -> bool:
    return (
        isinstance(looks, (list, tuple))
        and len(looks) > 0
        and all(isinstance(name, str) and name for name in looks)
        and len(set(looks)) == len(looks)
    )
