"""Networks with their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import safetensors.torch
from safetensors import SafetensorError

from photostyle import networks
from photostyle.errors import ModelError
from photostyle.features import Encoder, SceneParser, UperNet, Vgg19
from photostyle.registry import foreign
from photostyle.registry.entry import FOREIGN, Entry
from photostyle.registry.listing import read_entries
from photostyle.registry.weights import verified_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from photostyle.progress import ProgressCallback


def load_networks(
    entry: Entry, *, offline: bool = False, progress: ProgressCallback | None = None
) -> list[nn.Module]:
    """Load a model with verified weights, and download them if they are not there.

    Args:
        entry: The model.
        offline: Never use the network.
        progress: Is told of a download.

    Returns:
        One network for each of the model's snapshots, on the CPU, in evaluation mode, with frozen
        float32 weights.

    Raises:
        ModelError: The weights are missing or not the listed ones, or do not fit the network.
    """
    # Before anything is downloaded for nothing.
    if entry.architecture == FOREIGN:
        foreign.client()
        parts: list[nn.Module] = []
    else:
        parts = [_build(entry) for _ in range(entry.snapshots)]
    content = verified_weights(entry, offline=offline, progress=progress)
    try:
        if entry.architecture == FOREIGN:
            pickled = entry.file.endswith(".pth")
            read = foreign.read_pickled if pickled else safetensors.torch.load
            parts = [foreign.foreign_network(read(content))]
        else:
            weights = safetensors.torch.load(content)
            for network, own in zip(parts, _snapshots(weights, entry.snapshots), strict=True):
                _fill(network, own, partial=entry.architecture in _PARTIAL)
                _check_finite(network)
    except (SafetensorError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{entry.file} does not fit model '{entry.name}': {reason}") from error
    return [network.eval().requires_grad_(False) for network in parts]


def load_encoder(entry: Entry | None = None) -> Encoder:
    """Load an encoder with verified weights.

    Args:
        entry: The model; `encoder` of the lists of models when None.

    Returns:
        The network on the CPU, in evaluation mode, with frozen weights.

    Raises:
        ModelError: The weights are missing or not the listed ones, or do not fit the network, or
            the model is not an encoder.
    """
    if entry is None:
        entry = read_entries()["encoder"]
    network = load_networks(entry)[0]
    if not isinstance(network, Encoder):
        raise ModelError(f"model '{entry.name}' is not an encoder but a '{entry.architecture}'")
    return network


def load_parser() -> SceneParser:
    """Load the bundled scene parser with verified weights.

    Returns:
        The network on the CPU, in evaluation mode, with frozen weights.

    Raises:
        ModelError: The weights are missing or not the listed ones, or do not fit the network.
    """
    network = load_networks(read_entries()["scenes"])[0]
    assert isinstance(network, SceneParser)  # noqa: S101 - for the type checker
    return network


def _build(entry: Entry) -> nn.Module:
    if entry.architecture not in _ARCHITECTURES:
        known = ", ".join([*_ARCHITECTURES, FOREIGN])
        raise ModelError(
            f"model '{entry.name}': unknown architecture '{entry.architecture}', known are {known}"
        )
    try:
        return _ARCHITECTURES[entry.architecture](dict(entry.params))
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"model '{entry.name}': params do not fit architecture '{entry.architecture}': {reason}"
        ) from error


def _snapshots(weights: Mapping[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    """Sort the weights of several networks in one file, `0.*`, `1.*`, ..."""
    if count == 1:
        return [dict(weights)]
    parts: list[dict[str, Tensor]] = [{} for _ in range(count)]
    for name, weight in weights.items():
        number, _, rest = name.partition(".")
        if not number.isdecimal() or int(number) >= count:
            raise ValueError(f"'{name}' belongs to none of the {count} snapshots")
        parts[int(number)][rest] = weight
    return parts


def _fill(network: nn.Module, weights: Mapping[str, Tensor], *, partial: bool) -> None:
    """Copy weights into a network, which has float32 ones whatever those are."""
    missing, unexpected = network.load_state_dict(weights, strict=False)
    if missing or (unexpected and not partial):
        faults = {"it lacks": missing, "it has besides": [] if partial else unexpected}
        raise ValueError(
            "; ".join(
                f"{fault} {', '.join(sorted(names)[:3])}"
                for fault, names in faults.items()
                if names
            )
        )


def _check_finite(network: nn.Module) -> None:
    for name, weight in network.state_dict().items():
        if not weight.isfinite().all():
            raise ValueError(f"{name} holds values that are no numbers")


def _encoder(params: dict[str, Any]) -> Encoder:
    match params:
        case {"channels": [*scales], **others} if not others and all(map(_are_widths, scales)):
            return Encoder(scales)
        case _:
            raise ValueError("they must be channels alone, a list of lists of positive integers")


def _are_widths(scale: object) -> bool:
    return (
        isinstance(scale, list)
        and len(scale) > 0
        and all(type(width) is int and width > 0 for width in scale)
    )


_ARCHITECTURES: Mapping[str, Callable[[dict[str, Any]], nn.Module]] = {
    "encoder": _encoder,
    "scene-parser": lambda params: SceneParser(**params),
    "vgg19": lambda params: Vgg19(**params),
    "upernet-convnext": lambda params: UperNet(**params),
    "deconvolution": lambda params: networks.DeconvolutionGenerator(**params),
    "repair": lambda params: networks.RepairGenerator(**params),
    "tone": lambda params: networks.ToneGenerator(**params),
    "conditional-tone": lambda params: networks.ConditionalToneGenerator(**params),
    "look": lambda params: networks.GlobalLook(**params),
}
"""How each architecture is built from an entry's params."""

_PARTIAL = {"vgg19", "upernet-convnext"}
"""Architectures that leave some of a file's weights alone: heads that name objects, or are for
training alone."""
