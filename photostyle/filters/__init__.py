"""Trained filters: looks and repairs, applied to photos of any size."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.filters.chain import FilterChain, load_filters, look_chain
    from photostyle.filters.config import FilterConfig

__all__ = ["FilterChain", "FilterConfig", "load_filters", "look_chain"]

_HOMES = {
    "FilterChain": "photostyle.filters.chain",
    "FilterConfig": "photostyle.filters.config",
    "load_filters": "photostyle.filters.chain",
    "look_chain": "photostyle.filters.chain",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
