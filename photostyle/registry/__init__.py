"""The models photostyle knows: models.toml -> Entry -> verified weights -> network."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.registry.entry import Entry, read_entries
    from photostyle.registry.load import load_encoder
    from photostyle.registry.weights import verified_weights

__all__ = ["Entry", "load_encoder", "read_entries", "verified_weights"]

_HOMES = {
    "Entry": "photostyle.registry.entry",
    "load_encoder": "photostyle.registry.load",
    "read_entries": "photostyle.registry.entry",
    "verified_weights": "photostyle.registry.weights",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'photostyle.registry' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
