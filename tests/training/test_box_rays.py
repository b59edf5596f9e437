"""Rays and boxes: what is hit first, where, and on which side."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.training.box_rays import Boxes, cast

Numbers = NDArray[np.float32]


def boxes(*rows: tuple[float, ...], turn: float = 0.0) -> Boxes:
    table = np.array(rows, np.float32)
    turns = np.tile(np.array([np.cos(turn), np.sin(turn)], np.float32), (len(table), 1))
    return Boxes(np.ascontiguousarray(table[:, :3]), np.ascontiguousarray(table[:, 3:]), turns)


def ray(*values: float) -> tuple[Numbers, Numbers]:
    return np.array([values[:3]], np.float32), np.array([values[3:]], np.float32)


def test_the_nearest_box_is_hit() -> None:
    hits = cast(boxes((0, 0, 9, 1, 1, 1), (0, 0, 5, 1, 1, 1)), *ray(0.2, 0.3, 0, 0, 0, 2))
    assert hits.boxes.tolist() == [1]
    assert hits.axes.tolist() == [2]
    assert hits.distances[0] == pytest.approx(2.0)  # lengths of a direction that is 2 long


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_each_axis_has_its_faces(axis: int) -> None:
    direction = -np.eye(3)[axis]
    hits = cast(boxes((0, 0, 0, 1, 2, 3)), *ray(*(9 * np.eye(3)[axis]), *direction))
    assert hits.axes.tolist() == [axis]
    assert hits.distances[0] == pytest.approx(9 - (axis + 1))


def test_a_ray_that_passes_or_points_away_hits_nothing() -> None:
    for values in ((3, 0, 0, 0, 0, 1), (0, 0, 0, 0, 0, -1)):
        hits = cast(boxes((0, 0, 5, 1, 1, 1)), *ray(*values))
        assert hits.boxes.tolist() == [-1]
        assert np.isinf(hits.distances).all()


def test_a_ray_does_not_see_the_box_it_starts_in_or_on() -> None:
    for start in (5.0, 6.0):
        hits = cast(boxes((0, 0, 5, 1, 1, 1)), *ray(0, 0, start, 0, 0, 1))
        assert hits.boxes.tolist() == [-1]


def test_a_turned_box_shows_its_edge() -> None:
    # The corner of a cube that is turned by 45 degrees is nearer than its face was.
    hits = cast(boxes((0, 0, 5, 1, 1, 1), turn=np.pi / 4), *ray(1e-4, 0, 0, 0, 0, 1))
    assert hits.distances[0] == pytest.approx(5 - np.sqrt(2), abs=1e-3)
    # Turned counter-clockwise seen from below: the point at its right was at its front.
    flat = boxes((0, 0, 5, 2, 1, 0.1), turn=0.3)
    right, left = (cast(flat, *ray(x, 0, 0, 0, 0, 1)).distances[0] for x in (1, -1))
    assert right - left == pytest.approx(2 * np.tan(0.3), abs=1e-3)


def test_agrees_with_points_along_rays() -> None:
    random = np.random.default_rng(0)
    table = np.concatenate([random.uniform(-2, 2, (6, 3)), random.uniform(0.1, 0.9, (6, 3))], 1)
    scene = boxes(*(tuple(row) for row in table))
    directions = random.normal(0, 1, (200, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origins = -6 * directions + random.uniform(-1, 1, (200, 3)).astype(np.float32)
    hits = cast(scene, origins, directions)
    steps = np.linspace(0, 12, 4001)
    points = origins[:, None] + steps[:, None] * directions[:, None]
    for n, (own, first, box) in enumerate(zip(points, hits.distances, hits.boxes, strict=True)):
        inside = (np.abs(own[:, None] - scene.centres) <= scene.halves).all(-1)
        if box < 0:
            assert inside.sum() <= 9, n  # a corner that is grazed
        else:
            entered = np.flatnonzero(inside.any(1))
            if len(entered):
                assert steps[entered[0]] == pytest.approx(first, abs=0.02)
                assert inside[entered[0], box]
    assert 20 < (hits.boxes >= 0).sum() < 200
