"""Checkpoint and weights of a training that can be stopped at any time and resumed exactly."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Protocol

import safetensors.torch
import torch

from photostyle.errors import UsageError
from photostyle.image.atomic import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


class Resumable(Protocol):
    """A training that knows its own state."""

    def state(self) -> dict[str, Any]:
        """All that resuming needs: tensors and numbers in dicts and lists."""

    def weights(self) -> dict[str, Tensor]:
        """What the training is for."""


def checkpoint_of(out: Path, *, resume: bool) -> Path:
    """Name the checkpoint of a training, and see that it is there or is not.

    Args:
        out: The weights, beside which it lies.
        resume: The training continues from it.

    Returns:
        The file.

    Raises:
        UsageError: There is no checkpoint to resume from, or there is one that would be lost.
    """
    checkpoint = out.with_suffix(".checkpoint")
    if resume and not checkpoint.exists():
        raise UsageError(f"there is no checkpoint {checkpoint} to resume from")
    if checkpoint.exists() and not resume:
        raise UsageError(f"{checkpoint} exists: use --resume to continue, or remove it")
    return checkpoint


def save(training: Resumable, out: Path, checkpoint: Path) -> None:
    """Write the checkpoint and the weights, each whole or not at all.

    Args:
        training: Whose.
        out: The weights.
        checkpoint: The state.
    """
    buffer = io.BytesIO()
    torch.save(training.state(), buffer)
    contents = {checkpoint: buffer.getvalue(), out: safetensors.torch.save(training.weights())}
    for path, content in contents.items():
        write_atomically(path, content, overwrite=True)
