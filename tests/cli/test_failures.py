from __future__ import annotations

import errno

import pytest
import torch
import typer

from photostyle.cli.failures import explain
from photostyle.errors import DeviceError, ModelError, PhotoError, UsageError


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (PhotoError("a.jpg: truncated"), 1, "a.jpg: truncated"),
        (UsageError("size is 3"), 2, "size is 3"),
        (ModelError("hash differs"), 3, "hash differs"),
        (DeviceError("no cuda"), 4, "no cuda"),
        (typer.BadParameter("must be 1"), 2, "must be 1"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), 4, "smaller --size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), 4, "out of memory"),
        (MemoryError(), 4, "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device", "a.jpg"), 1, "a.jpg: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", b"a.jpg"), 1, "a.jpg: Permission den"),
        (ImportError("libGL.so.1: cannot open shared object file"), 1, "apt install libgl1"),
        (ImportError("no module named frob"), 1, "internal error: ImportError"),
        (RuntimeError("shapes differ"), 1, "internal error: RuntimeError: shapes differ"),
        (OSError("without a number"), 1, "internal error: OSError: without a number"),
    ],
)
def test_every_exception_has_a_line_and_an_exit_code(error, code, words):
    message, exit_code = explain(error)
    assert words in message
    assert exit_code == code
