"""Checkpoints: the whole state of a run in a file, and whether it belongs to a run."""

from __future__ import annotations

import io
import pickle
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from photostyle.errors import TrainingError, UsageError
from photostyle.image.atomic import write_atomically
from photostyle.training.config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 2
"""Version of the file's layout."""

FIXED = (
    "family", "degrade", "render", "paired", "size", "batch", "seed", "hold_out", "adversarial",
    "amp", "imitate", "only_norm",
)  # fmt: skip
"""Settings that a resumed run must share with its checkpoint."""

TAKEN = ("first_cycle", "rate", "init")
"""Settings that a resumed run takes from its checkpoint: more steps must not bend the curve that
the learning rate is already on, and the weights at the start were read then."""


def save_checkpoint(
    path: Path,
    state: dict[str, Any],
    config: TrainConfig,
    fingerprint: str,
    params: Mapping[str, Any],
    best: float | None = None,
) -> None:
    """Write a checkpoint, whole or not at all: the one before stays until then.

    Args:
        path: The file; an older one is replaced.
        state: What the trainer's `state` returned: tensors and numbers in dicts and lists.
        config: The settings of the run.
        fingerprint: That of its photos.
        params: What the generator is built with.
        best: Figure of the best preview so far, if there was one.

    Raises:
        TrainingError: The file cannot be written.
    """
    content = {
        "format": FORMAT,
        "settings": asdict(config) | {"degrade": list(config.degrade)},
        "fingerprint": fingerprint,
        "params": dict(params),
        "best": best,
        "state": state,
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    try:
        write_atomically(path, buffer.getvalue(), overwrite=True)
    except OSError as error:
        kept = ": the one before is kept, --resume continues from it" if path.exists() else ""
        raise TrainingError(
            f"cannot write the checkpoint '{path}': {error.strerror or error}{kept}"
        ) from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint. Nothing but tensors and numbers is unpickled.

    Args:
        path: The file.

    Returns:
        What `save_checkpoint` wrote.

    Raises:
        TrainingError: The file cannot be read, is damaged or not a checkpoint.
    """
    damaged = TrainingError(f"'{path}' is damaged or not a checkpoint of photostyle train")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        reason = error.strerror or error
        raise TrainingError(f"cannot read the checkpoint '{path}': {reason}") from error
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise damaged from error
    if not isinstance(content, dict) or {"settings", "fingerprint", "state"} - content.keys():
        raise damaged
    if content.get("format") != FORMAT:
        raise TrainingError(
            f"'{path}' has format {content.get('format')}, this photostyle reads format {FORMAT}"
        )
    result: dict[str, Any] = content
    return result


def check_settings(path: Path, settings: dict[str, Any], config: TrainConfig) -> None:
    """See that a checkpoint belongs to a run with the same settings.

    Args:
        path: The checkpoint's file, for the message.
        settings: Those of the checkpoint.
        config: Those of the run that would be resumed.

    Raises:
        UsageError: They differ in more than the number of steps.
    """
    # Steps say when a phase begins, where there is more than one.
    phases = config.adversarial > 0 or config.is_look
    names = (*FIXED, "adversarial_from", "steps") if phases else FIXED
    wanted = asdict(config) | {"degrade": list(config.degrade)}
    for name in names:
        # A setting that is newer than the checkpoint was at its default.
        if settings.get(name, getattr(TrainConfig, name)) != wanted[name]:
            had, has = (_words(values.get(name)) for values in (settings, wanted))
            raise UsageError(
                f"'{path}' was made with {name.replace('_', '-')} {had}, not {has}: give the same "
                "settings to resume it, or another name to start anew"
            )


def _words(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)
