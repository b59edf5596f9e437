"""The models photostyle knows: models.toml -> Entry -> verified weights -> network."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.registry.entry import Entry
    from photostyle.registry.listing import find_entry, read_entries
    from photostyle.registry.load import load_encoder, load_networks, load_parser
    from photostyle.registry.weights import (
        check_weights,
        local_weights,
        verified_weights,
        weights_file,
    )

__all__ = [
    "Entry",
    "check_weights",
    "find_entry",
    "load_encoder",
    "load_networks",
    "load_parser",
    "local_weights",
    "read_entries",
    "verified_weights",
    "weights_file",
]

_HOMES = {
    "Entry": "photostyle.registry.entry",
    "check_weights": "photostyle.registry.weights",
    "find_entry": "photostyle.registry.listing",
    "load_encoder": "photostyle.registry.load",
    "load_networks": "photostyle.registry.load",
    "load_parser": "photostyle.registry.load",
    "local_weights": "photostyle.registry.weights",
    "read_entries": "photostyle.registry.listing",
    "verified_weights": "photostyle.registry.weights",
    "weights_file": "photostyle.registry.weights",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'photostyle.registry' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
