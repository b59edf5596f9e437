"""Adam with a learning rate that falls along a cosine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.optim.adam import adam

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_MEMORY = (0.9, 0.98)  # of the mean gradient, and of the mean square, from step to step


class CosineAdam:
    """Adam (Kingma and Ba 2015) with cosine annealing (Loshchilov and Hutter 2017).

    The computation is PyTorch's. Its optimiser objects also import PyTorch's compiler, which takes
    nearly half as long as fitting a whole look does.
    """

    def __init__(self, parameters: Sequence[Tensor], rate: float, steps: int) -> None:
        """Begin a descent.

        Args:
            parameters: What changes: leaves that require gradients.
            rate: Learning rate of the first step.
            steps: How many there will be; after them the rate would be 0.
        """
        self._parameters = list(parameters)
        self._means = [torch.zeros_like(each) for each in self._parameters]
        self._squares = [torch.zeros_like(each) for each in self._parameters]
        self._counts = [torch.zeros(()) for _ in self._parameters]
        self._rate, self._steps, self._done = rate, steps, 0

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Change the parameters.

        Args:
            gradients: One for each.
        """
        rate = self._rate * (1 + math.cos(math.pi * self._done / self._steps)) / 2
        self._done += 1
        with torch.no_grad():
            adam(
                self._parameters, list(gradients), self._means, self._squares, [], self._counts,
                amsgrad=False, beta1=_MEMORY[0], beta2=_MEMORY[1], lr=rate, weight_decay=0.0,
                eps=1e-8, maximize=False,
            )  # fmt: skip
