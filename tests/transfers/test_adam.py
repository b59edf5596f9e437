"""Adam as PyTorch's optimiser does it, without what that imports."""

import subprocess
import sys

import pytest
import torch

from photostyle.transfers.adam import CosineAdam

RATE, STEPS = 0.05, 40
SHAPES = ((4, 3), (5,))


@pytest.fixture
def start():
    torch.manual_seed(0)
    return [torch.randn(shape) for shape in SHAPES]


def cost(parameters):
    return sum((part - 2).square().sum() + part.prod().sin() for part in parameters)


def test_it_is_the_optimiser_of_pytorch_with_its_schedule(start):
    parameters, ours = ([part.clone().requires_grad_() for part in start] for _ in range(2))
    optimiser = torch.optim.Adam(parameters, lr=RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        optimiser.zero_grad()
        cost(parameters).backward()
        optimiser.step()
        schedule.step()
    descent = CosineAdam(ours, RATE, STEPS)
    for _ in range(STEPS):
        descent.step(torch.autograd.grad(cost(ours), ours))
    torch.testing.assert_close(ours, parameters)
    assert cost(ours) < 0.5 * cost(start)


def test_a_transfer_does_not_import_the_compiler_of_pytorch():
    script = (
        "import sys, numpy as np\n"
        "from photostyle import transfer\n"
        "noise = np.random.default_rng(0).random((2, 64, 80, 3), np.float32)\n"
        "transfer(*noise)\n"
        "print([name for name in ('torch._dynamo', 'sympy') if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
