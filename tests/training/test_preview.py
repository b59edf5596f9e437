"""Previews: PSNR by its definition, and pictures in their places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from photostyle.training.preview import GAP, ROWS, Preview, preview, write_preview

if TYPE_CHECKING:
    from pathlib import Path


class Halving:
    """Takes half of the brightness away."""

    def repair(self, photos: Tensor) -> Tensor:
        return photos / 2


def test_psnr_is_that_of_the_degraded_examples() -> None:
    clean = torch.full((3, 3, 8, 8), 0.5)
    degraded = clean.clone()
    degraded[0] += 0.1  # 20 dB
    degraded[1] += 0.01  # 40 dB
    repaired = clean + 0.001  # 60 dB
    made = Preview(degraded, repaired, clean)
    assert made.psnr_degraded == pytest.approx(30, abs=0.01)
    assert made.psnr_repaired == pytest.approx(60, abs=0.01)


def test_examples_without_degradation_have_no_psnr() -> None:
    clean = torch.zeros(2, 3, 8, 8)
    assert Preview(clean, clean, clean).psnr_degraded == math.inf


def test_the_picture_has_degraded_repaired_and_clean_beside_each_other(tmp_path: Path) -> None:
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
