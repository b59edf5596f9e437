"""Weights files that tell what they are: models of `photostyle train`, looks of `transfer`."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from photostyle.errors import ModelError
from photostyle.registry.entry import Entry

if TYPE_CHECKING:
    from pathlib import Path

METADATA_KEY = "photostyle"
"""Where the description lies in the file's metadata, as JSON."""

REQUIRED = ("name", "kind", "architecture", "params", "license", "trained_on")
"""What the description must hold; `recipe` and `snapshots` may be missing."""

_FOREIGN = "is not a model that photostyle train made, nor a look that transfer saved"


def read_trained(path: Path) -> Entry:
    """Describe a weights file by what its metadata say.

    Args:
        path: The `.safetensors` file.

    Returns:
        An entry whose weights are this file. It has no digest: the file is its own origin.

    Raises:
        ModelError: The file is missing, or is neither a model nor a look that photostyle made.
    """
    try:
        with safe_open(path, framework="np") as file:
            metadata: dict[str, str] = file.metadata() or {}
        description: Any = json.loads(metadata[METADATA_KEY])
    except OSError as error:
        # safetensors' own say only what is wrong, not which kind of error it is.
        reason = error.strerror or ("it is not there" if not path.exists() else str(error))
        raise ModelError(f"cannot read the model {path}: {reason}") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path} {_FOREIGN}") from error
    if not isinstance(description, dict):
        raise ModelError(f"{path} {_FOREIGN}")
    if missing := [key for key in REQUIRED if key not in description]:
        raise ModelError(f"{path}: its description lacks {', '.join(missing)}")
    # A newer photostyle may write more than this one reads.
    known = {field.name for field in fields(Entry)} & {*REQUIRED, "recipe", "snapshots"}
    values = {key: value for key, value in description.items() if key in known}
    try:
        return Entry(**values, file=path.name, path=path)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
