"""Rooms that are made up: what every one has, and how much they differ."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.training.rooms import FLOOR, FURNITURE, LIGHT, OBJECT, WALL, Room, random_room

ROOMS = [random_room(np.random.default_rng(seed), 5) for seed in range(40)]


@pytest.mark.parametrize("room", ROOMS[:12])
def test_a_room_is_closed_and_lit(room: Room) -> None:
    assert room.kinds[:6] == [FLOOR] + 5 * [WALL]
    assert room.lamps
    boxes = room.boxes()
    assert len(boxes.centres) == len(room.kinds) == len(room.materials)
    size = np.array([room.width, room.height, room.depth])
    low, high = boxes.centres - boxes.halves, boxes.centres + boxes.halves
    inner = np.array([[0, 0, 0], size])
    faces = [high[0, 1], low[1, 1], low[2, 2], high[3, 2], high[4, 0], low[5, 0]]
    assert faces == pytest.approx([0, size[1], size[2], 0, 0, size[0]])
    assert (boxes.halves > 0).all()
    for place, colour in room.lamps:
        assert (np.array(place) > inner[0]).all()
        assert (np.array(place) < inner[1]).all()
        assert min(colour) > 0


@pytest.mark.parametrize("room", ROOMS[:12])
def test_materials_are_of_this_world(room: Room) -> None:
    for material in room.materials:
        assert 0 <= material.texture < 5
        assert 0 <= material.gloss < 1
        assert min(material.colour) > 0
        assert material.shines or max(material.colour) <= 1


def test_rooms_have_what_rooms_have() -> None:
    share = {
        kind: np.mean([kind in room.kinds[6:] for room in ROOMS])
        for kind in (FURNITURE, LIGHT, OBJECT)
    }
    assert share[FURNITURE] > 0.8
    assert share[LIGHT] > 0.9
    assert share[OBJECT] > 0.5
    assert len({round(room.width, 3) for room in ROOMS}) == len(ROOMS)


def test_things_stand_on_the_floor_below_the_ceiling() -> None:
    for room in ROOMS:
        boxes = room.boxes()
        kinds = np.array(room.kinds)
        stands = np.isin(kinds, (FURNITURE, OBJECT))
        assert (boxes.centres[stands, 1] - boxes.halves[stands, 1] > -0.01).all()
        assert (boxes.centres[stands, 1] < max(room.height, 2.4)).all()


def test_the_same_numbers_make_the_same_room() -> None:
    first, second = (random_room(np.random.default_rng(7), 5).boxes() for _ in range(2))
    np.testing.assert_array_equal(first.centres, second.centres)
