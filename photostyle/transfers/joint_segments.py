"""Segments without masks: both photos are divided together, so that sky goes to sky.

Many mixtures are fitted, with several numbers of clusters and several starts, and what the places
show divides them, too. The clusters are those most of these agree on (Strehl and Ghosh 2002,
Cluster ensembles; Fern and Brodley 2004, the bipartite graph of places and clusters). What one
photo lacks, what does not differ in the content, and what is not told apart in the same way in both
photos, is merged; that leaves a single segment where two photos have nothing in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from photostyle.transfers.joint_mixture import Matrix, Places, fit_mixture, smoothed
from photostyle.transfers.outlines import outlined
from photostyle.transfers.scene_kinds import shrunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photostyle.features import Encoder

Image = NDArray[np.float32]
Labels = NDArray[np.uint8]
Numbers = NDArray[np.intp]

_FEWEST = 100  # places below which a photo is not divided
_COUNTS = (3, 4, 5)
_STARTS = 3
_FINAL = 4  # clusters that the mixtures have to agree on, before any are merged ...
_MOST = 6  # ... or as many as there are kinds in both photos, up to this
_VOTES = 4  # of what the places show, beside those of nine mixtures
_SHARE = 0.02  # of either photo below which a cluster is merged
_SAME_LOOK = 0.05  # Bhattacharyya distance of colours below which clusters are merged
_SEAM = 3.0  # Lab units across a border below which there is none to be seen
_BORDER = 5  # pairs of neighbours that make a border
_FEATURES = 12  # principal components of the encoder's features
_KINDS = 0.8  # weight of what places show in the mixtures ...
_SURE = 1.5  # ... and when clusters are confirmed
_CONFIRMED = 1.5  # how far two clusters have to differ in the same way in both photos, in all ...
_SHOWN = 0.3  # ... and in what they show
_UNIT = 3.4  # makes a uniform distribution on [0, 1] one of about unit variance


def joint_labels(
    content: Image, style: Image, encoder: Encoder, kinds: Sequence[Image]
) -> tuple[Labels, Labels]:
    """Divide two photos into segments that belong together.

    Args:
        content: `H W 3` in [0, 1].
        style: `h w 3` in [0, 1].
        encoder: The bundled network; what it sees depends little on light and season.
        kinds: What the places of the content and those of the style show: of `kinds_of_places`.

    Returns:
        Labels of the content, `H W`, and of the style, `h w`: the same values, from 0, in both.
        All 0 where no division serves both photos.
    """
    small = [shrunk(photo) for photo in (content, style)]
    maps = [_coarse_features(photo, encoder) for photo in small]
    pair = describe(small, maps, kinds)
    if min(len(places.colours) for places in pair) < _FEWEST:
        return tuple(np.zeros(photo.shape[:2], np.uint8) for photo in (content, style))  # type: ignore[return-value]
    ours, theirs = divide(pair)
    return (
        outlined(ours.reshape(pair[0].size), content),
        outlined(theirs.reshape(pair[1].size), style),
    )


def describe(
    photos: Sequence[Image], maps: Sequence[Image], kinds: Sequence[Image]
) -> tuple[Places, Places]:
    """Describe the places of two photos.

    Args:
        photos: The content and the style, `H W 3` in [0, 1].
        maps: `h w C`, the encoder's coarsest map of each.
        kinds: `? ? K` of the photo's shape, how likely places show each kind.

    Returns:
        The places of both, one per place of the features' maps.
    """
    directions = []
    for features in maps:
        flat = features.reshape(-1, features.shape[-1]).astype(np.float64)
        flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
        directions.append(flat - flat.mean(0))  # what the look adds everywhere is taken away
    both = np.concatenate(directions)
    variances, axes = np.linalg.eigh(both.T @ both / len(both))
    axes = axes[:, : -_FEATURES - 1 : -1] / np.sqrt(variances[-3:].mean() + 1e-12)
    first, second = (
        _places(photo, features.shape[:2], flat @ axes, shares)
        for photo, features, flat, shares in zip(photos, maps, directions, kinds, strict=True)
    )
    return first, second


def divide(pair: tuple[Places, Places]) -> tuple[Numbers, Numbers]:
    """Divide the places of two photos into clusters that both have.

    Args:
        pair: The places.

    Returns:
        Labels from 0, one per place, for both photos.
    """
    shared = np.concatenate([places.shared for places in pair])
    partitions = [
        fit_mixture(pair, _partition(shared, count, seed))
        for count in _COUNTS
        for seed in range(_STARTS)
    ]
    kinds = shared_kinds(pair)
    count = min(max(_FINAL, int(kinds.max()) + 1), _MOST)
    if kinds.max():
        partitions += [kinds] * _VOTES
    embedding = _agreement(partitions, count)
    labels = min(
        (_partition_cost(embedding, count, seed) for seed in range(2 * _STARTS)),
        key=lambda found: found[0],
    )[1]
    split = len(pair[0].colours)
    parts = [
        smoothed(part, places, count)
        for part, places in zip((labels[:split], labels[split:]), pair, strict=True)
    ]
    return confirmed(pair, *merged(pair, parts[0], parts[1]))


def shared_kinds(pair: tuple[Places, Places]) -> Numbers:
    """Divide the places of two photos by what they show.

    What shows a kind that only one of them has goes to the likeliest of those both have.

    Args:
        pair: The places of both photos.

    Returns:
        `N + M`: labels from 0, the places of the first photo, then the second's; all 0 where the
        photos share one kind or none.
    """
    shown = [places.shown**2 for places in pair]
    kept = list(range(shown[0].shape[1]))
    while len(kept) > 1:
        named = [part[:, kept].argmax(1) for part in shown]
        shares = [np.bincount(part, minlength=len(kept)) / len(part) for part in named]
        least = np.minimum(*shares)
        if least.min() >= _SHARE:
            return np.concatenate(named)
        del kept[int(least.argmin())]
    return np.zeros(sum(len(part) for part in shown), np.intp)


def merged(pair: tuple[Places, Places], ours: Numbers, theirs: Numbers) -> tuple[Numbers, Numbers]:
    """Dissolve clusters that one photo lacks, and those the content goes over into others.

    Where nothing is to be seen between two clusters of the content, two looks would show a border.

    The places of such a cluster go to the cluster that looks most like it, in each photo on its
    own: what lies between sky and ground may be sky in one photo and ground in the other.

    Args:
        pair: The places of both photos.
        ours: Labels of the content's places.
        theirs: Labels of the style's.

    Returns:
        The labels, renumbered from 0, the same ones for both photos.
    """
    labels = [ours.copy(), theirs.copy()]
    while True:
        names = np.unique(np.concatenate(labels))
        if len(names) == 1:
            break
        shares = np.array([[(part == k).mean() for k in names] for part in labels])
        apart = _distances(pair[0].colours, labels[0], names)
        lacking = shares.min(0) < _SHARE
        seamless = (apart < _SAME_LOOK) | (_seams(pair[0], labels[0], names) < _SEAM)
        alike = (shares[0] <= shares[0][:, None]) & seamless
        if lacking.any():
            leaving = int(np.where(lacking, shares.sum(0), np.inf).argmin())
        elif alike.any():
            leaving = int(np.unravel_index(np.where(alike, apart, np.inf).argmin(), apart.shape)[1])
        else:
            break
        for places, part in zip(pair, labels, strict=True):
            nearest = _distances(places.colours, part, names)[leaving].argmin()
            part[part == names[leaving]] = names[nearest]
    names = np.unique(np.concatenate(labels))
    first, second = (np.searchsorted(names, part) for part in labels)
    return first, second


def confirmed(
    pair: tuple[Places, Places], ours: Numbers, theirs: Numbers
) -> tuple[Numbers, Numbers]:
    """Dissolve clusters that are not told apart in the same way in both photos.

    A sky and a ground differ in where they are and in what they show, and so they do in the other
    photo. Where two clusters differ in one photo as they do not in the other, they may as well be
    paired the other way round, and then a single one is the better choice.

    Args:
        pair: The places of both photos.
        ours: Labels from 0 of the content's places, all of them taken.
        theirs: Labels of the style's, likewise.

    Returns:
        The labels, renumbered from 0, the same ones for both photos.
    """
    labels = [ours.copy(), theirs.copy()]
    while (count := int(labels[0].max()) + 1) > 1:
        layout = _alike([places.layout for places in pair], labels, count)
        shown = _SURE**2 * _alike([places.shown for places in pair], labels, count)
        margin = np.minimum(layout + shown - _CONFIRMED, shown - _SHOWN)
        margin[np.diag_indices(count)] = np.inf
        kept, leaving = np.sort(np.unravel_index(margin.argmin(), margin.shape))
        if margin[kept, leaving] >= 0:
            break
        for part in labels:
            part[part == leaving] = kept
            part[part > leaving] -= 1
    return labels[0], labels[1]


def _alike(values: Sequence[Matrix], labels: Sequence[Numbers], count: int) -> Matrix:
    """`K K`: how far clusters differ in the same way in both photos, as scalar products."""
    steps = []
    for own, part in zip(values, labels, strict=True):
        middles = np.stack([own[part == k].mean(0) for k in range(count)])
        steps.append(middles[:, None] - middles)
    product: Matrix = (steps[0] * steps[1]).sum(-1)
    return product


def _seams(places: Places, labels: Numbers, names: Numbers) -> Matrix:
    """`K K`: median step of colour across the border of two clusters; infinite without one."""
    colours, grid = places.colours.reshape(*places.size, 3), labels.reshape(places.size)
    steps = [np.linalg.norm(np.diff(colours, axis=axis), axis=-1).ravel() for axis in (0, 1)]
    sides = [
        (np.searchsorted(names, grid[:-1]), np.searchsorted(names, grid[1:])),
        (np.searchsorted(names, grid[:, :-1]), np.searchsorted(names, grid[:, 1:])),
    ]
    step = np.concatenate(steps)
    one, other = (np.concatenate([side[i].ravel() for side in sides]) for i in (0, 1))
    seams = np.full((len(names), len(names)), np.inf)
    for i in range(len(names)):
        for j in range(i):
            border = ((one == i) & (other == j)) | ((one == j) & (other == i))
            if border.sum() >= _BORDER:
                seams[i, j] = seams[j, i] = np.median(step[border])
    return seams


def _distances(colours: Matrix, labels: Numbers, names: Numbers) -> Matrix:
    """`K K`: how different clusters look; infinite to themselves and to those without places."""
    distances = np.full((len(names), len(names)), np.inf)
    sets = [colours[labels == k] for k in names]
    for i, first in enumerate(sets):
        for j, second in enumerate(sets[:i]):
            if len(first) and len(second):
                distances[i, j] = distances[j, i] = _bhattacharyya(first, second)
    return distances


def _coarse_features(photo: Image, encoder: Encoder) -> Image:
    device = next(encoder.parameters()).device
    batch = torch.from_numpy(photo).permute(2, 0, 1)[None].to(device)
    with torch.inference_mode():
        features = encoder(batch)[-1][0].permute(1, 2, 0)
    return np.asarray(features.cpu().numpy(), np.float32)


def _places(photo: Image, size: tuple[int, int], features: Matrix, kinds: Image) -> Places:
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)
    luma = lab[..., 0]
    steps = np.hypot(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)) / 8
    calm = cv2.GaussianBlur(_averaged(np.log(steps + 0.3), size), (0, 0), 1).reshape(-1, 1)
    calm = (calm - calm.mean()) / (calm.std() + 0.05)
    rows, columns = ((np.arange(count) + 0.5) / count - 0.5 for count in size)
    y, x = (axis.reshape(-1, 1) for axis in np.meshgrid(rows, columns, indexing="ij"))
    aside = 2 * np.abs(x) - 0.5  # segments seldom care which side of the middle they are on
    average = _averaged(lab, size).astype(np.float64)
    ways = _ways(average)
    layout = np.concatenate([_UNIT * y, 0.4 * _UNIT * aside, 0.6 * _UNIT * ways, 0.7 * calm], 1)
    shares = cv2.resize(kinds, size[::-1]).reshape(len(layout), -1)
    shown = np.sqrt(shares)  # unit vectors, apart as distributions are
    colours = average.reshape(-1, 3) * [1, 1.4, 1.4]
    return Places(
        size,
        np.concatenate([layout, 0.5 * features, _KINDS * shown], 1).astype(np.float64),
        colours.astype(np.float64),
        layout.astype(np.float64),
        shown.astype(np.float64),
    )


def _ways(colours: Matrix) -> Matrix:
    """How far it is to the photo's upper border, and to any, by the calmest way.

    A way costs the steps of colour it crosses (Wei et al. 2012, Geodesic saliency using background
    priors). A sky, by day or by night, is near the upper border; a background is near any; what
    stands before them is far.

    Args:
        colours: `h w 3`.

    Returns:
        `N 2`: ranks among the photo's places, evenly from -0.5 to 0.5.
    """
    down = np.linalg.norm(np.diff(colours, axis=0), axis=-1)
    right = np.linalg.norm(np.diff(colours, axis=1), axis=-1)
    usual = float(np.median(np.concatenate([down.ravel(), right.ravel()])))
    down, right = (np.maximum(steps - usual, 0) + 0.05 * usual + 0.02 for steps in (down, right))
    upper = np.zeros(colours.shape[:2], bool)
    upper[0] = True
    border = upper.copy()
    border[-1] = border[:, 0] = border[:, -1] = True
    ranks = []
    for start in (upper, border):
        far = np.where(start, 0.0, np.inf)
        before = np.empty_like(far)
        while not np.array_equal(before, far):
            before[:] = far
            np.minimum(far[1:], far[:-1] + down, out=far[1:])
            np.minimum(far[:-1], far[1:] + down, out=far[:-1])
            np.minimum(far[:, 1:], far[:, :-1] + right, out=far[:, 1:])
            np.minimum(far[:, :-1], far[:, 1:] + right, out=far[:, :-1])
        order = np.argsort(far, axis=None, kind="stable")
        rank = np.empty(far.size)
        rank[order] = (np.arange(far.size) + 0.5) / far.size - 0.5
        ranks.append(rank)
    return np.stack(ranks, 1)


def _averaged(values: NDArray[Any], size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _partition(values: Matrix, count: int, seed: int) -> Numbers:
    return _partition_cost(values, count, seed)[1]


def _partition_cost(values: Matrix, count: int, seed: int) -> tuple[float, Numbers]:
    """K-means (Lloyd 1982) with seeding by distance (Arthur and Vassilvitskii 2007)."""
    random = np.random.default_rng(seed)
    centres = values[[random.integers(len(values))]]
    nearest = _squares(values, centres)[:, 0]
    for _ in range(count - 1):
        chance = nearest + 1e-12
        centre = values[[random.choice(len(values), p=chance / chance.sum())]]
        centres = np.concatenate([centres, centre])
        nearest = np.minimum(nearest, _squares(values, centre)[:, 0])
    for _ in range(10):
        distances = _squares(values, centres)
        labels = distances.argmin(1)
        for k in range(count):
            if (labels == k).any():
                centres[k] = values[labels == k].mean(0)
    cost = float(distances[np.arange(len(values)), labels].sum())
    return cost, np.unique(labels, return_inverse=True)[1]


def _squares(values: Matrix, centres: Matrix) -> Matrix:
    squares = (values**2).sum(1)[:, None] - 2 * values @ centres.T + (centres**2).sum(1)
    return np.asarray(squares.clip(0))


def _agreement(partitions: Sequence[Numbers], dimensions: int) -> Matrix:
    """`N D`, unit vectors: near each other where most partitions put places together."""
    columns = []
    for labels in partitions:
        indicator = np.eye(int(labels.max()) + 1)[labels]
        columns.append(indicator / np.sqrt(indicator.sum(0) + 1))
    matrix = np.concatenate(columns, 1)
    values, vectors = np.linalg.eigh(matrix.T @ matrix)
    leading = slice(None, -dimensions - 1, -1)
    embedding = matrix @ (vectors[:, leading] / np.sqrt(values[leading].clip(1e-12)))
    lengths = np.linalg.norm(embedding, axis=1, keepdims=True)
    unit: Matrix = embedding / np.maximum(lengths, 1e-12)
    return unit


def _bhattacharyya(first: Matrix, second: Matrix) -> float:
    """Distance between the normal distributions of two sets of colours."""
    covariances = [np.cov(values.T, bias=True) + 4 * np.eye(3) for values in (first, second)]
    middle = (covariances[0] + covariances[1]) / 2
    apart = first.mean(0) - second.mean(0)
    logs = [np.linalg.slogdet(matrix)[1] for matrix in (middle, *covariances)]
    return float(
        apart @ np.linalg.solve(middle, apart) / 8 + (logs[0] - (logs[1] + logs[2]) / 2) / 2
    )
