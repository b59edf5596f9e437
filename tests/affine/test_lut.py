from __future__ import annotations

import subprocess
from shutil import which

import numpy as np
import pytest
from PIL import Image, ImageFilter

from photostyle.affine.lut import cube_text, interpolate, tabulate

RNG = np.random.default_rng(0)


def warm(colours):
    matrix = np.array([[0.9, 0.2, 0.0], [0.1, 0.7, 0.0], [0.0, 0.1, 0.5]], np.float32)
    return colours @ matrix.T + np.array([0.05, 0.0, -0.02], np.float32)


def parsed(text):
    """A .cube file as programs read it: its keywords, and its rows."""
    keywords, rows = {}, []
    for line in text.splitlines():
        if line[0] in "-0123456789":
            rows.append([float(word) for word in line.split()])
        else:
            key, _, value = line.partition(" ")
            keywords[key] = value
    return keywords, rows


def test_red_changes_fastest():
    table = tabulate(lambda colours: colours, 3)
    assert table.shape == (3, 3, 3, 3)
    assert table[0, 0, 1].tolist() == [0.5, 0, 0]
    assert table[2, 1, 0].tolist() == [0, 0.5, 1]


def test_affine_changes_are_exact_between_the_points():
    colours = RNG.random((500, 3)).astype(np.float32)
    np.testing.assert_allclose(interpolate(tabulate(warm, 5), colours), warm(colours), atol=1e-6)


def test_the_ends_of_the_axes_are_inside():
    corners = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 1]], np.float32)
    np.testing.assert_allclose(interpolate(tabulate(warm), corners), warm(corners), atol=1e-6)


def test_the_file_is_as_the_specification_wants_it():
    text = cube_text(tabulate(warm), 'dusk "two"\n\xe9')
    keywords, rows = parsed(text)
    assert keywords == {
        "TITLE": '"dusk two"',
        "LUT_3D_SIZE": "33",
        "DOMAIN_MIN": "0.0 0.0 0.0",
        "DOMAIN_MAX": "1.0 1.0 1.0",
    }
    assert len(rows) == 33**3
    np.testing.assert_allclose(rows[1], warm(np.array([1 / 32, 0, 0], np.float32)), atol=1e-6)


@pytest.fixture
def picture():
    return RNG.integers(0, 256, (40, 50, 3), np.uint8)


def expected(picture):
    return np.clip(warm(picture.astype(np.float32) / 255), 0, 1) * 255


def test_pillow_reads_the_same_from_it(picture):
    _, rows = parsed(cube_text(tabulate(warm), "warm"))
    flat = [value for row in rows for value in row]
    result = Image.fromarray(picture).filter(ImageFilter.Color3DLUT(33, flat))
    np.testing.assert_allclose(np.asarray(result), expected(picture), atol=1)


@pytest.mark.skipif(which("ffmpeg") is None, reason="ffmpeg is not here")
def test_ffmpeg_reads_the_same_from_it(picture, tmp_path):
    (tmp_path / "warm.cube").write_text(cube_text(tabulate(warm), "warm"))
    Image.fromarray(picture).save(tmp_path / "in.png")
    command = ["ffmpeg", "-v", "error", "-i", "in.png", "-vf", "lut3d=warm.cube", "out.png"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with Image.open(tmp_path / "out.png") as result:
        np.testing.assert_allclose(np.asarray(result), expected(picture), atol=1)
