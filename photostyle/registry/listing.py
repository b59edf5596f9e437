"""The lists of models: photostyle's own, the user's, the project's, one given by hand."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import platformdirs

from photostyle.errors import ModelError
from photostyle.registry.entry import Entry
from photostyle.registry.weights import PACKAGE

SCHEMA = 1
"""The version of models.toml that this code reads."""

PROJECT_FILE = Path("photostyle.toml")
"""A file of the current folder whose section `[models]` adds models."""

TRAINED_SUFFIX = ".safetensors"
"""How a name that is the path of a trained filter ends."""


def user_file() -> Path:
    """Where a user's own models.toml is looked for."""
    return platformdirs.user_config_path("photostyle") / "models.toml"


def read_entries(models: Path | None = None) -> dict[str, Entry]:
    """Read every list of models there is.

    A later list adds to the ones before it, and replaces entries of the same name: models.toml of
    photostyle, the user's (`user_file`), section `[models]` of `./photostyle.toml`, `models`.

    Args:
        models: One more list, which must exist.

    Returns:
        The entries by name, in the lists' order.

    Raises:
        ModelError: A list is missing, is not TOML, or does not follow the schema.
    """
    entries = _read(_installed())
    if (mine := user_file()).is_file():
        entries |= _read(mine)
    if PROJECT_FILE.is_file():
        entries |= _read(PROJECT_FILE, section="models")
    if models is not None:
        entries |= _read(models)
    return entries


def find_entry(name: str, *, models: Path | None = None) -> Entry:
    """Find a model by its name, or by the path of a file that `photostyle train` made.

    Args:
        name: A name of `read_entries(models)`, or a path that ends in `.safetensors`.
        models: As in `read_entries`.

    Returns:
        The model.

    Raises:
        ModelError: There is none, the file is not a trained model, or a list cannot be read.
    """
    if name.endswith(TRAINED_SUFFIX):
        # Reading the file takes the safetensors package, which names do not need.
        from photostyle.registry.trained import read_trained

        return read_trained(Path(name))
    entries = read_entries(models)
    if name in entries:
        return entries[name]
    close = difflib.get_close_matches(name, entries, n=3)
    filters = [entry.name for entry in entries.values() if entry.kind in ("tone", "repair")]
    raise ModelError(
        f"there is no model '{name}'"
        + (f", did you mean {' or '.join(close)}?" if close else ";")
        + (f" filters are {', '.join(filters)}," if filters else "")
        + f" or the path of a {TRAINED_SUFFIX} file made by photostyle train"
    )


def _installed() -> Path:
    """Return models.toml: in the package when installed, beside it in a source tree."""
    packaged = PACKAGE / "models.toml"
    return packaged if packaged.exists() else PACKAGE.parent / "models.toml"


def _read(path: Path, section: str | None = None) -> dict[str, Entry]:
    """Read the models of a file, or of one of its sections."""
    try:
        tables: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"cannot read the list of models {path}: {error}") from error
    if section is not None:
        tables = tables.get(section, {})
        if not isinstance(tables, dict):
            raise ModelError(f"{path}: '{section}' must be a table")
    schema = tables.pop("schema", SCHEMA)
    if schema != SCHEMA:
        raise ModelError(f"{path} has schema {schema}, this photostyle reads schema {SCHEMA}")
    try:
        return {name: _entry(name, table, path.parent) for name, table in tables.items()}
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _entry(name: str, table: object, folder: Path) -> Entry:
    if not isinstance(table, dict):
        raise ModelError(f"model '{name}': it must be a table")
    values: dict[str, Any] = dict(table)
    if isinstance(path := values.get("path"), str):
        if "file" in values:
            raise ModelError(f"model '{name}': file and path exclude each other")
        values["path"] = folder / Path(path).expanduser()
        values["file"] = values["path"].name
    known = {field.name: field.default is MISSING for field in fields(Entry)}
    del known["name"]
    if unknown := sorted(values.keys() - known.keys()):
        raise ModelError(f"model '{name}': unknown {', '.join(unknown)}")
    if missing := sorted({key for key, required in known.items() if required} - values.keys()):
        raise ModelError(f"model '{name}': missing {', '.join(missing)}")
    return Entry(name=name, **values)
