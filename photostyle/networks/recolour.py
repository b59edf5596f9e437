"""Mean and covariance of colours, and the affine map that gives photos other ones."""

from __future__ import annotations

import torch
from torch import Tensor

RIDGE = 1e-3
"""Added to covariances, squared units of the colours: a flat photo is not stretched to noise."""

ITERATIONS = 14
"""Of the square root; colours of photos need ten."""


def colour_moments(photos: Tensor) -> tuple[Tensor, Tensor]:
    """Measure the colours of photos.

    Args:
        photos: `B 3 H W`.

    Returns:
        Their means, `B 3`, and covariances with `RIDGE` on the diagonal, `B 3 3`.
    """
    colours = photos.flatten(2)
    mean = colours.mean(dim=2)
    centred = colours - mean[:, :, None]
    covariance = centred @ centred.transpose(1, 2) / colours.shape[2]
    return mean, covariance + RIDGE * torch.eye(3).to(photos)


def least_change(source: Tensor, target: Tensor) -> Tensor:
    """The symmetric map that gives colours of one covariance another one.

    Pitie and Kokaram 2007, The linear Monge-Kantorovitch linear colour mapping for example-based
    colour transfer. Differentiable even where eigenvalues coincide, as those of grey photos do: the
    square root is found by the iteration of Denman and Beavers 1976.

    Args:
        source: `... 3 3`, positive definite.
        target: `... 3 3`, positive definite.

    Returns:
        `... 3 3`, the M of `M source M = target`.
    """
    product = source @ target
    # Eigenvalues near 1 make the iteration short.
    size = product.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None] / 3
    root, inverse = product / size, torch.eye(3).to(product).expand_as(product)
    for _ in range(ITERATIONS):
        root, inverse = (
            (root + torch.linalg.inv(inverse)) / 2,
            (inverse + torch.linalg.inv(root)) / 2,
        )
    matrix: Tensor = torch.linalg.solve(source, root * size.sqrt())
    return matrix
