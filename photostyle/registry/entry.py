"""Entries of models.toml: what a model is, where its weights are, and where they come from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from photostyle.errors import ModelError

SCHEMA = 1
"""The version of models.toml that this code reads."""

PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: a table of models.toml, checked."""

    name: str
    """The table's name; how users and code refer to the model."""

    kind: str
    """What the model is for (`"features"`)."""

    architecture: str
    """Which network it is; `registry.load` lists the known ones."""

    params: Mapping[str, Any]
    """What the network is built with."""

    file: str
    """Name of the weights file, `*.safetensors`."""

    sha256: str
    """Digest of the weights file, 64 lower-case hexadecimal digits."""

    size: int
    """Bytes of the weights file."""

    license: str
    """Licence of the weights, an SPDX expression."""

    trained_on: str
    """The data the weights were trained on."""

    recipe: str
    """The command that trained them."""

    bundled: bool
    """The weights come with the package. So far all do."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ModelError: A value is of the wrong type or form.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            wanted = _TYPES.get(field.name, str)
            if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
                raise self._error(f"{field.name} must be {_NOUNS[wanted]}, not {value!r}")
            if value == "":
                raise self._error(f"{field.name} is empty")
        if not re.fullmatch(r"[\w.-]+\.safetensors", self.file):
            raise self._error(f"file must be a bare name ending in .safetensors, not '{self.file}'")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise self._error(f"sha256 must be 64 hexadecimal digits, not '{self.sha256}'")
        if self.size <= 0:
            raise self._error(f"size must be positive, not {self.size}")
        if not self.bundled:
            raise self._error("bundled must be true")
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))

    def _error(self, problem: str) -> ModelError:
        return ModelError(f"models.toml: model '{self.name}': {problem}")


_TYPES: dict[str, type] = {"params": Mapping, "size": int, "bundled": bool}
_NOUNS: dict[type, str] = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    Mapping: "a table",
}


def read_entries(path: Path | None = None) -> dict[str, Entry]:
    """Read models.toml.

    Args:
        path: The file; the one that comes with photostyle when None.

    Returns:
        The entries by name, in the file's order.

    Raises:
        ModelError: The file is missing, is not TOML, or does not follow the schema.
    """
    path = _installed() if path is None else path
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"cannot read the list of models {path}: {error}") from error
    schema = tables.pop("schema", None)
    if schema != SCHEMA:
        raise ModelError(f"{path} has schema {schema}, this photostyle reads schema {SCHEMA}")
    return {name: _entry(name, table) for name, table in tables.items()}


def _installed() -> Path:
    """Return models.toml: in the package when installed, beside it in a source tree."""
    packaged = PACKAGE / "models.toml"
    return packaged if packaged.exists() else PACKAGE.parent / "models.toml"


def _entry(name: str, table: object) -> Entry:
    if not isinstance(table, dict):
        raise ModelError(f"models.toml: '{name}' must be a table")
    known = {field.name for field in fields(Entry)} - {"name"}
    unknown, missing = sorted(table.keys() - known), sorted(known - table.keys())
    if unknown:
        raise ModelError(f"models.toml: model '{name}': unknown {', '.join(unknown)}")
    if missing:
        raise ModelError(f"models.toml: model '{name}': missing {', '.join(missing)}")
    return Entry(name=name, **table)
