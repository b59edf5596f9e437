"""Packages that only some formats need: imported when such a file comes along."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def optional_module(module: str, extra: str, purpose: str) -> Any:
    """Import a package that an extra of photostyle installs.

    Args:
        module: Name of the module.
        extra: Name of the extra.
        purpose: What it is needed for, as the beginning of a sentence.

    Raises:
        ValueError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ValueError(f"{purpose}: pip install 'photostyle[{extra}]'") from error
