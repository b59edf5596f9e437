"""A mixture that two photos share: layouts in common, a palette for each photo.

A sky is above the ground in both photos, calm in both, and the encoder sees the same in both; but
it is blue in one and black in the other. So a cluster has one normal distribution of what does not
depend on the look, for both photos together, and one of colours for each photo. Fitted by
expectation maximisation (Dempster et al. 1977), with neighbours of like colour drawn into the same
cluster by mean-field inference (Kraehenbuehl and Koltun 2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_STEPS = 8
_SHARED_FLOOR = 0.12  # least variance of a cluster in a shared dimension
_COLOUR_RIDGE = 30.0  # squared Lab units: no cluster is narrower than noise and texture
_PULL = 1.5  # of a neighbour of the same colour, in nats
_SAME = 8.0  # Lab units within which neighbours pull


@dataclass(frozen=True)
class Places:
    """What is known of the places of a photo, on a coarse grid."""

    size: tuple[int, int]
    """Rows and columns of the grid."""

    shared: Matrix
    """`N D`: position, calmness and features, of about unit variance."""

    colours: Matrix
    """`N 3`: Lab, the two colour axes stretched as far as they tell segments apart."""

    layout: Matrix
    """`N L`: position and calmness, as in `shared`."""

    shown: Matrix
    """`N K`: square roots of how likely each kind is."""


def fit_mixture(pair: tuple[Places, Places], labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Fit the mixture from a first partition.

    Args:
        pair: The places of both photos.
        labels: `N + M`, the first partition: the places of the first photo, then the second's;
            values from 0, each taken at least once.

    Returns:
        `N + M`, the likeliest cluster of every place; clusters may have died out.
    """
    count = int(labels.max()) + 1
    shared = np.concatenate([places.shared for places in pair])
    split = len(pair[0].shared)
    likeness = [_likeness(places) for places in pair]
    shares = 0.9 * np.eye(count)[labels] + 0.1 / count
    for _ in range(_STEPS):
        common = _shared_density(shared, shares)
        parts = []
        for places, near, rows in zip(
            pair, likeness, (slice(split), slice(split, None)), strict=True
        ):
            own = shares[rows]
            evidence = common[rows] + np.log(own.mean(0) + 0.01)
            evidence += _colour_density(places.colours, own)
            parts.append(_settled(evidence, near, places.size))
        shares = np.concatenate(parts)
    best: NDArray[np.intp] = shares.argmax(1)
    return best


def smoothed(labels: NDArray[np.intp], places: Places, count: int) -> NDArray[np.intp]:
    """Let neighbours of like colour vote, so that lone places join their surroundings.

    Args:
        labels: `N`, one per place of a photo.
        places: The places.
        count: Number of labels.

    Returns:
        `N`.
    """
    evidence = 2.0 * np.eye(count)[labels]
    voted: NDArray[np.intp] = _settled(evidence, _likeness(places), places.size).argmax(1)
    return voted


def _shared_density(values: Matrix, shares: Matrix) -> Matrix:
    """Log density of axis-aligned normal distributions, `N K`."""
    weight = shares.sum(0)[:, None] + 1e-6
    mean = shares.T @ values / weight
    variance = shares.T @ values**2 / weight - mean**2 + _SHARED_FLOOR
    squares = (
        values**2 @ (1 / variance).T
        - 2 * values @ (mean / variance).T
        + (mean**2 / variance).sum(1)
    )
    density: Matrix = -0.5 * (squares + np.log(variance).sum(1))
    return density


def _colour_density(colours: Matrix, shares: Matrix) -> Matrix:
    """Log density of normal distributions with full covariances, `N K`."""
    columns = []
    for weight in shares.T:
        total = weight.sum() + 1e-9
        centred = colours - weight @ colours / total
        covariance = (centred * weight[:, None]).T @ centred / total + _COLOUR_RIDGE * np.eye(3)
        root = np.linalg.cholesky(covariance)
        squares = (np.linalg.solve(root, centred.T) ** 2).sum(0)
        columns.append(-0.5 * squares - np.log(root.diagonal()).sum())
    return np.stack(columns, 1)


def _settled(evidence: Matrix, likeness: Matrix, size: tuple[int, int]) -> Matrix:
    """Shares that agree with the evidence and with the neighbours, `N K`."""
    shares = _softmax(evidence)
    for _ in range(3):
        pull = (likeness[:, :, None] * _neighbours(shares, size)).sum(0)
        shares = _softmax(evidence + _PULL * pull)
    return shares


def _likeness(places: Places) -> Matrix:
    """`4 N`: how much of one colour every place is with each of its neighbours."""
    apart = _neighbours(places.colours, places.size) - places.colours
    likeness: Matrix = np.exp((apart**2).sum(-1) / (-2 * _SAME**2))
    return likeness


def _neighbours(values: Matrix, size: tuple[int, int]) -> Matrix:
    """`4 N C`: the values above, below, left and right; at the border, a place's own."""
    padded = np.pad(values.reshape(*size, -1), ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
    return np.stack(around).reshape(4, len(values), -1)


def _softmax(evidence: Matrix) -> Matrix:
    shares: Matrix = np.exp(evidence - evidence.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    return shares
