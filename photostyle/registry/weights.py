"""Weights files that are exactly the ones listed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from photostyle.errors import ModelError
from photostyle.registry.entry import PACKAGE, Entry

if TYPE_CHECKING:
    from pathlib import Path

BUNDLED = PACKAGE / "weights"
"""The folder of the weights that come with the package."""


def verified_weights(entry: Entry, folder: Path = BUNDLED) -> bytes:
    """Read a model's weights file and check that it is the listed one.

    The check has no off switch, and what was checked is what is returned: nothing can change the
    file in between.

    Args:
        entry: The model.
        folder: Where the file is.

    Returns:
        The file's content.

    Raises:
        ModelError: The file is missing, or differs in size or sha256.
    """
    path = folder / entry.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot read the weights of model '{entry.name}', {path}: {error.strerror}; "
            "reinstall photostyle"
        ) from error
    if len(content) != entry.size:
        raise ModelError(
            f"{path} has {len(content)} bytes, model '{entry.name}' has {entry.size}; "
            "reinstall photostyle"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry.sha256:
        raise ModelError(
            f"{path} has sha256 {digest}, model '{entry.name}' has {entry.sha256}; "
            "reinstall photostyle"
        )
    return content
