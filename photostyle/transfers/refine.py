"""Refining a look in pixels: what no grid of colour maps can express, as far as it is photographic.

A grid has a few thousand maps; pixels have no such bound. A few L-BFGS steps on the pixels of the
small result, under the same objective, follow Luan et al. 2017; the matting Laplacian carries what
is gained along the content's edges. The gain, not the picture, is then fitted by local affine
functions of the content's colours, and so reaches full size without any pixel being enlarged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from photostyle.affine import fit_affine
from photostyle.laplacian import MattingLaplacian
from photostyle.progress import Progress, ProgressCallback

if TYPE_CHECKING:
    from torch import Tensor

    from photostyle.transfers.look import Look
    from photostyle.transfers.objective import Objective
    from photostyle.transfers.segments import Image

_EPSILON = 1e-4  # of the lift: with radius 1 it reproduces photographs best
_HISTORY = 10


def refine_look(
    look: Look,
    content: Image,
    objective: Objective,
    axes: Tensor,
    iterations: int,
    device: torch.device,
    progress: ProgressCallback,
) -> Look:
    """Improve a fitted look by a few steps on the pixels of its small result.

    Args:
        look: The look to start from.
        content: `H W 3` in [0, 1], at the size of the fit.
        objective: What to minimise, exact: it must not change from call to call.
        axes: `H W 3 3`, on the device: what of a change of colour each pixel is free to take.
        iterations: L-BFGS steps, >= 1.
        device: Where to compute.
        progress: Called with stage `"refine"`.

    Returns:
        The look with its refinement.
    """
    start = np.concatenate([block for _, block in look.blocks(content, 1.0)])
    scale = _preconditioner(torch.from_numpy(content).to(device))
    origin = torch.from_numpy(start).to(device)
    change = torch.zeros_like(origin, requires_grad=True)
    (everything,) = objective.draws(1)
    optimiser = torch.optim.LBFGS(
        [change], max_iter=1, history_size=_HISTORY, line_search_fn="strong_wolfe"
    )

    def gain() -> Tensor:
        return scale * (axes @ change[..., None])[..., 0]

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss: Tensor = objective(origin + gain(), everything)
        loss.backward()
        return loss

    for step in range(iterations):
        optimiser.step(closure)
        progress(Progress("refine", step + 1, iterations))
    found = gain().detach().cpu().numpy()
    return replace(look, refinement=fit_affine(content, found, radius=1, epsilon=_EPSILON))


def _preconditioner(content: Tensor) -> Tensor:
    """`H W 1`: the inverse root of the matting Laplacian's diagonal, at most 10 times its mean."""
    laplacian = MattingLaplacian(content.permute(2, 0, 1).contiguous(), epsilon=9e-4)
    diagonal = laplacian.diagonal[0]
    return (diagonal + 0.01 * diagonal.mean()).rsqrt()[..., None]
