"""Weights files that are exactly the ones listed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from photostyle.errors import ModelError
from photostyle.progress import silent

if TYPE_CHECKING:
    from photostyle.progress import ProgressCallback
    from photostyle.registry.entry import Entry

PACKAGE = Path(__file__).resolve().parents[1]

BUNDLED = PACKAGE / "weights"
"""The folder of the weights that come with the package."""


def local_weights(entry: Entry) -> Path | None:
    """Where a model's weights file lies on this machine; the network is not asked.

    Args:
        entry: The model.

    Returns:
        The file, or None if it is on the hub and was not downloaded. Bundled files and the user's
        own are given as they are listed, present or not.
    """
    if entry.bundled:
        return BUNDLED / entry.file
    if entry.path is not None:
        return entry.path
    # The hub's client takes a while to import, so it is only for models that are on the hub.
    from photostyle.registry import hub

    return hub.cached(entry)


def weights_file(
    entry: Entry, *, offline: bool = False, progress: ProgressCallback | None = None
) -> Path:
    """Find a model's weights file, and download it if it is not there.

    What was downloaded is checked. A file that was there already is not: whoever reads it does
    that, see `verified_weights`.

    Args:
        entry: The model.
        offline: Never use the network. `HF_HUB_OFFLINE=1` does the same.
        progress: Is told of the bytes downloaded.

    Returns:
        The file.

    Raises:
        ModelError: The file is not there and cannot be downloaded, or is not the listed one.
    """
    path = local_weights(entry)
    if path is None:
        from photostyle.registry import hub

        path = hub.download(entry, offline=offline, progress=progress or silent)
        check_weights(entry, path)
    return path


def check_weights(entry: Entry, path: Path) -> None:
    """See that a file on disk is the listed one, without holding it in memory.

    Args:
        entry: The model.
        path: The file.

    Raises:
        ModelError: The file is missing, or differs in size or sha256.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        raise _unreadable(entry, path, error) from error
    _compare(entry, path, size, digest)


def verified_weights(
    entry: Entry, *, offline: bool = False, progress: ProgressCallback | None = None
) -> bytes:
    """Read a model's weights file and check that it is the listed one.

    The check has no off switch, and what was checked is what is returned: nothing can change the
    file in between.

    Args:
        entry: The model.
        offline: As in `weights_file`.
        progress: As in `weights_file`.

    Returns:
        The file's content.

    Raises:
        ModelError: The file is missing and cannot be downloaded, or differs in size or sha256.
    """
    path = weights_file(entry, offline=offline, progress=progress)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(entry, path, error) from error
    _compare(entry, path, len(content), hashlib.sha256(content).hexdigest())
    return content


def _compare(entry: Entry, path: Path, size: int, digest: str) -> None:
    if entry.size is not None and size != entry.size:
        found, listed = f"{size} bytes", f"{entry.size}"
    elif entry.sha256 is not None and digest != entry.sha256:
        found, listed = f"sha256 {digest}", entry.sha256
    else:
        return
    raise ModelError(
        f"{path} has {found}, model '{entry.name}' has {listed}; {_remedy(entry, path)}"
    )


def _unreadable(entry: Entry, path: Path, error: OSError) -> ModelError:
    return ModelError(
        f"cannot read the weights of model '{entry.name}', {path}: {error.strerror}; "
        f"{_remedy(entry, path)}"
    )


def _remedy(entry: Entry, path: Path) -> str:
    match entry.origin:
        case "bundled":
            return "reinstall photostyle"
        case "file":
            return "correct the file or its entry"
        case "hub":
            # The hub's cache holds links to the files; only removing the file itself helps.
            return f"remove {path.resolve()} and run photostyle models download {entry.name}"
