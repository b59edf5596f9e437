"""How far a filter has come: figures and pictures of examples that stay the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from photostyle.image.atomic import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ROWS = 6
"""Examples in a preview picture; the figures come from all."""

GAP = 4
"""White pixels around each."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What tells how good results are."""

    name: str
    """As it is said to users."""

    unit: str

    more_is_better: bool

    def better(self, one: float, other: float) -> bool:
        """Whether the first is better than the second."""
        return one > other if self.more_is_better else one < other


PSNR = Measure("PSNR", "dB", more_is_better=True)
COLOURS = Measure("distance of colours", "Lab units", more_is_better=False)


class Learner(Protocol):
    """Whatever is learning."""

    @property
    def objective(self) -> Judge:
        """What judges it."""
        ...

    def apply(self, photos: Tensor) -> Tensor:
        """Apply what is learned so far to `B 3 S S` in `[0, 1]`."""
        ...


class Judge(Protocol):
    """Whatever tells how good results are."""

    @property
    def measure(self) -> Measure:
        """What `quality` measures."""
        ...

    def quality(self, photos: Tensor, inputs: Tensor, targets: Tensor) -> float:
        """How good photos are; `B 3 S S` in `[0, 1]` each."""
        ...


@dataclass(frozen=True, slots=True)
class Preview:
    """Examples before and after, and what they are compared with; `B 3 S S` in `[0, 1]` each."""

    inputs: Tensor
    results: Tensor
    targets: Tensor

    measure: Measure
    """What the figures measure."""

    before: float
    """The inputs' figure."""

    after: float
    """The results' figure."""

    def picture(self) -> NDArray[np.uint8]:
        """Draw rows of inputs, results and targets, `H W 3`."""
        columns = (self.inputs[:ROWS], self.results[:ROWS], self.targets[:ROWS])
        tiles = torch.stack(columns, dim=1)
        framed = torch.nn.functional.pad(tiles, (GAP, 0, GAP, 0), value=1)
        # rows, columns, channels, height, width
        joined = framed.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
        closed = np.pad(joined.numpy(), ((0, GAP), (0, GAP), (0, 0)), constant_values=1)
        return (255 * closed.clip(0, 1) + 0.5).astype(np.uint8)


def preview(examples: tuple[Tensor, Tensor], learner: Learner) -> Preview:
    """Apply what is learned so far to examples.

    Args:
        examples: Inputs and targets, `B 3 S S` in `[0, 1]`, on the CPU.
        learner: What has learned.
    """
    inputs, targets = examples
    results, judge = learner.apply(inputs), learner.objective
    before, after = (judge.quality(side, inputs, targets) for side in (inputs, results))
    return Preview(inputs, results, targets, judge.measure, before, after)


def write_preview(made: Preview, path: Path) -> None:
    """Write the picture of a preview as PNG.

    Args:
        made: The preview.
        path: The file; its folder is made where it is missing.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(exist_ok=True)
    data = cv2.imencode(".png", made.picture()[..., ::-1])[1]
    write_atomically(path, data.tobytes(), overwrite=True)
