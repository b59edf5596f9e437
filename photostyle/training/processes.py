"""Several processes that train one filter together, one for each GPU."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import torch

from photostyle.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accelerate import Accelerator
    from torch import Tensor


class Processes(Protocol):
    """The processes of a run, seen from one of them."""

    @property
    def index(self) -> int:
        """Which one this is; the first, 0, is the one that writes files."""
        ...

    def device(self, wanted: torch.device) -> torch.device:
        """Where this one trains.

        Args:
            wanted: Where it would train if it were alone.
        """
        ...

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors, in place, by their means over the processes."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any of them."""
        ...

    def wait(self) -> None:
        """Wait until all of them are here."""
        ...


class Alone:
    """The only process."""

    index = 0

    def device(self, wanted: torch.device) -> torch.device:
        """Where it shall train."""
        return wanted

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Leave the tensors as they are."""

    def any(self, flag: bool) -> bool:
        """The flag itself."""
        return flag

    def wait(self) -> None:
        """Wait for nobody."""


class Launched:
    """One of the processes that `accelerate launch` started."""

    def __init__(self, accelerator: Accelerator) -> None:
        """Join the others.

        Args:
            accelerator: What connects them.
        """
        self._accelerator = accelerator
        self.index: int = accelerator.process_index

    def device(self, wanted: torch.device) -> torch.device:
        """The processor that accelerate gave to this process, of the wanted type."""
        given = self._accelerator.device
        return given if given.type == wanted.type != "cpu" else wanted

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors, in place, by their means over the processes, all in one message."""
        parts = list(tensors)
        flat = torch.cat([part.reshape(-1) for part in parts])
        mean = self._accelerator.reduce(flat, reduction="mean")
        for part, value in zip(parts, mean.split([p.numel() for p in parts]), strict=True):
            part.copy_(value.view_as(part))

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any of the processes."""
        count = torch.tensor([float(flag)], device=self._accelerator.device)
        return bool(self._accelerator.reduce(count, reduction="sum").item() > 0)

    def wait(self) -> None:
        """Wait until all processes are here."""
        self._accelerator.wait_for_everyone()


def find_processes(device: torch.device) -> Processes:
    """Find out whether this process trains alone.

    Args:
        device: Where it would train then.

    Raises:
        TrainingError: Several processes were launched, but the package that connects them is
            missing.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Alone()
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise TrainingError(
            "training in several processes needs accelerate: pip install 'photostyle[train]'"
        ) from error
    return Launched(Accelerator(cpu=device.type == "cpu"))
