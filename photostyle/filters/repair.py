"""Applying repair filters: a convolutional network over tiles of a photo."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice, product, starmap
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from photostyle.compiled import cpu_threads
from photostyle.device import operator_threads
from photostyle.errors import DeviceError, PhotostyleError
from photostyle.filters.tiling import MULTIPLE, OVERLAP, Span, spans
from photostyle.image import clip_like, quantise
from photostyle.networks import DeconvolutionGenerator
from photostyle.networks.cepstra import WINDOW, window_step, windows
from photostyle.progress import Progress, ProgressCallback

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from photostyle.filters.config import FilterConfig
    from photostyle.image import Photo

Image = NDArray[np.float32]
Repair = Callable[[Tensor], Tensor]

log = logging.getLogger(__name__)

TILE = {"cpu": 1664, "mps": 1280, "cuda": 2048}
"""Side of tiles in pixels: small ones are mostly overlap, large ones leave the caches."""

SMALLEST = OVERLAP + MULTIPLE


class RepairFilter:
    """Networks, the mean of whose results is the filter's."""

    def __init__(self, name: str, networks: Sequence[nn.Module], config: FilterConfig) -> None:
        """Put the networks on the device.

        Args:
            name: What users call the filter.
            networks: One or more snapshots, `B 3 H W` to `B 3 H W`.
            config: The settings; `device` is one that exists.
        """
        self.name = name
        self._device = torch.device(config.device)
        self._networks = [network.to(self._device).eval() for network in networks]
        for network in self._networks:
            for parameter in network.parameters():
                if parameter.dim() == 4:
                    parameter.data = parameter.data.to(memory_format=torch.channels_last)
        self._strength = config.strength
        self._tile = config.tile or TILE[self._device.type]
        self._half = _half_precision(self._device)

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
            progress: Told of every row of tiles.

        Raises:
            PhotostyleError: The networks give values that are no numbers.
            DeviceError: The device has too little memory even for small tiles.
        """
        height, width = photo.height, photo.width
        repairs = [self._informed(network, photo) for network in self._networks]
        while True:
            rows = spans(height, self._tile)
            columns = spans(width, self._tile)
            try:
                tiles = self._tiles(photo, repairs, rows, columns)
                carried = np.zeros((0, width, 3), np.float32)
                for index, row in enumerate(rows):
                    progress(Progress(self.name, index, len(rows)))
                    band = np.zeros((row.stop - row.start, width, 3), np.float32)
                    band[: len(carried)] = carried
                    for place, tile in islice(tiles, len(columns)):
                        band[place] += tile
                    done = rows[index + 1].start if index + 1 < len(rows) else height
                    quantise(band[: done - row.start], out[row.start : done])
                    carried = band[done - row.start :].copy()
                    del band
            except torch.OutOfMemoryError as error:
                if self._tile <= SMALLEST:
                    raise DeviceError(
                        f"{self._device} has too little memory; use --device cpu"
                    ) from error
                self._tile = max(self._tile // 2, SMALLEST)
                torch.cuda.empty_cache()
                continue
            except ValueError as error:
                raise PhotostyleError(
                    f"filter {self.name} gives values that are no numbers"
                ) from error
            progress(Progress(self.name, len(rows), len(rows)))
            return

    @torch.inference_mode()
    def _informed(self, network: nn.Module, photo: Photo) -> Repair:
        """Show the whole photo to a network that wants to see it before its tiles."""
        if not isinstance(network, DeconvolutionGenerator):
            return network
        return partial(network, sight=network.look(_windows(photo).to(self._device)))

    def _tiles(
        self,
        photo: Photo,
        repairs: Sequence[Repair],
        rows: Sequence[Span],
        columns: Sequence[Span],
    ) -> Iterator[tuple[tuple[slice, slice], Image]]:
        """Filter tiles, row by row; where in the row each has a share, and that share."""

        def tile(row: Span, column: Span) -> tuple[tuple[slice, slice], Image]:
            part = photo.floats(slice(row.start, row.stop), slice(column.start, column.stop))
            down, right = row.used, column.used
            wide = photo.pixels.dtype == np.float32
            result = self._filtered(part, repairs, down, right, wide=wide)
            for shares, lines in (
                (row.weights[down], result),
                (column.weights[right], result.swapaxes(0, 1)),
            ):
                fading = np.flatnonzero(shares != 1)
                lines[fading] *= shares[fading, None, None]
            return (down, slice(column.start + right.start, column.start + right.stop)), result

        if self._device.type != "cpu":
            yield from starmap(tile, product(rows, columns))
            return
        # Tiles side by side, not threads inside of every operation, as far as there are tiles: such
        # threads wait for one another, badly so where another program, or the reading of the next
        # photo, keeps a processor busy.
        processors = cpu_threads()
        workers = min(processors, len(rows) * len(columns))
        with operator_threads(processors // workers), ThreadPoolExecutor(workers) as pool:
            yield from pool.map(tile, *zip(*product(rows, columns), strict=True))

    @torch.inference_mode()
    def _filtered(
        self, part: Image, repairs: Sequence[Repair], down: slice, right: slice, *, wide: bool
    ) -> Image:
        """Filter a part of a photo, and cut out what is used of it.

        Args:
            part: `H W 3`.
            repairs: The networks.
            down: Rows that are used.
            right: Columns that are used.
            wide: Whether it may have colours outside of sRGB. No network has seen such; what is
                outside is carried over.
        """
        before = torch.from_numpy(part).permute(2, 0, 1)[None]  # channels last
        seen = before.clamp(0, 1) if wide else before
        used = (..., down, right)
        after = self._mean(seen.to(self._device), repairs)[used].cpu()
        if wide:
            after = after + (before[used] - seen[used])
        if self._strength < 1:
            after = torch.lerp(before[used], after, self._strength)
        result: Image = after[0].permute(1, 2, 0).contiguous().numpy()
        if wide:
            return clip_like(result, part[down, right])
        return np.clip(result, 0, 1, out=result)

    def _mean(self, tile: Tensor, repairs: Sequence[Repair]) -> Tensor:
        with self._half_where_possible():
            first, *others = (repair(tile).float() for repair in repairs)
        mean = sum(others, first) / len(repairs) if others else first
        if self._half is None or bool(torch.isfinite(mean).all()):
            return mean
        log.info("filter %s overflows in %s: using 32 bits", self.name, self._half)
        self._half = None
        return self._mean(tile, repairs)

    def _half_where_possible(self) -> AbstractContextManager[object]:
        dtype = self._half or torch.bfloat16
        return torch.autocast(self._device.type, dtype, enabled=self._half is not None)


def _windows(photo: Photo) -> Tensor:
    """Windows from all over a photo, as `cepstra.windows` cuts them."""
    step = window_step(photo.height, photo.width)
    tops = range(0, max(1, photo.height - WINDOW + 1), step)
    strips = (photo.floats(slice(top, top + WINDOW)) for top in tops)
    tensors = (torch.from_numpy(strip).permute(2, 0, 1)[None].clamp(0, 1) for strip in strips)
    return torch.cat([windows(tensor, step) for tensor in tensors], dim=1)


def _half_precision(device: torch.device) -> torch.dtype | None:
    """A 16-bit type in which the device is faster, if there is one."""
    if device.type in ("cuda", "mps"):
        return torch.float16
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if native else None
