"""Rooms to learn from where photos of rooms are few: boxes that stand as furniture does.

What is drawn at random is what rooms differ in: their sizes, what stands where, the light. What all
rooms have in common stays: a floor, walls and a ceiling; windows in walls, cabinets along them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from photostyle.features.scene_parser import KINDS
from photostyle.training.box_rays import Boxes

WALL, FLOOR, FURNITURE, LIGHT, OBJECT = (
    KINDS.index(name) for name in ("indoor wall", "indoor floor", "furniture", "light", "object")
)


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface looks."""

    colour: tuple[float, float, float]
    """Reflectance, linear light; of a shining surface the light it sends out, 1 for white paper."""

    texture: int = 0
    """Index of the texture that varies the colour."""

    scale: float = 1.0
    """Metres that the texture spans; 0 spans it over the whole face."""

    contrast: float = 0.0
    """How strong the texture is; 1 for the texture's own colours."""

    gloss: float = 0.0
    """Share of light that is mirrored."""

    shines: bool = False
    """Whether it is seen by its own light."""


@dataclass(slots=True)
class Room:
    """Boxes, what they are, and where light comes from."""

    width: float
    height: float
    depth: float
    materials: list[Material] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    lamps: list[tuple[tuple[float, float, float], tuple[float, float, float]]] = field(
        default_factory=list
    )
    """Places that light comes from, and its colour at one metre."""

    _boxes: list[tuple[float, ...]] = field(default_factory=list)

    def add(
        self,
        centre: tuple[float, float, float],
        size: tuple[float, float, float],
        material: Material,
        kind: int,
        turn: float = 0.0,
    ) -> None:
        """Put a box somewhere.

        Args:
            centre: Of the box, in metres: x from 0 to the width, y from the floor, z from the
                wall behind the camera.
            size: Width, height and depth in metres.
            material: Of all its faces.
            kind: What it shows, an index of `KINDS`.
            turn: Angle about the vertical through its middle, in radians.
        """
        halves = (max(side, 1e-3) / 2 for side in size)
        self._boxes.append((*centre, *halves, np.cos(turn), np.sin(turn)))
        self.materials.append(material)
        self.kinds.append(kind)

    def boxes(self) -> Boxes:
        """Return the boxes in the order in which they were added."""
        table = np.asarray(self._boxes, np.float32)
        return Boxes(*(np.ascontiguousarray(part) for part in np.split(table, [3, 6], axis=1)))


class _Place:
    """A frame of reference to build furniture in: x along its front, z away from its back."""

    def __init__(self, room: Room, x: float, z: float, turn: float) -> None:
        self._room, self._x, self._z, self._turn = room, x, z, turn

    def add(
        self,
        centre: tuple[float, float, float],
        size: tuple[float, float, float],
        material: Material,
        kind: int = FURNITURE,
    ) -> None:
        x, y, z = centre
        cosine, sine = np.cos(self._turn), np.sin(self._turn)
        turned = (self._x + cosine * x - sine * z, y, self._z + sine * x + cosine * z)
        self._room.add(turned, size, material, kind, self._turn)

    def away(self, distance: float) -> _Place:
        """The same frame, farther from the wall."""
        x, z = self._x - np.sin(self._turn) * distance, self._z + np.cos(self._turn) * distance
        return _Place(self._room, x, z, self._turn)


def random_room(random: np.random.Generator, textures: int) -> Room:
    """Furnish a room.

    Args:
        random: Source of all random numbers.
        textures: Number of textures that materials may have.

    Returns:
        The room; its first six boxes are the floor, the ceiling and four walls.
    """
    u = random.uniform
    hall = u() < 0.2
    room = Room(u(3, 7), u(2.3, 3.2), u(4, 8))
    if hall:
        room = Room(u(6, 14), u(4, 9), u(10, 25))
    make = _Materials(random, textures)
    _shell(room, make, random)
    _openings(room, make, random)
    if hall:
        _rows(room, make, random)
    elif u() < 0.45:
        _kitchen(room, make, random)
    else:
        _living(room, make, random)
    _lamps(room, make, random)
    return room


class _Materials:
    """Random materials, as rooms have them."""

    def __init__(self, random: np.random.Generator, textures: int) -> None:
        self._random, self._textures = random, textures
        self._warmth = random.uniform(-0.15, 0.25)

    def _colour(self, low: float, high: float, chroma: float) -> tuple[float, float, float]:
        grey = self._random.uniform(low, high)
        tint = self._random.normal(0, chroma, 3)
        red, green, blue = np.clip(grey * np.exp(tint - tint.mean()), 0.01, 0.95)
        return float(red), float(green), float(blue)

    def _textured(
        self, colour: tuple[float, float, float], scale: float, contrast: float, gloss: float = 0.0
    ) -> Material:
        return Material(colour, int(self._random.integers(self._textures)), scale, contrast, gloss)

    def wall(self) -> Material:
        u = self._random.uniform
        dark = u() < 0.2
        colour = self._colour(0.1, 0.4, 0.3) if dark else self._colour(0.45, 0.9, 0.12)
        return self._textured(colour, u(0.6, 3), u(0.5, 1) if u() < 0.2 else u(0, 0.15))

    def floor(self) -> Material:
        u = self._random.uniform
        gloss = u(0.02, 0.35) if u() < 0.6 else 0.0
        return self._textured(self._colour(0.08, 0.6, 0.25), u(0.5, 3), u(0.2, 1), gloss)

    def wood(self) -> Material:
        u = self._random.uniform
        grey = u(0.04, 0.5)
        colour = (1.35 * grey, grey, u(0.45, 0.8) * grey)
        if u() < 0.35:
            colour = self._colour(0.03, 0.85, 0.1)
        return self._textured(colour, u(0.3, 1.5), u(0, 0.7), u(0, 0.12))

    def fabric(self) -> Material:
        u = self._random.uniform
        return self._textured(self._colour(0.03, 0.8, 0.4), u(0.15, 1), u(0, 0.8))

    def thing(self) -> Material:
        u = self._random.uniform
        return self._textured(self._colour(0.03, 0.8, 0.6), 0, u(0, 1), u(0, 0.2))

    def picture(self) -> Material:
        return Material((0.5, 0.5, 0.5), int(self._random.integers(self._textures)), 0, 1)

    def window(self) -> Material:
        u = self._random.uniform
        level = u(0.02, 0.2) if u() < 0.15 else u(0.6, 3)
        colour = (level, level, level * u(0.95, 1.25))
        texture = int(self._random.integers(self._textures))
        return Material(colour, texture, 0, u(0.1, 1), shines=True)

    def lamp(self) -> Material:
        level = self._random.uniform(0.8, 4)
        return Material((level, 0.85 * level, 0.6 * level), shines=True)


def _shell(room: Room, make: _Materials, random: np.random.Generator) -> None:
    w, h, d = room.width, room.height, room.depth
    wall, ceiling = make.wall(), make.wall() if random.uniform() < 0.3 else Material((0.8,) * 3)
    room.add((w / 2, -0.5, d / 2), (w + 2, 1, d + 2), make.floor(), FLOOR)
    room.add((w / 2, h + 0.5, d / 2), (w + 2, 1, d + 2), ceiling, WALL)
    walls = [wall if random.uniform() < 0.75 else make.wall() for _ in range(4)]
    room.add((w / 2, h / 2, d + 0.5), (w + 2, h, 1), walls[0], WALL)
    room.add((w / 2, h / 2, -0.5), (w + 2, h, 1), walls[1], WALL)
    room.add((-0.5, h / 2, d / 2), (1, h, d), walls[2], WALL)
    room.add((w + 0.5, h / 2, d / 2), (1, h, d), walls[3], WALL)
    skirting = make.wall()
    if random.uniform() < 0.6:
        room.add((w / 2, 0.05, d), (w, 0.1, 0.03), skirting, WALL)
        for x in (0, w):
            room.add((x, 0.05, d / 2), (0.03, 0.1, d), skirting, WALL)
    if random.uniform() < 0.25:
        beam = make.wood()
        for z in np.arange(0.5, d, random.uniform(0.6, 2)):
            room.add((w / 2, h - 0.08, z), (w, 0.16, 0.14), beam, WALL)


def _on_wall(room: Room, side: int, along: float) -> tuple[_Place, float]:
    """A frame on a wall (0 far, 1 left, 2 right), and the wall's length."""
    if side == 0:
        return _Place(room, along * room.width, room.depth, np.pi), room.width
    x, turn = ((0.0, -np.pi / 2), (room.width, np.pi / 2))[side - 1]
    return _Place(room, x, along * room.depth, turn), room.depth


def _openings(room: Room, make: _Materials, random: np.random.Generator) -> None:
    """Windows, pictures and doors."""
    u = random.uniform
    frame, glass = make.wall(), make.window()
    tall = u(0.45, 0.75) * room.height
    for side in range(3):
        places = random.permutation(5)[: random.integers(0, 4)]
        for along in (places + 0.5) / 5:
            place, length = _on_wall(room, side, float(along))
            wide = u(0.5, 0.9) * length / 5
            what = u()
            if what < 0.5:
                bottom = 0.05 if u() < 0.2 else u(0.25, 0.4) * room.height
                top = min(bottom + tall, 0.92 * room.height)
                size, y = (wide, top - bottom), (bottom + top) / 2
                place.add((0, y, 0), (size[0] + 0.14, size[1] + 0.14, 0.04), frame, WALL)
                place.add((0, y, 0), (*size, 0.07), glass, LIGHT)
                for x in np.linspace(-0.5, 0.5, random.integers(2, 5))[1:-1]:
                    place.add((x * wide, y, 0), (0.05, size[1], 0.1), frame, LIGHT)
                if u() < 0.5:
                    place.add((0, y + u(-0.2, 0.2), 0), (wide, 0.05, 0.1), frame, LIGHT)
                if u() < 0.3:
                    cloth = make.fabric()
                    for x in (-0.6, 0.6):
                        place.add(
                            (x * wide, y, 0.1), (0.25 * wide, size[1] + 0.3, 0.1), cloth, WALL
                        )
                light = size[0] * size[1] * u(0.3, 2)
                middle = {0: (along * room.width, room.depth - 0.4), 1: (0.4, along * room.depth)}
                x, z = middle.get(side, (room.width - 0.4, along * room.depth))
                room.lamps.append(((float(x), y, float(z)), _times(glass.colour, light)))
            elif what < 0.8:
                y, high = u(0.5, 0.65) * room.height, u(0.3, 0.9)
                place.add((0, y, 0), (0.8 * wide + 0.08, high + 0.08, 0.05), make.wood(), OBJECT)
                place.add((0, y, 0), (0.8 * wide, high, 0.06), make.picture(), OBJECT)
            else:
                high = min(2.0, 0.85 * room.height)
                place.add((0, high / 2, 0), (1.0, high, 0.05), make.wood(), WALL)
                place.add((0, high / 2, 0), (0.85, high - 0.08, 0.08), make.wood(), WALL)


def _things(
    place: _Place, make: _Materials, random: np.random.Generator, y: float, wide: float, deep: float
) -> None:
    """Things that lie on a surface."""
    for _ in range(random.integers(0, 6)):
        size = random.uniform(0.06, 0.3, 3)
        x, z = random.uniform(-0.45, 0.45, 2) * (wide, deep)
        place.add((x, y + size[1] / 2, z), tuple(size), make.thing(), OBJECT)


def _table(
    place: _Place, make: _Materials, random: np.random.Generator, size: tuple[float, float, float]
) -> None:
    """A table, a stool or a bench: a board on legs, or on a block."""
    wide, high, deep = size
    top, leg = make.wood(), make.wood()
    place.add((0, high - 0.03, 0), (wide, 0.06, deep), top)
    if random.uniform() < 0.2:
        place.add((0, high / 2 - 0.03, 0), (0.8 * wide, high - 0.06, 0.8 * deep), leg)
    else:
        for x in (-0.45, 0.45):
            for z in (-0.43, 0.43):
                place.add((x * wide, high / 2, z * deep), (0.06, high - 0.06, 0.06), leg)


def _chair(place: _Place, make: _Materials, random: np.random.Generator) -> None:
    wide, seat = random.uniform(0.38, 0.5), random.uniform(0.4, 0.75)
    _table(place, make, random, (wide, seat, wide))
    if random.uniform() < 0.8:
        place.add((0, seat + 0.25, -0.45 * wide), (wide, 0.5, 0.05), make.wood())


def _sofa(place: _Place, make: _Materials, random: np.random.Generator, wide: float) -> None:
    cloth, cushion, deep = make.fabric(), make.fabric(), random.uniform(0.8, 1.0)
    seats = max(1, round(wide / 0.7))
    place.add((0, 0.2, deep / 2), (wide, 0.34, deep), cloth)
    place.add((0, 0.5, 0.12), (wide, 0.8, 0.24), cloth)
    for side in (-0.5, 0.5):
        place.add((side * wide, 0.32, deep / 2), (0.2, 0.58, deep), cloth)
    for seat in range(seats):
        x = (seat + 0.5) / seats - 0.5
        place.add(
            (0.85 * x * wide, 0.42, 0.6 * deep), (0.82 * wide / seats, 0.14, 0.7 * deep), cloth
        )
        if random.uniform() < 0.6:
            place.add((0.8 * x * wide, 0.65, 0.35), (0.4, 0.36, 0.16), cushion)


def _bed(place: _Place, make: _Materials, random: np.random.Generator) -> None:
    wide, wood, sheet, cover = random.uniform(0.9, 1.9), make.wood(), make.fabric(), make.fabric()
    place.add((0, 0.15, 1.0), (wide + 0.1, 0.3, 2.05), wood)
    place.add((0, 0.4, 1.0), (wide, 0.24, 2.0), sheet)
    place.add((0, 0.42, 1.3), (wide + 0.06, 0.26, 1.4), cover)
    high = 0.5 + random.uniform(0.7, 1.3) / 2
    place.add((0, high / 2, 0.03), (wide + 0.1, high, 0.06), wood)
    for x in (-0.24, 0.24):
        place.add((x * wide, 0.58, 0.3), (0.4 * wide, 0.16, 0.4), sheet)


def _cabinet(
    place: _Place, make: _Materials, random: np.random.Generator,
    size: tuple[float, float, float], bottom: float, front: Material,
) -> None:  # fmt: skip
    """A block with doors or boards."""
    wide, high, deep = size
    y, doors = bottom + high / 2, max(1, round(wide / random.uniform(0.4, 0.6)))
    open_shelf = random.uniform() < 0.15
    back = make.wood() if open_shelf else front
    place.add((0, y, deep / 2), (wide, high, deep), back)
    for door in range(doors):
        x = ((door + 0.5) / doors - 0.5) * wide
        if open_shelf:
            for level in np.arange(0.1, high, 0.35):
                place.add((x, bottom + level, deep), (wide / doors, 0.03, 0.25), front)
                place.add((x, bottom + level + 0.1, deep), (0.3, 0.18, 0.15), make.thing(), OBJECT)
        else:
            place.add((x, y, deep), (wide / doors - 0.02, high - 0.03, 0.04), front)
            place.add((x + 0.15, y, deep + 0.03), (0.02, 0.12, 0.03), Material((0.3, 0.3, 0.3)))


def _living(room: Room, make: _Materials, random: np.random.Generator) -> None:
    """A living room, a bedroom or a dining room."""
    u = random.uniform
    middle = _Place(room, u(0.35, 0.65) * room.width, u(0.45, 0.7) * room.depth, u(-0.5, 0.5))
    if u() < 0.5:
        middle.add((0, 0.006, 0), (u(1, 2.5), 0.012, u(1, 2.5)), make.fabric(), FLOOR)
    size = (u(0.6, 1.8), u(0.35, 0.8), u(0.5, 1.0))
    if u() < 0.7:
        _table(middle, make, random, size)
        _things(middle, make, random, size[1], size[0], size[2])
    for _ in range(random.integers(0, 5)):
        place = _Place(room, u(0.15, 0.85) * room.width, u(0.35, 0.8) * room.depth, u(-3.2, 3.2))
        _chair(place, make, random)
    for side in random.permutation(3)[: random.integers(1, 4)]:
        place, length = _on_wall(room, int(side), u(0.35, 0.7))
        what = u()
        if what < 0.4:
            _sofa(place, make, random, min(u(0.8, 2.4), length - 0.5))
        elif what < 0.65:
            _bed(place, make, random)
        else:
            high = u(0.5, 2.1)
            wide, deep = u(0.6, 2.2), u(0.3, 0.6)
            _cabinet(place, make, random, (wide, high, deep), 0, make.wood())
            _things(place.away(deep / 2), make, random, high, wide, 0.2)


def _kitchen(room: Room, make: _Materials, random: np.random.Generator) -> None:
    """Cabinets along walls, some above, an island, stools."""
    u = random.uniform
    front, top, upper = make.wood(), make.wood(), make.wood()
    if u() < 0.6:
        upper = front
    for side in random.permutation(3)[: random.integers(1, 4)]:
        place, length = _on_wall(room, int(side), 0.5)
        wide = u(0.5, 0.95) * length
        _cabinet(place, make, random, (wide, 0.86, 0.6), 0, front)
        place.add((0, 0.89, 0.31), (wide, 0.05, 0.64), top)
        _things(place.away(0.3), make, random, 0.92, wide, 0.4)
        if u() < 0.7:
            _cabinet(place, make, random, (u(0.4, 1) * wide, u(0.5, 0.8), 0.35), 1.45, upper)
        if u() < 0.5:
            block = make.thing()
            place.add((u(-0.4, 0.4) * wide, 1.0, 0.33), (0.8, 2.0, 0.7), block)
    if u() < 0.6:
        island = _Place(room, u(0.35, 0.65) * room.width, u(0.4, 0.65) * room.depth, u(-0.2, 0.2))
        wide, deep = u(1, 2.2), u(0.6, 1)
        island.add((0, 0.43, 0), (wide, 0.86, deep), make.wood())
        island.add((0, 0.89, 0), (wide + 0.2, 0.05, deep + 0.2), top)
        _things(island, make, random, 0.92, wide, deep)
    for _ in range(random.integers(0, 4)):
        place = _Place(room, u(0.2, 0.8) * room.width, u(0.3, 0.6) * room.depth, u(-3.2, 3.2))
        _chair(place, make, random)


def _rows(room: Room, make: _Materials, random: np.random.Generator) -> None:
    """A hall: columns along both sides, benches or nothing between."""
    u = random.uniform
    stone, bench = make.wall(), make.wood()
    inset, step = u(0.08, 0.2) * room.width, u(2, 4)
    if u() < 0.7:
        thick = u(0.3, 0.9)
        for z in np.arange(2, room.depth, step):
            for x in (inset, room.width - inset):
                room.add((x, room.height / 2, z), (thick, room.height, thick), stone, WALL)
    if u() < 0.6:
        high, aisle = u(0.7, 1.0), u(1.0, 2.0)
        wide = (room.width - 2 * inset - aisle) / 2 - 0.5
        for z in np.arange(u(3, 6), room.depth - 2, u(0.9, 1.4)):
            for side in (-1, 1):
                x = room.width / 2 + side * (aisle + wide) / 2
                room.add((x, 0.45 * high, z), (wide, 0.06, 0.4), bench, FURNITURE)
                room.add((x, high / 2, z + 0.2), (wide, high, 0.06), bench, FURNITURE)


def _lamps(room: Room, make: _Materials, random: np.random.Generator) -> None:
    u = random.uniform
    count = random.integers(0 if room.lamps else 1, 4)
    for _ in range(count):
        bulb = make.lamp()
        x, z = u(0.2, 0.8) * room.width, u(0.35, 0.8) * room.depth
        what, light = u(), u(0.2, 1) * room.height / 2.5
        if what < 0.4:
            drop = u(0.2, 0.4) * room.height
            y = room.height - drop
            room.add(
                (x, room.height - drop / 2, z), (0.02, drop, 0.02), Material((0.1,) * 3), LIGHT
            )
            room.add((x, y, z), (u(0.15, 0.5), u(0.12, 0.3), u(0.15, 0.5)), bulb, LIGHT)
            room.lamps.append(((x, y - 0.25, z), _times(bulb.colour, light)))
        elif what < 0.7:
            y = u(0.9, 1.6)
            room.add((x, y / 2, z), (0.04, y, 0.04), Material((0.1,) * 3), LIGHT)
            room.add((x, y + 0.1, z), (0.35, 0.3, 0.35), bulb, LIGHT)
            room.lamps.append(((x, y + 0.5, z), _times(bulb.colour, light)))
        else:
            for spot in np.arange(0.5, room.depth, u(0.9, 1.6)):
                for side in (0.25, 0.75):
                    place = (side * room.width, room.height, spot)
                    room.add(place, (0.15, 0.03, 0.15), bulb, LIGHT)
            middle = (0.5 * room.width, room.height - 0.3, 0.5 * room.depth)
            room.lamps.append((middle, _times(bulb.colour, 2 * light)))


def _times(colour: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    red, green, blue = colour
    return red * factor, green * factor, blue * factor
