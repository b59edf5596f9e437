"""Several processes: what they average and agree on, and a run that accelerate launches."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from photostyle.errors import TrainingError
from photostyle.features import dead_leaves
from photostyle.training.processes import Alone, Launched, find_processes

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")


class Two:
    """Stands for accelerate's connection: this process, and one that sends zeros."""

    process_index = 1
    device = CPU

    def reduce(self, tensor: torch.Tensor, reduction: str) -> torch.Tensor:
        return tensor / 2 if reduction == "mean" else tensor


def test_alone_nothing_is_changed() -> None:
    values = torch.arange(3.0)
    alone = find_processes(CPU)
    assert isinstance(alone, Alone)
    alone.average([values])
    assert values.tolist() == [0, 1, 2]
    assert (alone.any(True), alone.any(False), alone.index) == (True, False, 0)
    assert alone.device(CPU) == CPU


def test_tensors_of_any_shape_are_averaged_in_place() -> None:
    first, second = torch.full((2, 3), 4.0), torch.tensor([6.0])
    launched = Launched(Two())
    launched.average([first, second])
    assert torch.equal(first, torch.full((2, 3), 2.0))
    assert second.item() == 3
    assert (launched.any(True), launched.any(False), launched.index) == (True, False, 1)


def test_a_device_of_another_type_is_not_taken() -> None:
    assert Launched(Two()).device(torch.device("meta")) == torch.device("meta")


def test_without_accelerate_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(TrainingError, match=r"pip install 'photostyle\[train\]'"):
        find_processes(CPU)


def test_two_processes_train_one_filter(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    (tmp_path / "clean").mkdir()
    for number, leaf in enumerate(dead_leaves(4, 48, leaves=10)):
        pixels = (255 * leaf.permute(1, 2, 0).numpy()).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "clean" / f"{number}.png")
    train = [
        "-m", "photostyle", "train", "soft", "clean", "--degrade", "noise", "--steps", "4",
        "--init", "none", "--batch", "1", "--size", "32", "--device", "cpu",
    ]  # fmt: skip
    # What `accelerate launch` starts where there are several GPUs.
    launch = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *launch, *train],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("[soft]") == 1  # one speaks for both
    assert done.stderr.count("soft: 4 steps") == 1
    together = safetensors.torch.load_file(tmp_path / "soft.safetensors")
    subprocess.run(
        [sys.executable, *train, "--overwrite", "-q"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
    )
    # The second process saw other examples than the first.
    alone = safetensors.torch.load_file(tmp_path / "soft.safetensors")
    assert any(not torch.equal(together[name], alone[name]) for name in alone)
