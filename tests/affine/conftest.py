"""Where the kernels of NVIDIA GPUs are tested: on one, or in Triton's interpreter."""

from __future__ import annotations

import os

import pytest
import torch

from photostyle.fused import runs_fused_kernels

GPU = torch.cuda.is_available()

if not GPU:  # read when Triton is imported
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture(scope="session", params=["interpreter", "gpu"])
def device(request: pytest.FixtureRequest) -> torch.device:
    """The device whose tensors the kernels take; both are never tested in one process."""
    if request.param == "gpu":
        if not GPU:
            pytest.skip("no NVIDIA GPU")
        device = torch.device("cuda", torch.cuda.current_device())
        assert runs_fused_kernels(device)
        return device
    if GPU:
        pytest.skip("tested on the GPU itself")
    pytest.importorskip("triton", reason="Triton is not installed")
    return torch.device("cpu")
