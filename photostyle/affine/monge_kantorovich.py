"""The one affine map that moves one cloud of colours onto another with the least change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def monge_kantorovich(
    source: NDArray[np.floating], target: NDArray[np.floating], *, ridge: float = 1e-3
) -> Matrix:
    """Linear Monge-Kantorovich map between the normal distributions of two sets of colours.

    Pitie and Kokaram 2007, The linear Monge-Kantorovitch linear colour mapping for example-based
    colour transfer.

    Args:
        source: `N 3`, N >= 1.
        target: `M 3`, M >= 1.
        ridge: Added to both covariances, squared units of the colours: a flat source is not
            stretched to noise.

    Returns:
        `3 4` matrix that takes `[R, G, B, 1]`.
    """
    mean_source, mean_target = source.mean(0, dtype=float), target.mean(0, dtype=float)
    root = _power(_covariance(source, mean_source) + ridge * np.eye(3), 0.5)
    inverse = np.linalg.inv(root)
    covariance = _covariance(target, mean_target) + ridge * np.eye(3)
    matrix = inverse @ _power(root @ covariance @ root, 0.5) @ inverse
    return np.column_stack([matrix, mean_target - matrix @ mean_source])


def _covariance(values: NDArray[np.floating], mean: Matrix) -> Matrix:
    centred = values - mean
    covariance: Matrix = centred.T @ centred / len(values)
    return covariance


def _power(matrix: Matrix, exponent: float) -> Matrix:
    values, vectors = np.linalg.eigh(matrix)
    power: Matrix = (vectors * values.clip(0) ** exponent) @ vectors.T
    return power
