"""Applying tone filters: a bilateral grid predicted from a thumbnail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from photostyle.affine import apply_grid_cpu, slice_apply
from photostyle.errors import PhotostyleError
from photostyle.image import as_floats, clip_like, quantise
from photostyle.networks.tone import THUMBNAIL
from photostyle.progress import Progress, ProgressCallback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from photostyle.filters.config import FilterConfig
    from photostyle.image import Photo

_BLOCK_PIXELS = 1 << 22


class ToneFilter:
    """Networks, the mean of whose grids is the filter's; so the mean of their results is too."""

    def __init__(
        self,
        name: str,
        networks: Sequence[nn.Module],
        config: FilterConfig,
        shares: Sequence[float] | None = None,
    ) -> None:
        """Put the networks on the device.

        Args:
            name: What users call the filter.
            networks: One or more snapshots, from thumbnails to grids.
            config: The settings; `device` is one that exists.
            shares: Weight of each network in the mean, 1 in all; by default they are equal.
        """
        self.name = name
        self._device = torch.device(config.device)
        self._shares = None if shares is None else torch.tensor(shares, device=self._device)
        self._networks = [network.to(self._device).eval() for network in networks]
        self._strength = config.strength

    def apply(
        self,
        photo: Photo,
        out: NDArray[np.uint8 | np.uint16 | np.float32],
        progress: ProgressCallback,
    ) -> None:
        """Filter a photo.

        Args:
            photo: The photo.
            out: `H W 3`, filled with the result.
            progress: Told of the beginning and the end.

        Raises:
            PhotostyleError: The networks give values that are no numbers.
        """
        progress(Progress(self.name, 0, 1))
        grid = self._grid(photo)
        if not torch.isfinite(grid).all():
            raise PhotostyleError(f"filter {self.name} gives values that are no numbers")
        if self._device.type == "cpu":
            apply_grid_cpu(photo.pixels, grid.numpy(), out)
        else:
            self._apply_on_device(photo, grid, out)
        progress(Progress(self.name, 1, 1))

    @torch.inference_mode()
    def _grid(self, photo: Photo) -> Tensor:
        """The grid for a photo, `Gy Gx Gz 3 4`, faded towards the identity by the strength."""
        thumbnail = torch.from_numpy(squashed(photo)).permute(2, 0, 1)[None].to(self._device)
        grids = _of_one_size([network(thumbnail)[0] for network in self._networks])
        if self._shares is None:
            grid = grids.mean(dim=0)
        else:
            grid = torch.tensordot(self._shares, grids, 1)
        return torch.lerp(torch.eye(3, 4).to(grid), grid, self._strength)

    @torch.inference_mode()
    def _apply_on_device(
        self, photo: Photo, grid: Tensor, out: NDArray[np.uint8 | np.uint16 | np.float32]
    ) -> None:
        rows = max(1, _BLOCK_PIXELS // photo.width)
        for first in range(0, photo.height, rows):
            block = torch.from_numpy(photo.floats(slice(first, first + rows))).to(self._device)
            whole = torch.ones_like(block[..., :1])
            mapped = slice_apply(block, whole, grid[None], first=first, height=photo.height)
            quantise(
                clip_like(mapped.cpu().numpy(), block.cpu().numpy()), out[first : first + rows]
            )


def _of_one_size(grids: Sequence[Tensor]) -> Tensor:
    """Stack grids, `Gy Gx Gz 3 4` each; smaller ones are interpolated as photos would do it."""
    largest = tuple(max(sides) for sides in zip(*(grid.shape[:3] for grid in grids), strict=True))
    return torch.stack(
        [grid if grid.shape[:3] == largest else _enlarged(grid, largest) for grid in grids]
    )


def _enlarged(grid: Tensor, size: tuple[int, ...]) -> Tensor:
    """`Gy Gx Gz 3 4` of another size: cells lie between their edges in space, on them in luma."""
    height, width, depth = size
    levels = grid.shape[2]
    plane = grid.flatten(2).permute(2, 0, 1)[None]
    plane = F.interpolate(plane, (height, width), mode="bilinear", align_corners=False)
    curves = plane[0].unflatten(0, (levels, 12)).permute(2, 3, 1, 0).flatten(0, 1)
    curves = F.interpolate(curves, depth, mode="linear", align_corners=True)
    enlarged: Tensor = curves.unflatten(0, (height, width)).transpose(2, 3).unflatten(3, (3, 4))
    return enlarged


def squashed(photo: Photo) -> NDArray[np.float32]:
    """Shrink a photo to the square thumbnail that tone generators look at.

    Args:
        photo: The photo.

    Returns:
        `256 256 3` in `[0, 1]`.
    """
    size = (THUMBNAIL, THUMBNAIL)
    small = np.asarray(cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA))
    return np.asarray(np.clip(as_floats(small), 0, 1))
