"""What a transfer minimises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from photostyle.compiled import cpu_threads
from photostyle.losses.calm import CalmPlaces
from photostyle.losses.content import ContentFeatures
from photostyle.losses.lab import rgb_to_lab
from photostyle.losses.photorealism import Photorealism
from photostyle.losses.skin import SkinTone
from photostyle.losses.sliced_wasserstein import random_directions, sorted_distance
from photostyle.losses.structure import EdgeStructure
from photostyle.losses.texture import Texture
from photostyle.transfers.skin import without_skin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from photostyle.features import Encoder
    from photostyle.transfers.config import LossWeights
    from photostyle.transfers.segments import Image, Segments

_SAMPLES = 6144  # colours drawn in a step, shared out by area
_STYLE_SAMPLES = 8192  # colours of the style that stand for a segment, about
_FEWEST = 512  # but never fewer from a segment
_BANK = 48  # directions the style's colours are sorted along
_DIRECTIONS = 16  # of which a step takes so many
_AHEAD = 256  # steps that are drawn for at once


@dataclass(frozen=True)
class Draw:
    """What a step looks at of the colours, on the device."""

    directions: Tensor
    """`D`, which of the bank."""

    places: Sequence[Tensor]
    """`N` for each segment, indices into the flattened content."""


class Objective:
    """The style's colours segment by segment, the content's structure, and photorealism.

    Args:
        content: `H W 3` in [0, 1], at the size of the fit.
        style: `h w 3` in [0, 1].
        segments: Which part of the content goes with which part of the style.
        weights: What counts how much.
        device: Where to compute.
        generator: Source of the random draws, on the CPU.
        encoder: Network whose features make the texture loss; needed when that has a weight.
        skin: `H W` and `h w` in [0, 1], where content and style show some; nowhere when None.
        exact: Compare all colours, not samples of them: slower, and the same in every call.
    """

    def __init__(
        self,
        content: Image,
        style: Image,
        segments: Segments,
        weights: LossWeights,
        device: torch.device,
        generator: torch.Generator,
        encoder: Encoder | None = None,
        *,
        skin: tuple[Image, Image] | None = None,
        exact: bool = False,
    ) -> None:
        image = torch.from_numpy(content).to(device)
        coloured = segments if skin is None else without_skin(segments, *skin)
        colours = _Colours(content, style, coloured, device, generator, exact)
        self._colours = colours
        structure, calm = EdgeStructure(image), CalmPlaces(image)
        photorealism = Photorealism(image)
        self._parallel = device.type == "cpu"
        self._terms: list[Callable[[Tensor, Draw], Tensor]] = [  # the slowest first
            lambda result, draw: weights.style * colours.distance(result, draw, weights.outliers),
            lambda result, _: weights.photorealism * photorealism(result),
            lambda result, _: weights.calm * calm(result),
            lambda result, _: weights.structure * structure(result),
            lambda result, _: weights.gamut * (F.relu(-result) + F.relu(result - 1)).mean(),
        ]
        if skin is not None:
            tone = SkinTone(image, torch.from_numpy(skin[0]).to(device))
            self._terms.append(lambda result, _: weights.skin * tone(result))
        if weights.content and encoder is not None:
            features = ContentFeatures(encoder.to(device), image)
            self._terms.insert(0, lambda result, _: weights.content * features(result))
        if weights.texture and encoder is not None:
            shares = (
                torch.from_numpy(_one_hot(photo.shape[:2], places)).to(device)
                for photo, places in (
                    (style, [part.style for part in segments.parts]),
                    (content, [part.content for part in segments.parts]),
                )
            )
            target = torch.from_numpy(style).to(device)
            texture = Texture(encoder.to(device), target, *shares)
            self._terms.insert(0, lambda result, _: weights.texture * texture(result))

    def draws(self, steps: int) -> Iterator[Draw]:
        """Draw for so many steps; all colours for each, if the objective is exact.

        Many steps are drawn for at once, so that a GPU does not wait for the processor in each.
        """
        return self._colours.draws(steps)

    def __call__(self, result: Tensor, draw: Draw) -> Tensor:
        """Weigh everything up.

        Args:
            result: `H W 3`, of the content's size.
            draw: The colours to look at.

        Returns:
            Scalar.
        """
        return torch.stack([term(result, draw) for term in self._terms]).sum()

    def gradient(self, result: Tensor, draw: Draw) -> Tensor:
        """Gradient at a result, on the CPU with the terms side by side.

        Threads inside every small operation lose more by waiting for each other than they gain,
        and where another program keeps a processor busy they crawl. Whole terms do not wait.

        Args:
            result: `H W 3`, of the content's size.
            draw: The colours to look at.

        Returns:
            `H W 3`.
        """

        def of(term: Callable[[Tensor, Draw], Tensor]) -> Tensor:
            place = result.detach().requires_grad_()
            return torch.autograd.grad(term(place, draw), place)[0]

        run = _workers().map if self._parallel else map
        return torch.stack(list(run(of, self._terms))).sum(0)


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cpu_threads(), thread_name_prefix="photostyle-terms")


class _Colours:
    """The colours of both photos, segment by segment.

    The style's colours are projected and sorted once, along a bank of directions; every step takes
    the axes and a few others of the bank.
    """

    def __init__(
        self,
        content: Image,
        style: Image,
        segments: Segments,
        device: torch.device,
        generator: torch.Generator,
        exact: bool,
    ) -> None:
        colours = rgb_to_lab(torch.from_numpy(style.reshape(-1, 3)))
        bank = random_directions(3, _BANK, generator)
        self._bank = bank.T.to(device)
        self._parts = []
        self._targets = []
        for part in segments.parts:
            share = len(part.content) / content[..., 0].size
            samples = len(part.content) if exact else max(_FEWEST, round(_SAMPLES * share))
            source = torch.from_numpy(part.style[:: max(1, len(part.style) // _STYLE_SAMPLES)])
            sorted_style = (colours[source] @ bank).sort(0).values
            places = (torch.arange(samples) + 0.5) / samples * len(source)
            self._parts.append((torch.from_numpy(part.content), samples))
            # Directions lie in rows: in memory what is sorted together is together.
            self._targets.append((sorted_style.T[:, places.long()].to(device), share))
        self._device = device
        self._generator = generator
        self._exact = exact

    def draws(self, steps: int) -> Iterator[Draw]:
        """Draw for so many steps, `_AHEAD` at a time."""
        if self._exact:
            everything = [places.to(self._device) for places, _ in self._parts]
            axes = torch.arange(_DIRECTIONS).to(self._device)
            for _ in range(steps):
                yield Draw(axes, everything)
            return
        for first in range(0, steps, _AHEAD):
            drawn = [self._draw() for _ in range(min(_AHEAD, steps - first))]
            together = [torch.stack(parts).to(self._device) for parts in zip(*drawn, strict=True)]
            for directions, *places in zip(*together, strict=True):
                yield Draw(directions, places)

    def _draw(self) -> list[Tensor]:
        """Directions, and places of each segment."""
        others = torch.randperm(_BANK - 3, generator=self._generator)[: _DIRECTIONS - 3] + 3
        drawn = [torch.cat([torch.arange(3), others])]
        for places, samples in self._parts:
            chosen = torch.randint(len(places), (samples,), generator=self._generator)
            drawn.append(places[chosen])
        return drawn

    def distance(self, result: Tensor, draw: Draw, outliers: float) -> Tensor:
        """Sliced Wasserstein distance of the result's colours from the style's, in Lab units."""
        flat = result.reshape(-1, 3)
        directions = self._bank[draw.directions]
        total = flat.new_zeros(())
        for places, (quantiles, share) in zip(draw.places, self._targets, strict=True):
            projected = directions @ rgb_to_lab(flat[places]).T
            wanted = quantiles[draw.directions]
            distance = sorted_distance(projected.T, wanted.T, outliers=outliers)
            total = total + share * distance
        return total


def _one_hot(size: tuple[int, int], places: Sequence[NDArray[np.intp]]) -> Image:
    """`H W M`: 1 where a pixel belongs to a segment."""
    shares = np.zeros((size[0] * size[1], len(places)), np.float32)
    for segment, indices in enumerate(places):
        shares[indices, segment] = 1
    return shares.reshape(*size, len(places))
