from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from photostyle.cli import picture
from photostyle.image import Photo, read_photo, write_photo


@pytest.fixture
def photo(tmp_path):
    """`photo("a.png", 40, 60, (1, 0, 0))` writes a photo of one colour, maybe in 16 bits."""

    def make(name, height, width, colour, bit_depth=8):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        pixels = np.full((height, width, 3), colour, np.float32)
        write_photo(Photo(pixels, bit_depth=bit_depth), path)
        return path

    return make


RED, BLUE = (1, 0, 0), (0, 0, 1)


def test_photos_stand_side_by_side_with_their_names(cli, photo, tmp_path):
    a, b = photo("a.png", 100, 150, RED), photo("b.png", 200, 100, BLUE)
    side = tmp_path / "side.png"
    outcome = cli("compare", a, b, "-o", side)
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{side}\n", "")
    pixels = read_photo(side).pixels
    assert pixels.shape == (100 + 2 * picture.caption_size(100), 150 + picture.GUTTER + 50, 3)
    assert (pixels[:100, :150] == RED).all()
    assert (pixels[:100, 150 : 150 + picture.GUTTER] == 1).all()
    assert (pixels[:100, 150 + picture.GUTTER :] == BLUE).all()
    for caption in np.split(pixels[100:], [150], axis=1):
        assert caption.min() < 0.4


def test_one_picture_is_split_in_the_middle(cli, photo, tmp_path):
    a, b = photo("a.png", 100, 150, RED), photo("b.png", 200, 300, BLUE)
    half = tmp_path / "half.png"
    assert cli("compare", a, b, "-o", half, "--split").code == 0
    pixels = read_photo(half).pixels
    assert pixels.shape[1] == 150
    assert (pixels[:100, :74] == RED).all()
    assert (pixels[:100, 76:] == BLUE).all()
    assert (pixels[:100, 75] == 1).all()


def test_a_split_takes_the_middle_of_another_shape_and_says_so(cli, photo, tmp_path):
    a, b = photo("a.png", 100, 100, RED), photo("b.png", 100, 300, BLUE)
    outcome = cli("compare", a, b, "-o", tmp_path / "half.png", "--split")
    assert "b.png: has another shape, only the middle is shown" in outcome.err
    assert read_photo(tmp_path / "half.png").width == 100


def test_bits_are_kept_where_the_format_has_them(cli, photo, tmp_path):
    a, b = photo("a.png", 20, 30, (0.1, 0.2, 0.3), 16), photo("b.png", 20, 30, BLUE)
    for name, bits in (("side.tif", 16), ("side.jpg", 8)):
        outcome = cli("compare", a, b, "-o", tmp_path / name)
        assert read_photo(tmp_path / name).bit_depth == bits
        assert ("8 bits a channel" in outcome.err) == (bits == 8)
    left = read_photo(tmp_path / "side.tif").pixels[:20, :30]
    np.testing.assert_allclose(left, np.broadcast_to((0.1, 0.2, 0.3), left.shape), atol=1e-5)


def test_the_picture_lies_beside_the_first_photo_and_replaces_nothing(cli, photo, tmp_path):
    a, b = photo("a.png", 20, 30, RED), photo("b.png", 20, 30, BLUE)
    assert cli("compare", a, b).out == f"{tmp_path / 'a_compare.png'}\n"
    before = (tmp_path / "a_compare.png").read_bytes()
    assert cli("compare", b, a, "-o", tmp_path / "a_compare.png").failed(1, "exists already")
    assert (tmp_path / "a_compare.png").read_bytes() == before
    assert cli("compare", b, a, "-o", tmp_path / "a_compare.png", "--overwrite").code == 0
    assert (tmp_path / "a_compare.png").read_bytes() != before
    assert cli("compare", a, b, "-o", b, "--overwrite").failed(1, "it is an input")


def test_json_is_one_object(cli, photo, tmp_path):
    a, b = photo("a.png", 100, 150, RED), photo("b.png", 100, 150, BLUE)
    done = cli("compare", a, b, "-o", tmp_path / "r.png", "--json").json
    assert done == {
        "inputs": [str(a), str(b)], "output": str(tmp_path / "r.png"),
        "width": 300 + picture.GUTTER, "height": 100 + 2 * picture.caption_size(100),
        "warnings": [], "status": "done", "error": None,
    }  # fmt: skip
    failed = cli("compare", a, tmp_path / "none.png", "--json")
    assert (failed.code, failed.json.keys()) == (1, done.keys())


def test_what_is_transparent_is_white(cli, tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("RGBA", (60, 40), (0, 0, 0, 0)).save(tmp_path / name)
    assert (
        cli("compare", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "r.png").code == 0
    )
    assert (read_photo(tmp_path / "r.png").pixels[:40] == 1).all()


def test_photos_of_the_same_name_are_told_apart_by_their_folders(cli, photo, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(
        picture, "_with_captions", lambda row, captions, _: told.append(captions) or row
    )
    photo("1/a.png", 20, 30, RED)
    photo("2/a.png", 20, 30, BLUE)
    monkeypatch.chdir(tmp_path)
    cli("compare", "1/a.png", "2/a.png")
    assert told == [["1/a.png", "2/a.png"]]


def test_a_photo_that_may_not_be_read(cli, photo, tmp_path, monkeypatch):
    a, b = photo("a.png", 10, 10, RED), photo("b.png", 10, 10, BLUE)
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, *how, **_: path != b and may(path, *how))
    outcome = cli("compare", a, b, "-o", tmp_path / "side.png")
    assert outcome.failed(1, f"cannot read '{b}': permission denied")
