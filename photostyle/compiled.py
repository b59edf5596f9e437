"""Compiled loops for the CPU: the one place that knows numba.

Kernels are plain functions over a range of rows. They are compiled once per machine (numba keeps
the result in its cache), run without the interpreter lock, and are spread over threads by
`over_rows`. Plain threads need no threading layer and compile faster than numba's own `parallel`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

_njit: Any = partial(  # Any: numba's types leave out options of its own
    numba.njit,
    nogil=True,
    error_model="numpy",
    fastmath={"contract", "reassoc", "nsz", "arcp"},
)


def compiled(function: Function) -> Function:
    """Compile a function of numbers and arrays on first use, and keep the machine code on disk.

    Floating-point contraction and reassociation are allowed; NaN and infinities keep their meaning.
    Division by zero gives infinity as in numpy: a test for it would keep loops from vectorising.
    """
    return cast("Function", _njit(cache=True)(function))


def compiled_part(function: Function) -> Function:
    """The same for a function that only compiled functions call.

    It becomes part of their machine code; without an entry of its own it compiles faster.
    """
    return cast("Function", _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="photostyle-rows")


def cpu_threads() -> int:
    """Number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over_rows(
    kernel: Callable[..., Any], rows: int, *arguments: object, threads: int | None = None
) -> None:
    """Call `kernel(first_row, last_row, *arguments)` on blocks of rows, in parallel.

    Args:
        kernel: A compiled function that writes only the rows `first_row <= y < last_row`.
        rows: Total number of rows, >= 1.
        arguments: Passed on to every call.
        threads: Number of blocks and threads; one per processor when None.
    """
    blocks = min(threads or cpu_threads(), rows)
    if blocks == 1:
        kernel(0, rows, *arguments)
        return
    bounds = [rows * i // blocks for i in range(blocks + 1)]
    jobs = [
        _pool(blocks).submit(kernel, first, last, *arguments) for first, last in pairwise(bounds)
    ]
    for job in jobs:
        job.result()
