"""Filters by name, one after another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from photostyle.device import resolve_device
from photostyle.errors import PhotostyleError, UsageError
from photostyle.filters.config import FilterConfig
from photostyle.filters.repair import RepairFilter
from photostyle.filters.tone import ToneFilter
from photostyle.filters.words import Word, mixtures, read_word
from photostyle.networks import ConditionalToneGenerator
from photostyle.progress import ProgressCallback, silent
from photostyle.registry import find_entry, load_networks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from photostyle.image import Photo
    from photostyle.networks import GlobalLook
    from photostyle.registry import Entry


class _Filter(Protocol):
    name: str

    def apply(
        self,
        photo: Photo,
        out: NDArray[np.uint8 | np.uint16 | np.float32],
        progress: ProgressCallback,
    ) -> None: ...


_FAMILIES: Mapping[str, Callable[[str, Sequence[nn.Module], FilterConfig], _Filter]] = {
    "repair": RepairFilter,
    "tone": ToneFilter,
}
"""How models of each kind are applied."""


def load_filters(
    names: Sequence[str],
    config: FilterConfig | None = None,
    *,
    models: Path | None = None,
    offline: bool = False,
    progress: ProgressCallback = silent,
) -> FilterChain:
    """Load filters, and download those that are not there.

    Args:
        names: Names of models, or paths of `.safetensors` files made by training, each perhaps
            with a look and a weight, as in `words.Word`. Applied in this order; those with weights
            that follow one another are mixed, and what is missing to a weight of 1 is the photo.
        config: The settings.
        models: A further list of models.
        offline: Never use the network.
        progress: Told of downloads.

    Raises:
        UsageError: There are no names, a model is not a filter or has not that look, or filters
            cannot be mixed.
        ModelError: A model is unknown, or its weights are missing or not the listed ones.
        DeviceError: The device does not exist.
    """
    if not names:
        raise UsageError("name at least one filter")
    config = config or FilterConfig()
    config = replace(config, device=str(resolve_device(config.device)))
    filters = []
    for words in mixtures([read_word(name) for name in names]):
        parts = []
        for word in words:
            entry = find_entry(word.name, models=models)
            if entry.kind not in _FAMILIES:
                raise UsageError(f"model '{word.name}' is not a filter but for {entry.kind}")
            if len(words) > 1 and entry.kind != "tone":
                raise UsageError(f"'{word.name}' is a {entry.kind}: only tone filters can be mixed")
            networks = load_networks(entry, offline=offline, progress=progress)
            parts.append((entry, _of_look(networks, word)))
        filters.append(_mixed(words, parts, config))
    return FilterChain(filters, config.device)


def _mixed(
    words: Sequence[Word], parts: Sequence[tuple[Entry, Sequence[nn.Module]]], config: FilterConfig
) -> _Filter:
    """One filter, with its weight as strength, or the mean of several."""
    weights = [1.0 if word.weight is None else word.weight for word in words]
    total = min(1.0, sum(weights))
    config = replace(config, strength=total * config.strength)
    if len(words) == 1:
        (entry, networks) = parts[0]
        name = f"{entry.name}:{words[0].look}" if words[0].look else entry.name
        return _FAMILIES[entry.kind](name, networks, config)
    shares = [
        weight / total / len(networks)
        for weight, (_, networks) in zip(weights, parts, strict=True)
        for _ in networks
    ]
    together = [network for _, networks in parts for network in networks]
    return ToneFilter("+".join(map(str, words)), together, config, shares)


def _of_look(networks: Sequence[nn.Module], word: Word) -> Sequence[nn.Module]:
    """Networks for one of their looks."""
    if not word.look:
        return networks
    chosen: list[nn.Module] = []
    for network in networks:
        if not isinstance(network, ConditionalToneGenerator):
            raise UsageError(f"filter '{word.name}' has one look alone, not '{word.look}'")
        found = next(
            (
                look
                for look in (word.look, f"{network.names[0]}:{word.look}")
                if look in network.names
            ),
            None,
        )
        if found is None:
            looks = ", ".join(network.names)
            raise UsageError(f"filter '{word.name}' has no look '{word.look}' but {looks}")
        chosen.append(network.of(found))
    return chosen


def look_chain(name: str, look: GlobalLook, device: str = "auto") -> FilterChain:
    """Make a filter of a look that was just fitted; once it is saved, `load_filters` does.

    Args:
        name: What to call it.
        look: The look.
        device: `"auto"`, `"cpu"`, `"cuda"`, `"cuda:N"` or `"mps"`.

    Raises:
        DeviceError: The device does not exist.
    """
    config = FilterConfig(device=str(resolve_device(device)))
    return FilterChain([ToneFilter(name, [look], config)], config.device)


class FilterChain:
    """Filters that are applied to one photo after the other. Not to be shared between threads."""

    def __init__(self, filters: Sequence[_Filter], device: str) -> None:
        """Make a chain; `load_filters` is what others call.

        Args:
            filters: In order of application.
            device: What they run on.
        """
        self.names = tuple(each.name for each in filters)
        """Names of the filters, in order of application."""
        self.device = device
        """What they run on."""
        self._filters = filters

    def apply(self, photo: Photo, progress: ProgressCallback = silent) -> Photo:
        """Apply the filters to a photo.

        Between filters, colours have 16 bits a channel. Those of a wider profile than sRGB stay
        floating point values, for they lie outside of its range.

        Args:
            photo: The photo, with pixels of any type.
            progress: Told of each filter's progress.

        Returns:
            The photo with new pixels: integers of as many bits as its file has, or float32 where
            it has floating point values or a wider profile.

        Raises:
            PhotostyleError: The result is no picture: black, or values that are no numbers.
            DeviceError: The device has too little memory.
        """
        result = photo
        for index, each in enumerate(self._filters):
            last = index == len(self._filters) - 1
            out = np.empty(photo.pixels.shape, _pixel_type(photo, last=last))
            each.apply(result, out, progress)
            result = photo.with_pixels(out)
        if not result.pixels.any() and photo.pixels.any():
            raise PhotostyleError(f"filter {', '.join(self.names)} made the photo black")
        return result


def _pixel_type(photo: Photo, *, last: bool) -> type[np.uint8 | np.uint16 | np.float32]:
    """The type that holds a result with no loss that its file would not have, too."""
    if photo.pixels.dtype == np.float32 and (photo.bit_depth == 32 or photo.icc_profile):
        return np.float32
    return np.uint8 if last and photo.bit_depth == 8 else np.uint16
