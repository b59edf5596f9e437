"""Pictures of rooms with the name of every place, rendered for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.training.box_rays import Boxes, Hits, cast
from photostyle.training.rooms import Room, random_room
from photostyle.training.scene_photos import NamedPhoto, random_piece

if TYPE_CHECKING:
    from collections.abc import Sequence

Numbers = NDArray[np.float32]

SIZE = (224, 288)
"""Height and width of a picture."""

_TEXTURE = 128  # pixels of a side
_PATTERNS = 12
_AROUND = 8  # directions in which places look for what shades them
_REACH = 2.0  # metres to what shades a place from the light of the room
_LAMP = 0.12  # metres, standard deviation of where a lamp's light comes from
_SURFACE = 2e-3  # metres from which rays leave a surface, so that they do not hit it


def rendered_rooms(count: int, photos: Sequence[NamedPhoto], seed: int) -> list[NamedPhoto]:
    """Render rooms: light of lamps and windows with shadows, what is left of it in corners, gloss.

    Args:
        count: How many.
        photos: Surfaces are covered with pieces of these.
        seed: The same seed and photos give the same rooms.

    Returns:
        Pictures of them.
    """
    return [_rendered(np.random.default_rng([seed, index]), photos) for index in range(count)]


@dataclass(frozen=True)
class _Scene:
    """A room, its boxes in arrays, and the textures of its materials."""

    room: Room
    boxes: Boxes
    textures: Numbers
    random: np.random.Generator

    def surfaces(
        self, hits: Hits, origins: Numbers, directions: Numbers
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Places that rays hit, their normals, and their reflectance or own light, all `R 3`."""
        distances = np.where(hits.boxes < 0, np.float32(0), hits.distances)
        places = (origins + distances[:, None] * directions).astype(np.float32)
        normals, coordinates = _on_faces(self.boxes, hits, places, directions)
        return places, normals, _colours(self.room, hits, coordinates, self.textures)

    def light(self, places: Numbers, normals: Numbers) -> Numbers:
        """Light that falls on places, `R 3`: of lamps they see, and of the room around."""
        starts = places + np.float32(_SURFACE) * normals
        light = np.zeros_like(places)
        total = np.zeros(3)
        for middle, colour in self.room.lamps:
            shifts = self.random.normal(0, _LAMP, places.shape)
            ways = (np.array(middle) + shifts - starts).astype(np.float32)
            far = np.linalg.norm(ways, axis=1)
            cosine = np.maximum((ways * normals).sum(1) / far, 0)
            free = cast(self.boxes, starts, ways).distances >= 0.97
            light += (cosine * free / (far**2 + 0.5))[:, None] * np.array(colour, np.float32)
            total += colour
        around = np.zeros(len(places), np.float32)
        for _ in range(_AROUND):
            ways = _unit(self.random.normal(0, 1, places.shape).astype(np.float32))
            ways = _unit(ways + np.float32(1.02) * normals)
            around += np.minimum(cast(self.boxes, starts, ways).distances / _REACH, 1) / _AROUND
        ambient = 0.5 * total / (self.room.width * self.room.depth)
        light += ambient.astype(np.float32) * around[:, None]
        return light


def _rendered(random: np.random.Generator, photos: Sequence[NamedPhoto]) -> NamedPhoto:
    textures = _textures(random, photos)
    room = random_room(random, len(textures))
    scene = _Scene(room, room.boxes(), textures, random)
    shines = np.array([material.shines for material in room.materials])[:, None]
    origins, directions = _camera(room, random)
    hits = cast(scene.boxes, origins, directions)
    places, normals, colours = scene.surfaces(hits, origins, directions)
    light = _quiet(scene.light(places, normals), hits)
    seen = colours * np.where(shines[hits.boxes], 1, light)

    gloss = np.array([material.gloss for material in room.materials], np.float32)[hits.boxes]
    if (shiny := gloss > 0).any():
        facing = (directions[shiny] * normals[shiny]).sum(1)[:, None]
        mirrored = directions[shiny] - 2 * facing * normals[shiny]
        mirrored += random.normal(0, 0.03, mirrored.shape).astype(np.float32)
        again = cast(scene.boxes, places[shiny], mirrored)
        others, normals, colours = scene.surfaces(again, places[shiny], mirrored)
        light = np.where(shines[again.boxes], 1, scene.light(others, normals))
        share = gloss[shiny, None] * (0.4 + 0.6 * (1 - np.abs(facing)) ** 3)
        seen[shiny] += share * (colours * light - seen[shiny])
    kinds = np.array(room.kinds, np.uint8)[hits.boxes].reshape(SIZE)
    return NamedPhoto(_developed(seen.reshape(*SIZE, 3), random), kinds, "rooms")


def _camera(room: Room, random: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Rays through all pixels, `H W` of them: from where, and in which direction."""
    u = random.uniform
    eye = np.array([u(0.25, 0.75) * room.width, u(0.9, 1.8), u(0.03, 0.2) * room.depth])
    yaw, pitch, roll = u(-0.6, 0.6), u(-0.25, 0.12), u(-0.03, 0.03)
    focal = u(0.5, 1.1) * SIZE[1] * (u(1, 1.8) if u() < 0.3 else 1)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    x, y = (columns - SIZE[1] / 2 + 0.5) / focal, (SIZE[0] / 2 - 0.5 - rows) / focal
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    up, ahead = y * np.cos(pitch) + np.sin(pitch), np.cos(pitch) - y * np.sin(pitch)
    rays = np.stack(
        [x * np.cos(yaw) + ahead * np.sin(yaw), up, ahead * np.cos(yaw) - x * np.sin(yaw)], -1
    )
    directions = _unit(rays.reshape(-1, 3).astype(np.float32))
    return np.tile(eye.astype(np.float32), (len(directions), 1)), directions


def _unit(vectors: Numbers) -> Numbers:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _quiet(light: Numbers, hits: Hits) -> Numbers:
    """Average the light of neighbours on the same face, ever farther ones.

    It was found by few rays (Dammertz et al. 2010, Edge-avoiding a-trous wavelets).
    """
    face = (3 * hits.boxes + hits.axes).reshape(SIZE)
    light = light.reshape(*SIZE, 3)
    for step in (1, 2, 4):
        total, weight = light.copy(), np.ones(SIZE, np.float32)
        for y in (-step, 0, step):
            for x in (-step, 0, step):
                if (x, y) != (0, 0):
                    same = np.roll(face, (y, x), (0, 1)) == face
                    total += same[..., None] * np.roll(light, (y, x), (0, 1))
                    weight += same
        light = total / weight[..., None]
    return light.reshape(-1, 3)


def _on_faces(
    boxes: Boxes, hits: Hits, places: Numbers, directions: Numbers
) -> tuple[Numbers, Numbers]:
    """Normals of the faces, `R 3`, and places on them, `R 2 2`: in metres, and in shares."""
    turns, halves = boxes.turns[hits.boxes], boxes.halves[hits.boxes]
    apart = places - boxes.centres[hits.boxes]
    cosine, sine = turns[:, 0], turns[:, 1]
    local = np.stack(
        [
            cosine * apart[:, 0] + sine * apart[:, 2],
            apart[:, 1],
            cosine * apart[:, 2] - sine * apart[:, 0],
        ],
        1,
    )
    x, y, z = np.eye(3, dtype=np.float32)[hits.axes].T
    normals = np.stack([cosine * x - sine * z, y, sine * x + cosine * z], 1)
    normals *= np.where((normals * directions).sum(1) > 0, -1, 1)[:, None]
    across = np.array([[2, 1], [0, 2], [0, 1]])[hits.axes]
    metres = np.take_along_axis(local, across, 1)
    shares = metres / np.take_along_axis(halves, across, 1) / 2 + 0.5
    return normals.astype(np.float32), np.stack([metres, shares], 1).astype(np.float32)


def _colours(room: Room, hits: Hits, coordinates: Numbers, textures: Numbers) -> Numbers:
    """Reflectance, or the light of what shines, `R 3`; black where nothing is hit."""
    out = np.zeros((len(hits.boxes), 3), np.float32)
    for index in np.unique(hits.boxes[hits.boxes >= 0]):
        own = hits.boxes == index
        material = room.materials[index]
        texture = textures[material.texture]
        if material.scale:
            at = np.floor(coordinates[own, 0] / material.scale * _TEXTURE).astype(int) % _TEXTURE
        else:
            at = np.clip(np.floor(coordinates[own, 1] * _TEXTURE), 0, _TEXTURE - 1).astype(int)
        look = texture[_TEXTURE - 1 - at[:, 1], at[:, 0]]
        out[own] = np.array(material.colour) * look**material.contrast
    return out


def _textures(random: np.random.Generator, photos: Sequence[NamedPhoto]) -> Numbers:
    """`T S S 3`: planks, tiles, stripes and pieces of photos, of mean 1 in linear light."""
    made = [_pattern(random) for _ in range(_PATTERNS)]
    for _ in range(_PATTERNS):
        piece = random_piece(photos, 0.25, _TEXTURE, random)
        made.append(((piece / 255.0) ** 2.2 + 0.02).astype(np.float32))
    return np.stack([picture / picture.mean() for picture in made]).astype(np.float32)


def _pattern(random: np.random.Generator) -> Numbers:
    """Rows of boards, bricks or tiles, each of a shade of its own, with grain and joints."""
    rows = int(random.choice([2, 4, 8, 16]))
    pieces = int(random.choice([1, 2, rows, 2 * rows]))
    high, wide = _TEXTURE // rows, max(4, _TEXTURE // pieces)
    y, x = np.mgrid[:_TEXTURE, :_TEXTURE]
    row = y // high
    x = (x + random.integers(0, _TEXTURE, rows)[row] * (random.uniform() < 0.6)) % _TEXTURE
    shades = np.exp(random.normal(0, random.uniform(0, 0.3), (rows, _TEXTURE // 4 + 1)))
    noise = random.normal(0, 1, (_TEXTURE, _TEXTURE))
    reach = [float(random.choice([0.6, 2, 12])) for _ in range(2)]
    grain = cv2.GaussianBlur(noise, (0, 0), sigmaX=reach[0], sigmaY=reach[1])
    picture = shades[row, x // wide] * np.exp(random.uniform(0, 0.25) * grain / grain.std())
    if random.uniform() < 0.7:
        joint = (y % high == 0) | (x % wide == 0)
        picture = np.where(joint, picture * random.uniform(0.3, 1.4), picture)
    if random.uniform() < 0.5:
        picture = picture.T
    return np.repeat(picture[..., None], 3, -1).astype(np.float32)


def _developed(light: Numbers, random: np.random.Generator) -> NDArray[np.uint8]:
    """As a camera would show it: white-balanced, exposed, with glow, rendered."""
    u = random.uniform
    light = light * np.exp(random.normal(0, 0.12, 3)).astype(np.float32)
    light = light / np.float32(np.quantile(light, u(0.5, 0.95)) / u(0.25, 0.8))
    bright = np.minimum(np.maximum(light - 0.9, 0), 3)
    light = light + np.float32(u(0, 0.5)) * cv2.GaussianBlur(bright, (0, 0), u(2, 12))
    tone = np.clip(1 - np.exp(-light * u(1.0, 1.8)), 0, 1) ** (1 / 2.2)
    return np.asarray((255 * tone).round(), np.uint8)
