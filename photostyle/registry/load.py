"""Networks with their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import safetensors.torch
from safetensors import SafetensorError

from photostyle.errors import ModelError
from photostyle.features import Encoder
from photostyle.registry.entry import Entry, read_entries
from photostyle.registry.weights import BUNDLED, verified_weights

if TYPE_CHECKING:
    from pathlib import Path


def load_encoder(entry: Entry | None = None, folder: Path = BUNDLED) -> Encoder:
    """Load an encoder with verified weights.

    Args:
        entry: The model; `encoder` of the installed models.toml when None.
        folder: Where its weights file is.

    Returns:
        The network on the CPU, in evaluation mode, with frozen weights.

    Raises:
        ModelError: The weights are missing or not the listed ones, or do not fit the network.
    """
    if entry is None:
        entry = read_entries()["encoder"]
    if entry.architecture not in _ARCHITECTURES:
        raise ModelError(
            f"models.toml: model '{entry.name}': unknown architecture '{entry.architecture}', "
            f"known are {', '.join(_ARCHITECTURES)}"
        )
    network = _ARCHITECTURES[entry.architecture](entry)
    try:
        network.load_state_dict(safetensors.torch.load(verified_weights(entry, folder)))
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{entry.file} does not fit model '{entry.name}': {reason}") from error
    return network.eval().requires_grad_(False)


def _encoder(entry: Entry) -> Encoder:
    match dict(entry.params):
        case {"channels": [*scales], **others} if not others and all(map(_are_widths, scales)):
            return Encoder(scales)
        case _:
            raise ModelError(
                f"models.toml: model '{entry.name}': params must be channels alone, "
                "a list of lists of positive integers"
            )


def _are_widths(scale: object) -> bool:
    return (
        isinstance(scale, list)
        and len(scale) > 0
        and all(type(width) is int and width > 0 for width in scale)
    )


_ARCHITECTURES = {"encoder": _encoder}
