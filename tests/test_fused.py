"""Where fused kernels run, and that a compiler for GPUs takes them: no GPU is needed for that."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from photostyle import fused

COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from photostyle.affine import slice_kernels
from photostyle.laplacian import cuda_kernels

def build(kernel, pointers, epsilon=(), ones=(), **constants):
    constants |= dict.fromkeys(ones, 1)  # Triton makes numbers that are 1 constants
    kinds = {name: "i32" for name in kernel.arg_names}
    kinds |= {name: "*fp32" for name in pointers} | {name: "fp32" for name in epsilon}
    kinds |= dict.fromkeys(constants, "constexpr")
    source = ASTSource(kernel, kinds, constants)
    options = {"num_warps": 1, "enable_fp_fusion": True}
    built = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    print(kernel.__name__, ".local" in built.asm["ptx"])

build(
    cuda_kernels.product, ["guide", "p", "statistics", "out", "parts"], ["epsilon"], ["channels"],
    COLUMNS=32, CHANNELS=1, STORED=True, PRODUCT=True, ENERGY=True, UNROLL=1,
)
build(cuda_kernels.fit_guide, ["guide", "out"], ["epsilon"], BLOCK=32)
build(cuda_kernels.diagonal, ["guide", "statistics", "out"], BLOCK=32)
for ones in ([], ["segments", "ny", "nx", "nz"], ["width", "height"]):
    build(slice_kernels.forward, ["image", "weights", "grid", "out"], ones=ones, BLOCK=32)
    backward = ["image", "weights", "grad", "out"]
    build(slice_kernels.backward, backward, ones=ones, BLOCK=32, LAYERS=8)
"""


@pytest.mark.parametrize("name", ["cpu", "mps"])
def test_other_devices_run_none(name):
    assert not fused.runs_fused_kernels(torch.device(name))


def test_triton_is_loaded_for_kernels_alone():
    code = (
        "import sys, torch; from photostyle.laplacian import MattingLaplacian\n"
        "from photostyle.affine import slice_apply\n"
        "MattingLaplacian(torch.rand(3, 5, 5))\n"
        "slice_apply(torch.rand(2, 2, 3), torch.ones(2, 2, 1), torch.rand(1, 2, 2, 2, 3, 4))\n"
        "print('triton' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'tk'"):
        fused.tk  # noqa: B018


def test_every_kernel_compiles_and_stays_in_registers(tmp_path):
    pytest.importorskip("triton", reason="Triton is not installed")
    others = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", COMPILE],
        env=others | {"TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    kernels = ["product", "fit_guide", "diagonal", *["forward", "backward"] * 3]
    assert done.stdout.split() == [word for kernel in kernels for word in (kernel, "False")]
