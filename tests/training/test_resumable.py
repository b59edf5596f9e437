"""Checkpoint and weights, each whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import safetensors.torch
import torch

from photostyle.errors import UsageError
from photostyle.training.resumable import checkpoint_of, save

if TYPE_CHECKING:
    from pathlib import Path


class Counting:
    """A training of one number."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps}

    def weights(self) -> dict[str, torch.Tensor]:
        if self.steps < 0:
            raise ValueError("no weights yet")
        return {"steps": torch.tensor([self.steps])}


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    out = tmp_path / "a.safetensors"
    checkpoint = checkpoint_of(out, resume=False)
    for steps in (1, 2):
        save(Counting(steps), out, checkpoint)
    assert checkpoint_of(out, resume=True) == checkpoint
    assert torch.load(checkpoint, weights_only=True) == {"steps": 2}
    assert safetensors.torch.load_file(out)["steps"].item() == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.checkpoint", "a.safetensors"]


def test_nothing_is_written_where_there_are_no_weights(tmp_path: Path) -> None:
    out = tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match="no weights yet"):
        save(Counting(-1), out, checkpoint_of(out, resume=False))
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_neither_lost_nor_made_up(tmp_path: Path) -> None:
    out = tmp_path / "a.safetensors"
    with pytest.raises(UsageError, match=r"no checkpoint .*a\.checkpoint to resume from"):
        checkpoint_of(out, resume=True)
    (tmp_path / "a.checkpoint").touch()
    with pytest.raises(UsageError, match="use --resume to continue, or remove it"):
        checkpoint_of(out, resume=False)
