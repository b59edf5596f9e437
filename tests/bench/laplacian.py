"""Products with the matting Laplacian (3 channels, radius 1): time, memory, compilation.

    python tests/bench/laplacian.py [--megapixels 0.33 1 12] [--repetitions 7] [--device cuda]

On the CPU there are compared, in one run and in turns, `MattingLaplacian` on a tensor and on an
array, its PyTorch backend (up to 1 megapixel), pymatting's matrix-free `lkm_laplacian` (three
products with one channel) and SciPy's CSR product (the explicit matrix of pymatting's
`cf_laplacian`, three columns at once). Times are medians; ratios are to `MattingLaplacian` on a
tensor `3 H W`.

Building the explicit matrix takes more memory than the matrix. Above 1 megapixel it is therefore
that of a smaller photo, repeated along the diagonal: as many rows, columns and entries. If even
that does not fit into half of the free memory, fewer repetitions are timed, and scaled.

On an NVIDIA GPU (0.33, 12 and 50 megapixels) there are compared the kernels, with the statistics of
the guide stored and computed anew, and the PyTorch backend. Each is set against the time in which
the GPU copies as many bytes as the product has to read and write: 36 a pixel, 72 if the statistics
are stored. Errors are relative to float64. With TRITON_INTERPRET=1 on a machine without a GPU this
runs in Triton's interpreter (--megapixels 0.0003), which shows no more than that it runs.
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
import torch
import torch.nn.functional as F

from photostyle.compiled import cpu_threads
from photostyle.laplacian import MattingLaplacian
from photostyle.laplacian.tensor import TensorBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse
    from numpy.typing import NDArray
    from torch import Tensor

    from photostyle.laplacian.backend import Backend

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
    import scipy.sparse
    from pymatting import cf_laplacian

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
    from pymatting import lkm_laplacian

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


def size_of(megapixels: float) -> tuple[int, int]:
    """Height and width."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    return round(megapixels * 1e6 / width), width


def compare(megapixels: float, repetitions: int) -> None:
    height, width = size_of(megapixels)
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


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_on(device: torch.device, function: Callable[[], object], repetitions: int) -> float:
    """Median time of a call, of as many in a row as take 20 milliseconds."""
    calls = 1
    while True:
        times = []
        for _ in range(repetitions):
            synchronise(device)
            start = time.perf_counter()
            for _ in range(calls):
                function()
            synchronise(device)
            times.append(time.perf_counter() - start)
        if median(times) > 0.02:
            return median(times) / calls
        calls *= 4


def copied_per_second(device: torch.device, megabytes: int, repetitions: int) -> float:
    """Bytes read and written by a copy of a large tensor."""
    source = torch.zeros(megabytes * 2**18, device=device)
    target = torch.ones_like(source)
    return 2 * source.nbytes / seconds_on(device, lambda: target.copy_(source), repetitions)


def edited_photo(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """A guide with smooth places and grain, as from an 8-bit file, and the same edited."""
    random = torch.Generator(device).manual_seed(0)

    def grain(strength: float) -> Tensor:
        return strength * torch.randn(1, 3, height, width, generator=random, device=device)

    coarse = torch.rand(1, 3, height // 64 + 2, width // 64 + 2, generator=random, device=device)
    smooth = F.interpolate(coarse, (height, width), mode="bilinear")
    guide = ((smooth + grain(0.01)).clamp(0, 1) * 255).round() / 255
    return guide, (guide.flip(1) ** 1.4 + grain(0.02)).clamp(0, 1)


def exact_product(guide: Tensor, p: Tensor, rows: int = 256) -> Tensor:
    """L p in float64, in bands of rows, each with two more on both sides."""
    bands = []
    height = guide.shape[2]
    for first in range(0, height, rows):
        begin, end = max(first - 2, 0), min(first + rows + 2, height)
        begin = min(begin, max(end - 3, 0))
        part = [planes[:, :, begin:end].double() for planes in (guide, p)]
        product = TensorBackend(part[0], 1, EPSILON / 9).matvec(part[1])
        bands.append(product[:, :, first - begin : min(first + rows, height) - begin])
    return torch.cat(bands, 2)


def peak_beyond(device: torch.device, function: Callable[[], object]) -> float:
    """Bytes on the GPU that a call takes at most, beside what is there already."""
    if device.type != "cuda":
        return float("nan")
    synchronise(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    function()
    synchronise(device)
    return torch.cuda.max_memory_allocated(device) - before


def compare_on_gpu(
    megapixels: float, repetitions: int, device: torch.device, bandwidth: float
) -> None:
    from photostyle.laplacian.cuda import CudaBackend

    height, width = size_of(megapixels)
    pixels = height * width
    guide, p = edited_photo(height, width, device)
    truth = exact_product(guide, p)
    form = (p.double() * truth).sum().item()
    print(f"\n{width} x {height}, guide and p {guide.nbytes / 2**20:.0f} MB each")
    makers: dict[str, tuple[int, Callable[[], Backend]]] = {
        "kernels": (36, lambda: CudaBackend(guide, EPSILON)),
        "  stored": (72, lambda: CudaBackend(guide, EPSILON, stored=True)),
        "PyTorch": (36, lambda: TensorBackend(guide, 1, EPSILON / 9)),
    }
    print(f"{'':20} {'ms':>9} {'ms/MP':>7} {'GB/s':>7} {'x bound':>8} {'MB':>7} {'error':>8}")
    for name, (bytes_per_pixel, make) in makers.items():
        try:
            held = peak_beyond(device, make)
            backend = make()
            product, energy = backend.matvec_and_energy(p)
            again, energy_again = backend.matvec_and_energy(p)
        except torch.OutOfMemoryError:
            print(f"{name:20} does not fit into the GPU's memory")
            continue
        same = torch.equal(product, again) and torch.equal(energy, energy_again)
        error = ((product - truth).norm() / truth.norm()).item()
        energy_error = abs(energy.item() / form - 1)
        del product, again
        ways: list[tuple[str, Callable[[], object], str, int]] = [
            ("L p", lambda: backend.matvec(p), f"{error:.1e}", bytes_per_pixel),  # noqa: B023
            ("p^T L p", lambda: backend.energy(p), f"{energy_error:.1e}", bytes_per_pixel - 12),  # noqa: B023
            ("both", lambda: backend.matvec_and_energy(p), "", bytes_per_pixel),  # noqa: B023
            ("set-up", make, "", 0),
        ]
        for way, run, figure, least in ways:
            taken = seconds_on(device, run, repetitions)
            memory = held if run is make else peak_beyond(device, run)
            row = f"{name + ' ' + way:20} {1e3 * taken:9.3f} {1e9 * taken / pixels:7.4f}"
            if least:
                rate = least * pixels / taken
                row += f" {rate / 1e9:7.0f} {bandwidth / rate:8.2f}"
            else:
                row += " " * 17
            print(f"{row} {memory / 2**20:7.0f} {figure:>8}".rstrip(), flush=True)
        print(f"{'':20} two runs give {'the same bits' if same else 'DIFFERENT BITS'}")


def on_gpu(megapixels: list[float], repetitions: int) -> None:
    from photostyle.fused import runs_fused_kernels

    if torch.cuda.is_available():
        device = torch.device("cuda", torch.cuda.current_device())
        if not runs_fused_kernels(device):
            raise SystemExit("Triton, or the C compiler that it needs, is not here")
        print(torch.cuda.get_device_name(device), end=", ")
    elif os.environ.get("TRITON_INTERPRET") == "1":
        device = torch.device("cpu")
        print("Triton's interpreter", end=", ")
    else:
        raise SystemExit("PyTorch sees no NVIDIA GPU")
    bandwidth = copied_per_second(device, 1024 if device.type == "cuda" else 1, repetitions)
    print(f"copies {bandwidth / 1e9:.0f} GB/s (read and written)")
    for size in megapixels:
        compare_on_gpu(size, repetitions, device, bandwidth)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--megapixels", type=float, nargs="+")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()
    if arguments.device == "cuda":
        on_gpu(arguments.megapixels or [0.33, 12, 50], arguments.repetitions)
        return
    with tempfile.TemporaryDirectory() as cache:
        seconds = [float(in_new_process(FIRST_CALL, NUMBA_CACHE_DIR=cache)) for _ in range(2)]
    print(f"{cpu_threads()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"first product: {seconds[0]:.2f} s, with kernels from numba's cache {seconds[1]:.2f} s")
    for megapixels in arguments.megapixels or [0.33, 1, 12]:
        compare(megapixels, arguments.repetitions)


if __name__ == "__main__":
    main()
