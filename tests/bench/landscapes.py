"""Render the two landscapes that the README's pictures begin with.

    python tests/bench/landscapes.py FOLDER

writes `lake.jpg`, by day, and `dusk.jpg`. They are no photographs: noise of many scales gives the
clouds, the ridges and their forests, and a lake mirrors them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH = 800, 1200
SIZE = (900, 600)

DAY = {
    "sky": ((0.2, 0.42, 0.78), (0.75, 0.87, 0.96)),
    "clouds": (1.0, 1.0, 1.0),
    "ridges": ((0.55, 0.66, 0.78), (0.38, 0.5, 0.58), (0.24, 0.37, 0.3), (0.13, 0.25, 0.1)),
    "meadow": (0.28, 0.42, 0.1),
    "air": (0.75, 0.87, 0.96),
    "fall": 1.1,
}
DUSK = {
    "sky": ((0.05, 0.07, 0.2), (0.95, 0.5, 0.25)),
    "clouds": (0.75, 0.35, 0.3),
    "ridges": ((0.32, 0.26, 0.4), (0.2, 0.16, 0.28), (0.1, 0.08, 0.14), (0.04, 0.035, 0.06)),
    "meadow": (0.05, 0.04, 0.05),
    "air": (0.5, 0.3, 0.25),
    "fall": 2.2,
}
HEIGHTS = (0.2, 0.15, 0.1, 0.055)
FEET = (0.05, 0.03, 0.01, 0.0)


def noise(height, width, seed, base, octaves, keep, upright=1.0):
    """Sum of smooth noises, each twice as fine as the one before; from 0 to 1."""
    random, total, share = np.random.default_rng(seed), np.zeros((height, width), np.float32), 1.0
    for octave in range(octaves):
        cells = base * 2**octave
        rows = max(2, int(cells * height / width * upright)) + 2
        grid = random.normal(size=(rows, cells + 2)).astype(np.float32)
        total += share * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        share *= keep
    return (total - total.min()) / (total.max() - total.min())


def needles(seed, length):
    """Tops of trees or blades along a line."""
    return length * np.abs(np.random.default_rng(seed).normal(size=WIDTH))


def sky(look, seed, horizon):
    down = np.clip(np.linspace(0, 1, HEIGHT) / horizon, 0, 1)[:, None, None] ** look["fall"]
    above, below = map(np.array, look["sky"])
    cover = np.clip((noise(HEIGHT, WIDTH, seed, 3, 8, 0.55, 2.2) - 0.52) * 3.2, 0, 1)[..., None]
    cover = 0.85 * cover * (1 - 0.5 * down)
    shade = 0.75 + 0.25 * noise(HEIGHT, WIDTH, seed + 1, 6, 6, 0.5)[..., None]
    return ((1 - down) * above + down * below) * (1 - cover) + np.array(
        look["clouds"]
    ) * shade * cover


def ridge(look, picture, seed, horizon, index):
    """Put one chain of hills before the picture, the nearest last."""
    rows = np.linspace(0, HEIGHT - 1, HEIGHT)[:, None]
    tall = HEIGHTS[index] * HEIGHT
    line = horizon - tall * noise(2, WIDTH, seed + 10 + index, (3, 4, 6, 9)[index], 9, 0.5)[0]
    line = line - FEET[index] * HEIGHT - (needles(seed + 5, 8) if index == 3 else 0)
    inside = np.clip(rows - line, 0, 1)[..., None]
    rough = noise(HEIGHT, WIDTH, seed + 20 + index, 12 * (index + 1), 7, 0.62)
    slope = cv2.Sobel(cv2.GaussianBlur(rough, (0, 0), 1.2), -1, 1, 0, ksize=3)
    light = (1 + np.clip(9 * slope, -0.5, 0.6) * (0.35 + 0.2 * index)) * (0.8 + 0.4 * rough)
    haze = 0.12 * np.clip((rows - line) / tall, 0, 1)[..., None] * np.array(look["air"])
    hills = np.clip(np.array(look["ridges"][index]) * light[..., None] + haze, 0, 1)
    return picture * (1 - inside) + hills * inside


def lake(picture, seed, horizon):
    """Mirror what is above the horizon, with ripples that grow towards the shore."""
    count = HEIGHT - horizon
    rows = np.arange(count)[:, None]
    ripples = (noise(count, WIDTH, seed + 40, 30, 6, 0.6, 8) - 0.5) * (4 + 0.13 * rows)
    down = np.clip(0.8 * horizon / count * rows + ripples, 0, horizon - 1).astype(np.float32)
    right = (np.arange(WIDTH) + 0.4 * ripples).astype(np.float32)
    mirror = np.ascontiguousarray(picture[:horizon][::-1], np.float32)
    water = cv2.remap(mirror, right, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    water = water * (0.82 - 0.25 * rows[..., None] / count) + np.array((0.02, 0.04, 0.06))
    return np.concatenate([picture[:horizon], water])


def meadow(look, picture, seed):
    line = 0.86 * HEIGHT - 40 * noise(2, WIDTH, seed + 60, 2, 5, 0.5)[0] - needles(seed + 7, 10)
    inside = np.clip((np.arange(HEIGHT)[:, None] - line) / 1.5, 0, 1)[..., None]
    grass = 0.35 + 1.2 * noise(HEIGHT, WIDTH, seed + 61, 60, 5, 0.8, 0.35)[..., None]
    return picture * (1 - inside) + np.array(look["meadow"]) * grass * inside


def landscape(look, seed, horizon):
    """Render a landscape, `600 900 3`, uint8."""
    row = int(horizon * HEIGHT)
    picture = sky(look, seed, horizon)
    for index in range(len(HEIGHTS)):
        picture = ridge(look, picture, seed, row, index)
    picture = meadow(look, lake(picture, seed, row), seed)
    picture = picture + np.random.default_rng(seed).normal(0, 0.006, picture.shape)
    small = cv2.resize(np.clip(picture, 0, 1), SIZE, interpolation=cv2.INTER_AREA)
    return np.round(255 * small).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, look, seed, horizon in (("lake", DAY, 3, 0.56), ("dusk", DUSK, 11, 0.5)):
        pixels = landscape(look, seed, horizon)[..., ::-1]
        cv2.imwrite(str(folder / f"{name}.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])


if __name__ == "__main__":
    main()
