"""How far a filter has come: figures and pictures of examples that stay the same."""

from __future__ import annotations

import math
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


class Repairer(Protocol):
    """Whatever repairs degraded examples."""

    def repair(self, photos: Tensor) -> Tensor:
        """Repair `B 3 H W` in `[0, 1]`."""
        ...


@dataclass(frozen=True, slots=True)
class Preview:
    """Examples before and after repair, and what they should be; `B 3 S S` in `[0, 1]` each."""

    degraded: Tensor
    repaired: Tensor
    clean: Tensor

    @property
    def psnr_degraded(self) -> float:
        """Mean PSNR of what goes in, in dB, over the examples that are degraded at all."""
        return _mean_psnr(self.degraded, self)

    @property
    def psnr_repaired(self) -> float:
        """Mean PSNR of what comes out, in dB, over the same examples."""
        return _mean_psnr(self.repaired, self)

    def picture(self) -> NDArray[np.uint8]:
        """Draw rows of degraded, repaired and clean, `H W 3`."""
        columns = (self.degraded[:ROWS], self.repaired[:ROWS], self.clean[:ROWS])
        tiles = torch.stack(columns, dim=1)
        framed = torch.nn.functional.pad(tiles, (GAP, 0, GAP, 0), value=1)
        # rows, columns, channels, height, width
        joined = framed.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
        closed = np.pad(joined.numpy(), ((0, GAP), (0, GAP), (0, 0)), constant_values=1)
        return (255 * closed.clip(0, 1) + 0.5).astype(np.uint8)


def preview(examples: tuple[Tensor, Tensor], repairer: Repairer) -> Preview:
    """Repair examples.

    Args:
        examples: Degraded and clean ones, `B 3 S S` in `[0, 1]`.
        repairer: What repairs them.
    """
    degraded, clean = examples
    return Preview(degraded.cpu(), repairer.repair(degraded), clean.cpu())


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


def _mean_psnr(photos: Tensor, made: Preview) -> float:
    """A clean example would have an infinite PSNR, so those are left out."""
    touched = (made.degraded != made.clean).flatten(1).any(dim=1)
    if not touched.any():
        return math.inf
    errors = (photos - made.clean)[touched].double().square().mean(dim=(1, 2, 3))
    return float((-10 * errors.clamp(min=1e-10).log10()).mean())
