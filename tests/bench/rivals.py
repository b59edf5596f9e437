"""photostyle beside what a user would pick instead: on the same machine, in the same run.

    python tests/bench/rivals.py [--megapixels 0.33 1] [--pairs ../shared/data/luan]
                                 [--only 01,14] [--repetitions 15]

Three tables in Markdown, with ratios to photostyle's row, the first:

1. Products with the matting Laplacian, 3 channels: pymatting's matrix-free `lkm_laplacian`, the
   explicit matrix of its `cf_laplacian` in SciPy, and box filters in PyTorch (means of products
   less products of means). Errors are relative to float64, times the least of all repetitions.
2. Making a result photorealistic: photostyle's lift (affine maps in small windows) and the
   smoothing step of Li, Liu, Li, Yang and Kautz 2018, A closed-form solution to photorealistic
   image stylization (FastPhotoStyle), both on the same colour transfers per segment (IDT).
3. Whole transfers with masks, from files to a file, imports not counted, everything compiled
   before: the solvers grid, mkl and idt, idt with the smoothing step, and for its quality Luan et
   al.'s published result.

Pairs are folders NN/ as `transfer.py` takes them, every seventh unless named; `--score` names the
script that scores. None of the rivals needs downloaded weights.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from laplacian import (
    EPSILON,
    Contestant,
    Made,
    exact_product,
    milliseconds,
    of_pymatting,
    of_scipy,
    of_this_project,
    size_of,
    timed,
)
from transfer import FIGURES, ROOT, score

from photostyle import read_photo, transfer, write_photo
from photostyle.affine import fit_affine
from photostyle.compiled import cpu_threads
from photostyle.image import Photo, resize_to
from photostyle.transfers import TransferConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    Image = NDArray[np.float32]

FIDELITY = 1e-4  # Li et al.'s lambda
BORDER = 2  # pixels; within it, fewer windows contain a pixel

GRID, MKL, IDT = "photostyle", "MKL per segment", "IDT per segment"
LIFT = "photostyle's lift"
SMOOTHING = "FastPhotoStyle's smoothing step"
LUAN = "Luan et al., published"
SOLVERS = {GRID: "grid", MKL: "mkl", IDT: "idt"}


class BoxFilters:
    """The matting Laplacian as one writes it down in PyTorch, radius 1; guide `3 H W`."""

    def __init__(self, guide: Tensor) -> None:
        self.guide, self.mean = guide, box(guide)
        covariance = box(guide[:, None] * guide) - self.mean[:, None] * self.mean
        ridge = EPSILON / 9 * torch.eye(3, dtype=guide.dtype)
        inverse, _ = torch.linalg.inv_ex(covariance.permute(2, 3, 0, 1) + ridge)
        self.inverse = inverse.permute(2, 3, 0, 1)
        self.windows = sum_around(torch.ones_like(self.mean[:1]))

    def matvec(self, p: Tensor) -> Tensor:
        mean_p = box(p)
        covariance = box(self.guide[:, None] * p) - self.mean[:, None] * mean_p
        a = torch.einsum("ijhw,jchw->ichw", self.inverse, covariance)
        b = mean_p - (a * self.mean[:, None]).sum(0)
        return self.windows * p - (sum_around(a) * self.guide[:, None]).sum(0) - sum_around(b)


def box(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1)


def sum_around(x: Tensor) -> Tensor:
    return 9 * box(F.pad(x, (2, 2, 2, 2)))


def of_box_filters(guide: Tensor, p: Tensor, dtype: torch.dtype) -> Contestant:
    guide, p = guide.to(dtype), p.to(dtype)
    filters, setup = timed(lambda: BoxFilters(guide))
    name = f"box filters in PyTorch, {str(dtype).removeprefix('torch.')}"
    return Contestant(name, setup, lambda: filters.matvec(p))


def mirrored(photo: Image, height: int, width: int) -> Tensor:
    """A photo `H W 3` as `3 H W` of another size: cut, or continued by its mirror images."""
    below, right = (
        max(0, wanted - n) for wanted, n in zip((height, width), photo.shape[:2], strict=True)
    )
    whole = np.pad(photo, ((0, below), (0, right), (0, 0)), mode="symmetric")
    return torch.from_numpy(whole[:height, :width].transpose(2, 0, 1).copy())


def products(pair: Path, sizes: list[float], repetitions: int) -> None:
    """Table 1: the guide is a content, p its published transfer."""
    photo = read_photo(pair / "content.jpg").floats()
    edited = resize_to(read_photo(pair / "luan_result.jpg").floats(), *photo.shape[:2])
    names: list[str] = []
    cells: list[list[str]] = []
    for megapixels in sizes:
        height, width = size_of(megapixels)
        guide, p = mirrored(photo, height, width), mirrored(edited, height, width)
        exact = exact_product(guide[None], p[None])[0]
        contestants = [
            of_this_project(guide, p)[0],
            of_pymatting(guide, p),
            of_scipy(guide, p),
            of_box_filters(guide, p, torch.float64),
            of_box_filters(guide, p, torch.float32),
        ]
        # Large explicit matrices are those of a part of the photo, repeated: another product.
        partial = contestants[2] if round(height * width / 1e6) > 1 else None
        errors = [
            "" if c is partial else f"{relative_error(c.run(), exact):.0e}" for c in contestants
        ]
        for _ in range(repetitions):
            for contestant in contestants:
                contestant.times.append(milliseconds(contestant.run) * contestant.scale)
        taken = [min(c.times) for c in contestants]
        names = [c.name for c in contestants]
        cells += [
            [f"{ms:.1f} ms{ratio(ms, taken[0])}" for ms in taken],
            errors,
            [f"{c.setup:.0f} ms" for c in contestants],
        ]
    head = [text for size in sizes for text in (f"{size:g} megapixels", "error", "set-up")]
    table(["L p, 3 channels", *head], [list(row) for row in zip(names, *cells, strict=True)])


def relative_error(product: object, exact: Tensor) -> float:
    """Of a product `3 H W`, of a list of its three channels, or of `HW 3`."""
    if isinstance(product, list):
        product = np.stack(product, 1)
    if isinstance(product, np.ndarray):
        product = torch.from_numpy(product.T.copy())
    assert isinstance(product, torch.Tensor)
    return ((product.double().reshape(exact.shape) - exact).norm() / exact.norm()).item()


def smoothed(content: Image, result: Image) -> Image:
    """The smoothing step: a result `H W 3` that varies as the content does.

    Minimises sum_ij w_ij |r_i / sqrt(d_i) - r_j / sqrt(d_j)|^2 / 2 + lambda sum_i |r_i - y_i|^2
    over r, with the matting affinities w of the content, d_i = sum_j w_ij and the result y. As in
    the paper, the solution is r = (1 - alpha) (I - alpha S)^-1 y with alpha = 1 / (1 + lambda) and
    S = D^-1/2 W D^-1/2. d_i is how many windows contain a pixel, fewer at the border, which would
    become dark: so both photos are continued beyond it. The pixels are ordered as suits the
    factorisation of a symmetric matrix.
    """
    from pymatting import cf_laplacian
    from scipy import sparse
    from scipy.sparse.linalg import splu

    edge = ((BORDER, BORDER), (BORDER, BORDER), (0, 0))
    content, y = (np.pad(x.astype(np.float64), edge, mode="edge") for x in (content, result))
    height, width = content.shape[:2]
    degree = np.outer(windows_along(height), windows_along(width)).ravel()
    affinity = sparse.diags(degree) - cf_laplacian(content, EPSILON)
    root = sparse.diags(degree**-0.5)
    alpha = 1 / (1 + FIDELITY)
    matrix = sparse.identity(len(degree)) - alpha * (root @ affinity @ root)
    factors = splu(
        matrix.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0,
        options={"SymmetricMode": True},
    )
    r = factors.solve((1 - alpha) * y.reshape(-1, 3)).reshape(y.shape)
    inner = r[BORDER:-BORDER, BORDER:-BORDER]
    return inner.clip(0, 1).astype(np.float32)


def windows_along(length: int) -> NDArray[np.float64]:
    """How many windows of three contain each pixel of a line."""
    return np.convolve(np.ones(length - 2), np.ones(3))


def lifted(content: Image, result: Image) -> Image:
    """As `--solver luan` ends, in the manner of Luan et al."""
    return fit_affine(content, result, radius=1, epsilon=1e-4).apply(content).clip(0, 1)


FINISHES: dict[str, Callable[[Image, Image], Image]] = {LIFT: lifted, SMOOTHING: smoothed}


@dataclass
class Seconds:
    """Of one run, or means."""

    wall: float
    processor: float
    """Of all threads: what else the machine does hardly changes it."""


def clocked(make: Callable[[], Made]) -> tuple[Made, Seconds]:
    wall, processor = time.perf_counter(), time.process_time()
    made = make()
    return made, Seconds(time.perf_counter() - wall, time.process_time() - processor)


def transferred(pair: Path, solver: str, out: Path) -> Photo:
    result = transfer(
        pair / "content.jpg",
        pair / "style.jpg",
        content_mask=pair / "content_mask.png",
        style_mask=pair / "style_mask.png",
        config=TransferConfig(solver=solver),
    )
    write_photo(result.photo, out, overwrite=True)
    return result.photo


def warm_up(pair: Path, out: Path) -> None:
    """Compile everything, on a small piece."""
    photo = read_photo(pair / "content.jpg").floats()[:64, :64].copy()
    for solver in SOLVERS.values():
        transfer(photo, photo, config=TransferConfig(solver=solver, segment="none", iterations=1))
    transferred(pair, "mkl", out)
    for finish in FINISHES.values():
        finish(photo, photo)


def run_pairs(pairs: list[Path], out: Path) -> dict[str, Seconds]:
    """Mean seconds of every method; results in out/METHOD/NN.png."""
    taken: dict[str, list[Seconds]] = {name: [] for name in (*SOLVERS, *FINISHES)}
    for name in taken:
        (out / name).mkdir()
    warm_up(pairs[0], out / "warm.png")
    for pair in pairs:
        photos = {}
        for name, solver in SOLVERS.items():
            path = out / name / f"{pair.name}.png"
            photos[name], seconds = clocked(lambda: transferred(pair, solver, path))  # noqa: B023
            taken[name].append(seconds)
        content, result = read_photo(pair / "content.jpg").floats(), photos[IDT].floats()
        for name, finish in FINISHES.items():
            finished, seconds = clocked(lambda: finish(content, result))  # noqa: B023
            taken[name].append(seconds)
            photo = Photo.from_array((255 * finished).round().astype(np.uint8))
            write_photo(photo, out / name / f"{pair.name}.png", overwrite=True)
        print(
            pair.name,
            {name: round(own[-1].wall, 1) for name, own in taken.items()},
            file=sys.stderr,
        )
    return {
        name: Seconds(mean(s.wall for s in own), mean(s.processor for s in own))
        for name, own in taken.items()
    }


def scored(script: Path, pairs: list[Path], out: Path) -> dict[str, dict[str, float]]:
    """The four figures of every method, means over the pairs."""
    with tempfile.TemporaryDirectory() as chosen:
        for pair in pairs:
            (Path(chosen) / pair.name).symlink_to(pair.resolve())
        folders: dict[str, Path | None] = {name: out / name for name in (*SOLVERS, *FINISHES)}
        folders[LUAN] = None
        with ThreadPoolExecutor(cpu_threads()) as pool:
            found = pool.map(lambda folder: score(script, Path(chosen), folder), folders.values())
            rows = [result["pairs"].values() for result in found]
    return {
        name: {figure: mean(row[figure] for row in own) for figure in FIGURES}
        for name, own in zip(folders, rows, strict=True)
    }


def transfers(script: Path, pairs: list[Path]) -> None:
    """Tables 2 and 3."""
    with tempfile.TemporaryDirectory() as folder:
        taken = run_pairs(pairs, Path(folder))
        figures = scored(script, pairs, Path(folder))
    both = f"{IDT}, smoothing step"
    taken[both] = Seconds(
        taken[IDT].wall + taken[SMOOTHING].wall, taken[IDT].processor + taken[SMOOTHING].processor
    )
    figures[both] = figures[SMOOTHING]

    def rows(names: tuple[str, ...], shown: tuple[str, ...]) -> list[list[str]]:
        ours, our_figures = taken[names[0]], figures[names[0]]
        return [
            [
                name,
                *(clocks(taken[name], ours) if name in taken else ("", "")),
                *(
                    f"{figures[name][f]:.3f}{ratio(figures[name][f], our_figures[f])}"
                    for f in shown
                ),
            ]
            for name in names
        ]

    shown = ("structure", "realism")
    finished = rows((LIFT, SMOOTHING), shown)
    neither = [f"{figures[IDT][f]:.3f}{ratio(figures[IDT][f], figures[LIFT][f])}" for f in shown]
    table(
        [f"{IDT}, then", "time", "processor time", *shown],
        [*finished, ["nothing", "", "", *neither]],
    )
    table(
        ["whole transfer", "time", "processor time", *FIGURES],
        rows((GRID, MKL, IDT, both, LUAN), FIGURES),
    )
    print(f"means of {len(pairs)} pairs: {' '.join(pair.name for pair in pairs)}")


def clocks(own: Seconds, ours: Seconds) -> tuple[str, str]:
    return (
        f"{own.wall:.2f} s{ratio(own.wall, ours.wall)}",
        f"{own.processor:.2f} s{ratio(own.processor, ours.processor)}",
    )


def ratio(value: float, reference: float) -> str:
    """The ratio to the reference; nothing for the reference itself."""
    times = value / reference
    digits = f"{times:.2g}" if times < 9.95 else f"{times:.0f}"
    return "" if value == reference else f" ({digits}x)"


def table(head: list[str], rows: list[list[str]]) -> None:
    print(f"\nload {os.getloadavg()[0]:.1f}\n")
    for row in (head, ["---"] * len(head), *rows):
        print("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in row) + "|")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.33, 1])
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--pairs", type=Path, default=ROOT / "../shared/data/luan")
    parser.add_argument("--score", type=Path, default=ROOT / "../shared/eval/score_transfer.py")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    if not args.pairs.is_dir() or not args.score.is_file():
        raise SystemExit(f"{args.pairs} and {args.score} are needed")
    pairs = sorted(p for p in args.pairs.iterdir() if (p / "content.jpg").is_file())
    only = args.only.split(",")
    pairs = [p for p in pairs if p.name in only] if args.only else pairs[::7]
    if not pairs:
        raise SystemExit(f"no pairs of {args.pairs} are named {args.only}")
    print(f"{cpu_threads()} processors, load {os.getloadavg()[0]:.1f}")
    products(pairs[0], args.megapixels, args.repetitions)
    transfers(args.score, pairs)


if __name__ == "__main__":
    main()
