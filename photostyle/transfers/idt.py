"""Iterative distribution transfer: all of a style's colours, whatever they were before.

A colour distribution is moved onto another one axis by axis: along three orthogonal directions the
histograms are matched exactly, then the axes are turned at random, and so on (Pitie, Kokaram and
Dahyot 2007, Automated colour grading using colour distribution transfer). What comes out is a
function of colour alone, kept here as its tables, so that it applies to a photo of any size. The
paper's second step, which takes the grain out again, is not done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photostyle.compiled import compiled, over_rows
from photostyle.progress import Progress
from photostyle.transfers.rows import apply_in_blocks
from photostyle.transfers.segments import membership

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photostyle.affine import AffineField
    from photostyle.progress import ProgressCallback
    from photostyle.transfers.config import TransferConfig
    from photostyle.transfers.segments import Segments

Image = NDArray[np.float32]

_ENTRIES = 1024  # of a table


@dataclass(frozen=True)
class ColourTables:
    """A colour map made of steps: turn the axes, look each coordinate up, turn back."""

    axes: NDArray[np.float32]
    """`T 3 3`, orthogonal: a column per axis."""

    start: NDArray[np.float32]
    """`T 3`, the coordinate of the first entry of each table."""

    density: NDArray[np.float32]
    """`T 3`, entries per unit."""

    tables: NDArray[np.float32]
    """`T 3 E`, what is added to a coordinate; constant beyond both ends."""

    def apply(self, colours: Image) -> Image:
        """Map colours, `N 3`."""
        out = np.zeros_like(colours)
        shares = np.ones(len(colours), np.float32)
        over_rows(
            _apply, len(colours), colours, shares, self.axes, self.start, self.density,
            self.tables, out,
        )  # fmt: skip
        return out


@dataclass(frozen=True)
class DistributionLook:
    """Colour tables, one map per segment of the content."""

    maps: tuple[ColourTables, ...]
    """One per segment."""

    segments: AffineField | None
    """Which pixel belongs to which segment; None for a single one."""

    def blocks(self, content: Image, strength: float) -> Iterator[tuple[int, Image]]:
        """Apply the look block by block.

        Args:
            content: `H W 3`, the photo the look was fitted to, at any size.
            strength: 0 returns the content, 1 the full look.

        Yields:
            First row and pixels of consecutive blocks of rows.
        """

        def look(image: Image, first: int) -> Image:
            shares = membership(self.segments, image, first=first, height=len(content))
            out = np.zeros_like(image)
            flat_shares = shares.reshape(-1, len(self.maps))
            for index, own in enumerate(self.maps):
                share = np.ascontiguousarray(flat_shares[:, index])
                over_rows(
                    _apply, len(share), image.reshape(-1, 3), share, own.axes, own.start,
                    own.density, own.tables, out.reshape(-1, 3),
                )  # fmt: skip
            return out

        return apply_in_blocks(content, strength, look)


def fit_idt(
    content: Image,
    style: Image,
    segments: Segments,
    config: TransferConfig,
    progress: ProgressCallback,
) -> DistributionLook:
    """Give each segment the colour distribution of its style.

    Args:
        content: `H W 3` in [0, 1].
        style: `h w 3` in [0, 1].
        segments: Which part of the content goes with which part of the style.
        config: Iterations, and the seed of the axes.
        progress: Called after every segment with stage `"fit"`.

    Returns:
        The look.
    """
    random = np.random.default_rng(config.seed)
    flat_content, flat_style = content.reshape(-1, 3), style.reshape(-1, 3)
    maps = []
    for part in segments.parts:
        maps.append(
            distribution_transfer(
                flat_content[part.content], flat_style[part.style], config.iterations, random
            )
        )
        progress(Progress("fit", len(maps), len(segments.parts)))
    return DistributionLook(tuple(maps), segments.field)


def distribution_transfer(
    source: Image, target: Image, iterations: int, random: np.random.Generator
) -> ColourTables:
    """Find a map that moves one set of colours onto another.

    Args:
        source: `N 3`, N >= 1.
        target: `M 3`, M >= 1.
        iterations: How often the axes are turned, >= 1; the first are R, G and B.
        random: Source of the axes.

    Returns:
        The map.
    """
    steps: list[tuple[Image, Image, Image, Image]] = []
    colours = source
    for step in range(iterations):
        turned = np.eye(3) if step == 0 else np.linalg.qr(random.normal(size=(3, 3)))[0]
        axes = np.asarray(turned, np.float32)
        start, density, tables = _match(colours @ axes, target @ axes)
        steps.append((axes, start, density, tables))
        colours = ColourTables(*(part[None] for part in steps[-1])).apply(colours)
    return ColourTables(*(np.stack(parts) for parts in zip(*steps, strict=True)))


def _match(source: Image, target: Image) -> tuple[Image, Image, Image]:
    """Tables that match the quantiles of each column: start `3`, density `3`, entries `3 E`."""
    ours, theirs = _quantiles(source), _quantiles(target)
    start, width = ours[:, 0], np.maximum(ours[:, -1] - ours[:, 0], 1e-6)
    tables = []
    for own, wanted, first, last in zip(ours, theirs, start, start + width, strict=True):
        # Equal values stay equal: they share the mean of what they would become.
        values, place, counts = np.unique(own, return_inverse=True, return_counts=True)
        moves = np.bincount(place, wanted) / counts - values
        tables.append(np.interp(np.linspace(first, last, _ENTRIES), values, moves))
    return start, (_ENTRIES - 1) / width, np.stack(tables).astype(np.float32)


def _quantiles(values: Image) -> Image:
    """`3 E`: as many values of each of three columns, evenly spread in order, first to last."""
    ordered = np.sort(values.T, axis=1)
    places = np.linspace(0, len(values) - 1, _ENTRIES)
    return ordered[:, np.rint(places).astype(np.intp)]


@compiled
def _apply(
    begin: int,
    end: int,
    colours: Image,
    shares: Image,
    axes: Image,
    start: Image,
    density: Image,
    tables: Image,
    out: Image,
) -> None:
    steps, _, entries = tables.shape
    for n in range(begin, end):
        if shares[n] == 0:
            continue
        r, g, b = colours[n, 0], colours[n, 1], colours[n, 2]
        for t in range(steps):
            red, green, blue = r, g, b
            for k in range(3):
                x, y, z = axes[t, 0, k], axes[t, 1, k], axes[t, 2, k]
                place = (red * x + green * y + blue * z - start[t, k]) * density[t, k]
                place = min(max(place, np.float32(0)), np.float32(entries - 1))
                lower = min(int(place), entries - 2)
                low = tables[t, k, lower]
                step = low + (place - np.float32(lower)) * (tables[t, k, lower + 1] - low)
                r += step * x
                g += step * y
                b += step * z
        out[n, 0] += shares[n] * r
        out[n, 1] += shares[n] * g
        out[n, 2] += shares[n] * b
