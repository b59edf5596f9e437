"""Publishing on the Hugging Face hub: files become one commit of a repository."""

from __future__ import annotations

import json
import shlex
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils.tqdm import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from photostyle.errors import ModelError, UsageError
from photostyle.progress import Progress, silent
from photostyle.registry import hub
from photostyle.registry.entry import REPOSITORY
from photostyle.registry.hub import HTTP_ERROR, may_pass, plain_client, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from photostyle.progress import ProgressCallback


@dataclass(frozen=True, slots=True)
class Published:
    """A commit on the hub."""

    repo_id: str
    """Its repository, `owner/name`."""

    revision: str
    """The commit, 40 hexadecimal digits."""

    url: str
    """Its page."""


def check_repo_id(repo_id: str) -> None:
    """See that the hub allows a name of a repository; the network is not asked.

    Args:
        repo_id: Should be `owner/name`.

    Raises:
        UsageError: It is not.
    """
    if not REPOSITORY.fullmatch(repo_id):
        raise UsageError(
            f"'{repo_id}' cannot be a repository: it is OWNER/NAME, of letters, digits, -, _ and ."
        )


def check_access(repo_id: str) -> None:
    """See that there are a network and a token to publish with, before much work is done.

    Only the settings are looked at: that the hub accepts the token is seen when it is asked.

    Args:
        repo_id: The repository, `owner/name`.

    Raises:
        ModelError: The network is not to be used, or there is no token.
    """
    if reason := _obstacle():
        raise ModelError(f"cannot publish {repo_id}: {reason}")


def publish(
    repo_id: str,
    files: Mapping[str, Path],
    *,
    private: bool,
    message: str,
    progress: ProgressCallback = silent,
) -> Published:
    """Upload files in one commit, into a repository that is made where it is missing.

    Files that the repository has already, unchanged, are not uploaded again. The files on disk are
    only read. `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` are respected.

    Args:
        repo_id: The repository of a model, `owner/name`.
        files: By their names in the repository.
        private: Make a new repository private. One that exists stays as visible as it is.
        message: Says what the commit is, in a line.
        progress: Is told when the repository is there, and when the commit is.

    Returns:
        The commit; the last one, if there was nothing new.

    Raises:
        UsageError: `repo_id` is not `owner/name`.
        ModelError: A file is missing, the network is not to be used, there is no token, or the hub
            refuses or fails. The message says why, and how to upload the files by hand.
    """
    check_repo_id(repo_id)
    for path in files.values():
        if not path.is_file():
            raise ModelError(f"cannot publish {repo_id}: there is no file '{path}'")
    if reason := _obstacle():
        raise _failure(repo_id, files, private, reason)
    for pause in (*hub.PAUSES, None):
        try:
            with _silent_client():
                return _upload(repo_id, files, private, message, progress)
        # The client also has RuntimeError for a body that failed, ValueError and KeyError for an
        # answer it does not understand.
        except (OSError, HTTP_ERROR, RuntimeError, ValueError, KeyError) as error:
            cause = error.__cause__ if isinstance(error, RuntimeError) else None
            told = cause if isinstance(cause, Exception) else error
            # What was committed is not committed again: the client compares before it uploads.
            if pause is None or not may_pass(told):
                raise _failure(repo_id, files, private, _explain(repo_id, told)) from error
            time.sleep(pause)
    raise AssertionError("the last round returns or raises")


def _upload(
    repo_id: str,
    files: Mapping[str, Path],
    private: bool,
    message: str,
    progress: ProgressCallback,
) -> Published:
    stage = f"publish {repo_id}"
    progress(Progress(stage, 0, 2))
    api = HfApi(token=get_token())
    # An organisation may have its own rule for new repositories, so "not private" asks for nothing.
    api.create_repo(repo_id, private=private or None, exist_ok=True)
    progress(Progress(stage, 1, 2))
    commit = api.create_commit(
        repo_id,
        [CommitOperationAdd(name, path) for name, path in files.items()],
        commit_message=message,
    )
    progress(Progress(stage, 2, 2))
    return Published(repo_id, commit.oid, str(commit.commit_url))


def _obstacle() -> str | None:
    """What stands against publishing, as far as the settings tell."""
    if constants.is_offline_mode():
        return "the network is not to be used; unset HF_HUB_OFFLINE"
    if get_token() is None:
        return "there is no token; run hf auth login, or set HF_TOKEN"
    return None


def _failure(repo_id: str, files: Mapping[str, Path], private: bool, reason: str) -> ModelError:
    visibility = ["--private"] if private else []
    commands = [
        shlex.join(["hf", "upload", *visibility, repo_id, str(path), name])
        for name, path in files.items()
    ]
    return ModelError(
        f"cannot publish {repo_id}: {reason}; the files on disk are unchanged, to upload them "
        f"later: {' && '.join(commands)}"
    )


def _explain(repo_id: str, error: Exception) -> str:
    """Say in a few words why nothing was published, and what to do."""
    place = constants.ENDPOINT
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status == 401:
            return f"{place} refuses the token (HTTP 401); run hf auth login, or set HF_TOKEN"
        if status == 403:
            return (
                f"the token may not write to {repo_id} (HTTP 403); run hf auth login with one that "
                "may, or set HF_TOKEN"
            )
        if status < 500:
            words = " ".join((error.server_message or "").split())
            return f"{place} answers HTTP {status}{f', {words}' if words else ''}"
    elif isinstance(error, (json.JSONDecodeError, KeyError)):
        return f"{place} does not answer as a hub does; try again later, or check HF_ENDPOINT"
    elif isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return reason_of(error)


@contextmanager
def _silent_client() -> Iterator[None]:
    """Let the client draw no bars and warn of nothing, beside what `hub` has it leave out."""
    hidden = are_progress_bars_disabled()
    with plain_client(), warnings.catch_warnings():
        # Such as remarks on the metadata of a card.
        warnings.simplefilter("ignore")
        disable_progress_bars()
        try:
            yield
        finally:
            if not hidden:
                enable_progress_bars()
