"""L-BFGS on the pixels of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from photostyle.errors import PhotostyleError
from photostyle.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from photostyle.progress import ProgressCallback

_HISTORY = 100  # pairs that stand for the curvature, as in Torch7


def descend(
    objective: Callable[[Tensor], Tensor],
    start: Tensor,
    iterations: int,
    progress: ProgressCallback,
    stage: str,
) -> Tensor:
    """Minimise an objective as Gatys and Luan do: L-BFGS with whole steps, no line search.

    One evaluation a step. The objective may rise now and then on its way down.

    Args:
        objective: Scalar function of a picture, differentiable.
        start: The picture to start from, values in [0, 1].
        iterations: Steps, >= 1.
        progress: Called after each.
        stage: The progress's stage.

    Returns:
        The picture after the last step, not clipped.

    Raises:
        PhotostyleError: The objective became infinite or undefined.
    """
    # L-BFGS makes a first step of length 1, summed over all unknowns; the later ones do not depend
    # on their unit. In this unit the first step moves pixels by one of 255 levels on average.
    unit = start.numel() / 255
    change = torch.zeros_like(start, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [change], max_iter=1, history_size=_HISTORY, tolerance_grad=0, tolerance_change=0
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = objective(start + unit * change)
        loss.backward()
        return loss

    for step in range(iterations):
        loss = optimiser.step(closure)
        progress(Progress(stage, step + 1, iterations))
    if not torch.isfinite(loss) or not torch.isfinite(change).all():
        raise PhotostyleError("the optimisation diverged: try another --seed or --size")
    return (start + unit * change).detach()
