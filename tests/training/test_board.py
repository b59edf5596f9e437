"""TensorBoard: logs that it can read, and a line of advice where it is missing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import torch

from photostyle.training.board import ADVICE, Board
from photostyle.training.preview import COLOURS, PSNR, Measure, Preview

if TYPE_CHECKING:
    from pathlib import Path


def made(measure: Measure = PSNR) -> Preview:
    targets = torch.rand(2, 3, 16, 16)
    return Preview(targets + 0.1, targets + 0.01, targets, measure, 20.0, 40.0)


def test_curves_and_pictures_are_logged(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = Board(tmp_path / "f.runs", 0, pytest.fail)
    board.add_losses(50, {"reconstruction": 0.25})
    board.add_preview(50, made())
    board.add_preview(70, made(COLOURS))
    board.close()
    log = events.EventAccumulator(str(tmp_path / "f.runs")).Reload()
    (loss,) = log.Scalars("loss/reconstruction")
    assert (loss.step, loss.value) == (50, 0.25)
    assert [log.Scalars(f"PSNR/{side}")[0].value for side in ("before", "after")] == [20, 40]
    (distance,) = log.Scalars("distance-of-colours/after")  # tags have no blanks
    assert (distance.step, distance.value) == (70, 40)
    assert [image.step for image in log.Images("preview")] == [50, 70]


def test_without_tensorboard_it_says_once_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    told: list[str] = []
    board = Board(tmp_path / "f.runs", 0, told.append)
    board.add_losses(50, {"reconstruction": 0.25})
    board.add_preview(50, made())
    board.close()
    assert told == [ADVICE]
    assert not (tmp_path / "f.runs").exists()
