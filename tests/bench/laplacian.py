"""Products with the matting Laplacian (3 channels, radius 1): time, memory, compilation.

    python tests/bench/laplacian.py [--megapixels 0.33 1 12] [--repetitions 7]

Compared, in one run and in turns, are `MattingLaplacian` on a tensor and on an array, its PyTorch
backend (up to 1 megapixel), pymatting's matrix-free `lkm_laplacian` (three products with one
channel) and SciPy's CSR product (the explicit matrix of pymatting's `cf_laplacian`, three columns
at once). Times are medians; ratios are to `MattingLaplacian` on a tensor `3 H W`.

Building the explicit matrix takes more memory than the matrix. Above 1 megapixel it is therefore
that of a smaller photo, repeated along the diagonal: as many rows, columns and entries. If even
that does not fit into half of the free memory, fewer repetitions are timed, and scaled.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import scipy.sparse
import torch
from pymatting import cf_laplacian, lkm_laplacian

from photostyle.compiled import cpu_threads
from photostyle.laplacian import MattingLaplacian
from photostyle.laplacian.tensor import TensorBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

Made = TypeVar("Made")

EPSILON = 1e-7
ENTRIES = 25  # of a row of the explicit matrix, of 8 + 4 bytes each

FIRST_CALL = """
import time, torch
from photostyle.laplacian import MattingLaplacian
start = time.perf_counter()
MattingLaplacian(torch.rand(3, 9, 9)).matvec(torch.rand(3, 9, 9))
print(time.perf_counter() - start)
"""

MEMORY = """
import resource, sys, torch
from photostyle.laplacian import MattingLaplacian
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
height, width = int(sys.argv[1]), int(sys.argv[2])
guide, p = torch.zeros(3, height, width).add_(0.5), torch.zeros(3, height, width).add_(0.5)
MattingLaplacian(guide[:, :9].clone()).matvec(p[:, :9].clone())
before = peak()
MattingLaplacian(guide).matvec(p)
print(peak() - before)
"""


@dataclass
class Contestant:
    name: str
    setup: float | None
    """Milliseconds before the first product; None where nothing was made for it."""
    run: Callable[[], object]
    scale: float = 1.0
    """What its times are multiplied with, where it works on part of the pixels."""
    times: list[float] = field(default_factory=list)


def milliseconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start)


def timed(make: Callable[[], Made]) -> tuple[Made, float]:
    """What was made, and the milliseconds it took."""
    start = time.perf_counter()
    made = make()
    return made, 1000 * (time.perf_counter() - start)


def in_new_process(script: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    environment = {**os.environ, **environment}
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def explicit_matrix(photo: NDArray[np.float64], repetitions: int) -> scipy.sparse.csr_matrix:
    """L of a photo `H W 3`, several times along the diagonal; 32-bit indices."""
    block = cf_laplacian(photo, EPSILON)
    size, entries = block.shape[0], block.nnz
    data = np.tile(block.data, repetitions)
    indices = np.empty(repetitions * entries, np.int32)
    indptr = np.zeros(repetitions * size + 1, np.int32)
    for k in range(repetitions):
        indices[k * entries : (k + 1) * entries] = block.indices + k * size
        indptr[k * size + 1 : (k + 1) * size + 1] = block.indptr[1:] + k * entries
    return scipy.sparse.csr_matrix((data, indices, indptr))


def of_this_project(guide: Tensor, p: Tensor) -> list[Contestant]:
    on_tensor, setup = timed(lambda: MattingLaplacian(guide))
    contestants = [
        Contestant("MattingLaplacian", setup, lambda: on_tensor.matvec(p)),
        Contestant("  p^T L p alone", None, lambda: on_tensor.quadratic_form(p)),
        Contestant("  p^T L p and L p", None, lambda: on_tensor.backend.matvec_and_energy(p[None])),
    ]
    guide_array, p_array = interleaved(guide), interleaved(p)
    on_array, setup = timed(lambda: MattingLaplacian(guide_array))
    contestants.append(Contestant("  array H W 3", setup, lambda: on_array.matvec(p_array)))
    if guide[0].numel() <= 1e6:
        backend, setup = timed(lambda: TensorBackend(guide[None], 1, EPSILON / 9))
        contestants.append(Contestant("  PyTorch backend", setup, lambda: backend.matvec(p[None])))
    return contestants


def of_pymatting(guide: Tensor, p: Tensor) -> Contestant:
    photo = interleaved(guide)
    channels = list(p.double().numpy())
    product, setup = timed(lambda: lkm_laplacian(photo, EPSILON, 1, return_diagonal=False))
    return Contestant("lkm_laplacian", setup, lambda: [product(c) for c in channels])


def of_scipy(guide: Tensor, p: Tensor) -> Contestant:
    height, width = guide.shape[1:]
    blocks = max(1, round(height * width / 1e6))
    rows = height // blocks
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    repetitions = max(1, min(blocks, int(free / 2 / (rows * width * ENTRIES * 12))))
    photo = interleaved(guide[:, :rows]).astype(np.float64)
    columns = np.tile(interleaved(p[:, :rows]).reshape(-1, 3).astype(np.float64), (repetitions, 1))
    matrix, setup = timed(lambda: explicit_matrix(photo, repetitions))
    print(f"the explicit matrix is {repetitions} of {blocks} x {width} x {rows} pixels", end=", ")
    print(f"{(matrix.data.nbytes + matrix.indices.nbytes) / 2**30:.2f} GB")
    scale = blocks / repetitions
    return Contestant("CSR product", setup * scale, lambda: matrix @ columns, scale)


def interleaved(planes: Tensor) -> NDArray[np.float32]:
    return planes.permute(1, 2, 0).contiguous().numpy()


def compare(megapixels: float, repetitions: int) -> None:
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = round(megapixels * 1e6 / width)
    guide, p = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    print(f"\n{width} x {height}")

    grown = float(in_new_process(MEMORY, str(height), str(width)))
    print(
        f"a product takes {grown:.0f} MB beside guide and p, {p.nbytes / 2**20:.0f} MB each; ",
        end="",
    )
    print("its result is as large")

    contestants = [*of_this_project(guide, p), of_pymatting(guide, p), of_scipy(guide, p)]
    for _ in range(repetitions):
        for contestant in contestants:
            contestant.times.append(milliseconds(contestant.run) * contestant.scale)

    ours = median(contestants[0].times)
    print(f"{'':18} {'ms':>9} {'ms/MP':>7} {'ratio':>7} {'set-up, ms':>11}")
    for contestant in contestants:
        taken = median(contestant.times)
        per_megapixel = taken / (height * width / 1e6)
        setup = "" if contestant.setup is None else f"{contestant.setup:11.1f}"
        row = f"{contestant.name:18} {taken:9.1f} {per_megapixel:7.1f} {taken / ours:7.1f} {setup}"
        print(row.rstrip(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.33, 1, 12])
    parser.add_argument("--repetitions", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        seconds = [float(in_new_process(FIRST_CALL, NUMBA_CACHE_DIR=cache)) for _ in range(2)]
    print(f"{cpu_threads()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"first product: {seconds[0]:.2f} s, with kernels from numba's cache {seconds[1]:.2f} s")
    for megapixels in arguments.megapixels:
        compare(megapixels, arguments.repetitions)


if __name__ == "__main__":
    main()
