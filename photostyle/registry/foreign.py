"""Checkpoints made by others: recognised by their weights, through the package `spandrel`."""

from __future__ import annotations

import io
import pickle
import warnings
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from photostyle.errors import ModelError


class ForeignNetwork(nn.Module):
    """A restoration network of somebody else's."""

    def __init__(self, descriptor: Any) -> None:
        """Wrap a network.

        Args:
            descriptor: spandrel's `ImageModelDescriptor`.
        """
        super().__init__()
        self.network: nn.Module = descriptor.model
        self._descriptor = descriptor

    def forward(self, photo: Tensor) -> Tensor:
        """Restore photos.

        Args:
            photo: `B 3 H W`, sRGB in `[0, 1]`.

        Returns:
            `B 3 H W` in `[0, 1]`.
        """
        restored: Tensor = self._descriptor(photo)
        return restored


def client() -> Any:
    """Import spandrel.

    Raises:
        ModelError: It is not installed, or cannot be loaded.
    """
    try:
        return import_module("spandrel")
    except (ImportError, RuntimeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "spandrel":
            reason = "pip install 'photostyle[models]'"
        else:
            # It needs torchvision, whose build must be the one for this build of PyTorch.
            reason = f"it cannot be loaded, is torchvision made for this torch? ({error})"
        raise ModelError(f"checkpoints made by others need spandrel: {reason}") from error


def read_pickled(content: bytes) -> Any:
    """Read a `.pth` file, and run nothing of what it may hold.

    Args:
        content: The file.

    Returns:
        What was saved: tensors in dictionaries, as a rule.

    Raises:
        ValueError: It is no such file, or holds what would have to be run.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # an error follows, or nothing is wrong
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError("it is not a PyTorch file of weights alone") from error


def foreign_network(saved: Any) -> ForeignNetwork:
    """Find out which network weights belong to, and make it.

    Args:
        saved: Tensors by name, or a dictionary that wraps them in one of the usual ways.

    Returns:
        The network with these weights, in float32.

    Raises:
        ModelError: `spandrel` is not installed.
        ValueError: No network that restores RGB photos has weights like these.
    """
    spandrel = client()
    weights = spandrel.canonicalize_state_dict(saved) if isinstance(saved, dict) else {}
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError("it does not hold weights by name")
    full = {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
    try:
        descriptor = spandrel.ModelLoader("cpu").load_from_state_dict(full)
    except (spandrel.UnsupportedModelError, RuntimeError, KeyError) as error:
        raise ValueError(
            f"spandrel does not know it: {str(error) or type(error).__name__}"
        ) from error
    if not isinstance(descriptor, spandrel.ImageModelDescriptor) or (
        descriptor.scale,
        descriptor.input_channels,
        descriptor.output_channels,
    ) != (1, 3, 3):
        raise ValueError("it does not turn an RGB photo into one of the same size")
    return ForeignNetwork(descriptor)
