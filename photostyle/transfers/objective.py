"""What a transfer minimises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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
from photostyle.losses.sliced_wasserstein import random_directions, sorted_distance
from photostyle.losses.structure import EdgeStructure
from photostyle.losses.texture import Texture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
        exact: Compare all colours in every call, not a fresh sample: slower, and deterministic.
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
        exact: bool = False,
    ) -> None:
        image = torch.from_numpy(content).to(device)
        colours = _Colours(content, style, segments, device, generator, exact)
        structure, calm = EdgeStructure(image), CalmPlaces(image)
        photorealism = Photorealism(image)
        self._parallel = device.type == "cpu"
        self._terms: list[Callable[[Tensor], Tensor]] = [  # the slowest first
            lambda result: weights.style * colours.distance(result, weights.outliers),
            lambda result: weights.photorealism * photorealism(result),
            lambda result: weights.calm * calm(result),
            lambda result: weights.structure * structure(result),
            lambda result: weights.gamut * (F.relu(-result) + F.relu(result - 1)).mean(),
        ]
        if weights.content and encoder is not None:
            features = ContentFeatures(encoder.to(device), image)
            self._terms.insert(0, lambda result: weights.content * features(result))
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
            self._terms.insert(0, lambda result: weights.texture * texture(result))

    def __call__(self, result: Tensor) -> Tensor:
        """Weigh everything up.

        Args:
            result: `H W 3`, of the content's size.

        Returns:
            Scalar. Unless exact, colours are drawn at random, so two calls differ a little.
        """
        return torch.stack([term(result) for term in self._terms]).sum()

    def gradient(self, result: Tensor) -> Tensor:
        """Gradient at a result, on the CPU with the terms side by side.

        Threads inside every small operation lose more by waiting for each other than they gain,
        and where another program keeps a processor busy they crawl. Whole terms do not wait.

        Args:
            result: `H W 3`, of the content's size.

        Returns:
            `H W 3`.
        """

        def of(term: Callable[[Tensor], Tensor]) -> Tensor:
            place = result.detach().requires_grad_()
            return torch.autograd.grad(term(place), place)[0]

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
        self._bank = random_directions(3, _BANK, generator)
        self._parts = []
        for part in segments.parts:
            share = len(part.content) / content[..., 0].size
            samples = len(part.content) if exact else max(_FEWEST, round(_SAMPLES * share))
            source = torch.from_numpy(part.style[:: max(1, len(part.style) // _STYLE_SAMPLES)])
            sorted_style = (colours[source] @ self._bank).sort(0).values
            places = (torch.arange(samples) + 0.5) / samples * len(source)
            quantiles = sorted_style[places.long()].to(device)
            self._parts.append((torch.from_numpy(part.content), quantiles, share))
        self._device = device
        self._generator = generator
        self._exact = exact

    def distance(self, result: Tensor, outliers: float) -> Tensor:
        """Sliced Wasserstein distance of the result's colours from the style's, in Lab units."""
        flat = result.reshape(-1, 3)
        chosen = torch.arange(_DIRECTIONS)
        if not self._exact:
            chosen[3:] = torch.randperm(_BANK - 3, generator=self._generator)[: _DIRECTIONS - 3] + 3
        directions, chosen = self._bank[:, chosen].to(self._device), chosen.to(self._device)
        total = flat.new_zeros(())
        for part, quantiles, share in self._parts:
            places = part
            if not self._exact:
                drawn = torch.randint(len(places), (len(quantiles),), generator=self._generator)
                places = places[drawn]
            colours = rgb_to_lab(flat[places.to(self._device)])
            distance = sorted_distance(
                colours @ directions, quantiles[:, chosen], outliers=outliers
            )
            total = total + share * distance
        return total


def _one_hot(size: tuple[int, int], places: Sequence[NDArray[np.intp]]) -> Image:
    """`H W M`: 1 where a pixel belongs to a segment."""
    shares = np.zeros((size[0] * size[1], len(places)), np.float32)
    for segment, indices in enumerate(places):
        shares[indices, segment] = 1
    return shares.reshape(*size, len(places))
