from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy
import torch

from photostyle import Photo, __version__
from photostyle.errors import ModelError
from photostyle.filters import FilterConfig, load_filters, look_chain
from photostyle.networks import GlobalLook
from photostyle.registry import find_entry
from photostyle.transfers import closest_look, look_file, lut_file

RNG = np.random.default_rng(0)


@pytest.fixture
def look():
    look = GlobalLook(8).requires_grad_(False)
    look.maps += torch.from_numpy(RNG.normal(0, 0.02, (8, 3, 4)).astype(np.float32))
    return look


@pytest.fixture
def saved(look, tmp_path):
    """`saved(name)` writes the look into a file."""

    def write(file="dusk.safetensors", **said):
        said = {"name": "dusk", "fitted_to": "3 photos", "recipe": "photostyle transfer"} | said
        path = tmp_path / file
        path.write_bytes(look_file(look, **said))
        return path

    return write


def test_a_saved_look_is_the_filter_it_was(look, saved, landscape):
    photo = Photo(np.round(255 * landscape(70, 50)).astype(np.uint8))
    loaded = load_filters([str(saved())], FilterConfig(device="cpu"), offline=True)
    direct = look_chain("dusk", look, "cpu")
    assert loaded.names == direct.names == ("dusk",)
    assert (loaded.apply(photo).pixels == direct.apply(photo).pixels).all()
    assert (loaded.apply(photo).pixels != photo.pixels).any()


def test_the_same_colour_becomes_the_same_in_every_photo(look, landscape):
    chain = look_chain("dusk", look, "cpu")
    whole = np.round(255 * landscape(70, 50)).astype(np.uint8)
    part = np.ascontiguousarray(whole[20:45, 30:])
    result = chain.apply(Photo(whole)).pixels[20:45, 30:]
    assert (chain.apply(Photo(part)).pixels == result).all()


def test_strength_fades_a_saved_look(saved, landscape):
    photo = Photo(np.round(255 * landscape(20, 30)).astype(np.uint8))
    none = load_filters([str(saved())], FilterConfig(device="cpu", strength=0))
    assert (none.apply(photo).pixels == photo.pixels).all()


def test_a_look_tells_what_it_is(saved):
    path = saved("my look (2).safetensors")
    entry = find_entry(str(path))
    assert (entry.name, entry.kind, entry.architecture) == ("dusk", "tone", "look")
    assert (entry.trained_on, entry.recipe) == ("3 photos", "photostyle transfer")
    with safetensors.safe_open(path, "np") as file:
        assert json.loads(file.metadata()["photostyle"])["version"] == __version__


@pytest.mark.parametrize(
    ("name", "wanted"), [("my look (2)", "my-look-2"), ("-a.b-", "a-b"), ("...", "look")]
)
def test_any_file_name_makes_a_name(saved, name, wanted):
    assert find_entry(str(saved(name=name))).name == wanted


def test_damaged_looks_are_one_clear_line(saved, look, tmp_path):
    def refused(path, problem):
        with pytest.raises(ModelError, match=problem) as caught:
            load_filters([str(path)], FilterConfig(device="cpu"))
        assert "\n" not in str(caught.value)
        assert path.name in str(caught.value)

    path = saved()
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    refused(path, "nor a look that transfer saved")
    path.write_bytes(whole.replace(b'\\"levels\\": 8', b'\\"levels\\": 7'))
    refused(path, "does not fit model 'dusk'")
    look.maps[2] = float("nan")
    refused(saved(), "maps holds values that are no numbers")
    safetensors.numpy.save_file(
        {"maps": np.zeros((8, 3, 4), np.float32)}, tmp_path / "b.safetensors"
    )
    refused(tmp_path / "b.safetensors", "nor a look that transfer saved")


def test_the_closest_look_is_the_look_where_there_is_one(look, landscape):
    content = landscape(90, 120)
    result = look_chain("dusk", look, "cpu").apply(Photo(content, bit_depth=32)).pixels
    found, apart = closest_look(content, result)
    assert apart.mean < 0.5
    assert apart.high < 6
    assert found.levels == 8


def test_what_depends_on_the_place_is_said_to_be_lost(landscape):
    content = landscape(90, 120)
    result = content.copy()
    result[:, 60:] *= 0.5
    _, apart = closest_look(content, result)
    assert apart.mean > 10


def test_a_table_is_close_to_the_look_and_says_how_close(look, landscape):
    colours = landscape(90, 120).reshape(-1, 3)
    data, apart = lut_file(look, colours, title="dusk")
    assert data.startswith(b'TITLE "dusk"\nLUT_3D_SIZE 33\n')
    assert data.count(b"\n") == 4 + 33**3
    assert 0 < apart.mean < apart.high < 1
