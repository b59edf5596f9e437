"""Previews: figures of the objective's measure, and pictures in their places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from photostyle.training.preview import (
    COLOURS,
    GAP,
    PSNR,
    ROWS,
    Measure,
    Preview,
    preview,
    write_preview,
)

if TYPE_CHECKING:
    from pathlib import Path


class Brightness:
    """Judges how bright photos are, beside their targets."""

    measure = COLOURS

    def quality(self, photos: Tensor, inputs: Tensor, targets: Tensor) -> float:
        assert inputs.shape == targets.shape == photos.shape
        return float(photos.mean() - targets.mean())


class Halving:
    """Takes half of the brightness away."""

    objective = Brightness()

    def apply(self, photos: Tensor) -> Tensor:
        return photos / 2


def test_the_figures_are_those_of_the_inputs_and_of_the_results() -> None:
    examples = torch.full((2, 3, 8, 8), 0.8), torch.full((2, 3, 8, 8), 0.25)
    made = preview(examples, Halving())
    assert made.measure is COLOURS
    assert made.before == pytest.approx(0.55)
    assert made.after == pytest.approx(0.15)
    assert torch.equal(made.inputs, examples[0])
    assert torch.equal(made.results, examples[0] / 2)
    assert torch.equal(made.targets, examples[1])


@pytest.mark.parametrize(("measure", "more"), [(PSNR, True), (COLOURS, False)])
def test_what_is_better_depends_on_the_measure(measure: Measure, more: bool) -> None:
    assert measure.better(3, 2) is more
    assert measure.better(2, 3) is not more
    assert not measure.better(2, 2)


def test_the_picture_has_inputs_results_and_targets_beside_each_other(tmp_path: Path) -> None:
    examples = torch.full((9, 3, 16, 16), 0.8), torch.full((9, 3, 16, 16), 0.2)
    examples[0][1, 0] = 0  # one without red
    made = preview(examples, Halving())
    path = tmp_path / "previews" / "step.png"
    write_preview(made, path)
    write_preview(made, path)  # again, into the folder that is there
    with Image.open(path) as opened:
        picture = np.asarray(opened)
    tile = 16 + GAP
    assert picture.shape == (ROWS * tile + GAP, 3 * tile + GAP, 3)
    centres = picture[GAP + 8 :: tile, GAP + 8 :: tile]
    assert centres[0].tolist() == [[204] * 3, [102] * 3, [51] * 3]
    assert centres[1, 0].tolist() == [0, 204, 204]
    assert (picture[:GAP] == 255).all()
    assert (picture[:, -GAP:] == 255).all()


def test_values_out_of_range_are_clipped_in_pictures() -> None:
    photos = torch.stack([torch.full((3, 8, 8), -0.5), torch.full((3, 8, 8), 1.5)])
    picture = Preview(photos, photos, photos, PSNR, 0, 0).picture()
    assert picture[GAP + 4, GAP + 4].tolist() == [0, 0, 0]
    assert picture[2 * GAP + 12, GAP + 4].tolist() == [255, 255, 255]


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "previews").touch()
    photos = torch.rand(1, 3, 8, 8)
    with pytest.raises(OSError, match="exists"):
        write_preview(Preview(photos, photos, photos, PSNR, 0, 0), tmp_path / "previews" / "a.png")
