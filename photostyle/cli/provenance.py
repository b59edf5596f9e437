"""What is noted about how a result was made."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from photostyle import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from photostyle.image.metadata import Made

_DIGITS = 12


def made_by(command: str, names: Sequence[str] = (), *, models: Path | None = None) -> Made:
    """The note on a run of photostyle that begins now.

    Args:
        command: What is done, as on the command line.
        names: Models that are used, each in the list of models or a file made by training.
        models: A further list of models.

    Raises:
        ModelError: A model is unknown.
    """
    from photostyle.image.metadata import Made
    from photostyle.registry import find_entry, local_weights

    versions = []
    for name in names:
        entry = find_entry(name, models=models)
        digest = entry.sha256
        if digest is None and (path := local_weights(entry)) is not None:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        versions.append(f"{entry.name}@{digest[:_DIGITS]}" if digest else entry.name)
    return Made(
        software=f"photostyle {__version__}",
        command=command,
        when=datetime.now().astimezone().replace(microsecond=0),
        models=tuple(versions),
    )
