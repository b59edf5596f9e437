"""The Hugging Face hub: files of pinned commits, in the cache that all its clients share."""

from __future__ import annotations

import errno
import logging
import os
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from photostyle.errors import ModelError
from photostyle.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photostyle.progress import ProgressCallback
    from photostyle.registry.entry import Entry

PAUSES = (1.0, 3.0)
"""Seconds before a download that broke down is tried again. The client itself repeats questions
about files, and goes on with a body that broke off, but gives up when a body is refused."""

HTTP_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]
"""Errors of the HTTP library, whichever one this version of the client is built on."""


def cached(entry: Entry) -> Path | None:
    """Find a file in the cache.

    Args:
        entry: A model on the hub.

    Returns:
        The file, or None if it was not downloaded.
    """
    assert entry.repo_id is not None  # noqa: S101 - for the type checker; callers see to it
    found = try_to_load_from_cache(
        entry.repo_id, entry.file, revision=entry.revision, repo_type=entry.repo_type
    )
    return Path(found) if isinstance(found, str) else None


def download(entry: Entry, *, offline: bool, progress: ProgressCallback) -> Path:
    """Download a file into the cache.

    Args:
        entry: A model on the hub.
        offline: Refuse to, as `HF_HUB_OFFLINE=1` does.
        progress: Is told of the bytes, in a stage `download NAME`.

    Returns:
        The file, unchecked.

    Raises:
        ModelError: It cannot be downloaded; the message says why.
    """
    if offline or constants.is_offline_mode():
        raise ModelError(
            f"model '{entry.name}' is not downloaded, and the network is not to be used: "
            f"run photostyle models download {entry.name} once with a network"
        )
    assert entry.repo_id is not None  # noqa: S101
    # The hub is asked first, which may take a while.
    progress(Progress(f"download {entry.name}", 0, entry.size or 1))
    for pause in (*PAUSES, None):
        try:
            with plain_client():
                return Path(
                    hf_hub_download(
                        entry.repo_id,
                        entry.file,
                        revision=entry.revision,
                        repo_type=entry.repo_type,
                        tqdm_class=cast("Any", _reporter(entry, progress)),
                    )
                )
        except (OSError, HTTP_ERROR, UserWarning) as error:
            if pause is None or not may_pass(error):
                raise ModelError(_explain(entry, error)) from error
            time.sleep(pause)
    raise AssertionError("the last round returns or raises")


def may_pass(error: Exception) -> bool:
    """Whether a body was refused or broke off for a reason that may soon be gone."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= 500
    # Answers to the first question have been waited for by the client already.
    return isinstance(error, HTTP_ERROR) and not isinstance(error, LocalEntryNotFoundError)


def _explain(entry: Entry, error: Exception) -> str:
    """Say in a line why there is no file, and what to do."""
    repository = f"https://huggingface.co/{_PREFIXES[entry.repo_type]}{entry.repo_id}"
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, HfHubHTTPError):
        error = error.__cause__
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, GatedRepoError):
        reason = f"it is gated; accept the licence at {repository} and set HF_TOKEN"
    elif isinstance(error, RevisionNotFoundError):
        reason = f"{entry.repo_id} has no revision {entry.revision}"
    elif isinstance(error, LocalEntryNotFoundError):
        # The client's own words for "the hub did not answer as it should"; the cause says how.
        reason = reason_of(error.__cause__)
    elif isinstance(error, EntryNotFoundError):
        reason = f"{entry.repo_id} has no file {entry.file} at revision {entry.revision}"
    elif isinstance(error, RepositoryNotFoundError) and status == 404:
        reason = f"{constants.ENDPOINT} has no {entry.repo_id}; if it is private, set HF_TOKEN"
    elif status in (401, 403):
        reason = (
            f"the hub refuses access (HTTP {status}); if {repository} asks for it, accept its "
            "licence, and set HF_TOKEN"
        )
    elif isinstance(error, UserWarning) or (
        isinstance(error, OSError) and error.errno == errno.ENOSPC
    ):
        reason = f"there is no room in {constants.HF_HUB_CACHE}; free some, or set HF_HOME"
    elif isinstance(error, OSError) and error.strerror:
        reason = f"{error.filename or constants.HF_HUB_CACHE}: {error.strerror}"
    else:
        reason = reason_of(error)
    return f"cannot download model '{entry.name}': {reason}"


def reason_of(error: BaseException | None) -> str:
    """Say what became of a request, in the words of users rather than of the HTTP library."""
    place = constants.ENDPOINT
    if isinstance(error, HfHubHTTPError):
        return f"{place} answers HTTP {error.response.status_code}; try again later"
    name = type(error).__name__
    if "Timeout" in name:
        return f"{place} does not answer in time; try again later"
    if "Connect" in name:
        return f"cannot reach {place} ({error}); check the network, or HF_ENDPOINT"
    return f"{' '.join(str(error).split())} ({place})"


_PREFIXES = {"model": "", "dataset": "datasets/", "space": "spaces/"}


@contextmanager
def plain_client() -> Iterator[None]:
    """Let the client say nothing on stderr, refuse to fill a disk rather than warn, tell nobody.

    Its telemetry would send the version of PyTorch and, from a list it fetches for that, the name
    of the program that started this one.
    """
    logger = logging.getLogger("huggingface_hub")
    before = logger.level, constants.HF_HUB_DISABLE_TELEMETRY
    constants.HF_HUB_DISABLE_TELEMETRY = True
    if "HF_HUB_VERBOSITY" not in os.environ:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Not enough free disk space")
            yield
    finally:
        logger.setLevel(before[0])
        constants.HF_HUB_DISABLE_TELEMETRY = before[1]


def _reporter(entry: Entry, progress: ProgressCallback) -> type:
    """Make what the client takes for a progress bar: a class whose objects pass bytes on."""

    class Reporter:
        def __init__(self, *_: object, total: int | None = None, initial: int = 0, **__: object):
            self.total = total or entry.size
            self.n = initial
            self.format_dict: dict[str, object] = {}

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def update(self, count: float | None = 1) -> None:
            self.n += int(count or 0)
            progress(Progress(f"download {entry.name}", self.n, max(self.total or 0, self.n, 1)))

        def update_transfer(self, count: float | None = 1) -> None:
            """Ignore how much went over the wire; that there is this keeps it to one bar."""

        def close(self) -> None:
            """Nothing is left on the screen."""

        def refresh(self, *_: object, **__: object) -> None:
            """Nothing is on the screen."""

        def set_postfix_str(self, *_: object, **__: object) -> None:
            """Leave speeds to whoever shows the progress."""

    return Reporter
