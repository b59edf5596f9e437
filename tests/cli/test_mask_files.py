"""Segments on the command line: found, left out, written down."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from photostyle.image import Photo
from photostyle.image.masks import PALETTE

TINY = ("--size", "64", "--iterations", "2", "--device", "cpu")


@pytest.fixture
def pair(photo_file):
    return photo_file("day.jpg", sky="day"), photo_file("dusk.jpg", sky="dusk")


@pytest.fixture
def masked(solver, monkeypatch):
    """The solver that gives the content back, with masks: white left of black."""
    from photostyle import transfers

    mask = np.zeros((8, 12, 3), np.uint8)
    mask[:, :6] = 255
    inner = transfers.transfer

    def transfer(*args, **kwargs):
        result = inner(*args, **kwargs)
        return SimpleNamespace(**vars(result), masks=(Photo.from_array(mask),) * 2)

    monkeypatch.setattr("photostyle.transfers.transfer", transfer, raising=False)
    return solver


@pytest.mark.parametrize("chosen", ["auto", "none"])
def test_the_choice_reaches_the_solver(cli, solver, pair, chosen):
    cli("transfer", *pair, "--segment", chosen)
    cli("transfer", *pair, "--overwrite")
    assert [call[-1].segment for call in solver.calls] == [chosen, "auto"]


@pytest.mark.usefixtures("masked")
def test_masks_go_into_a_folder_or_get_a_prefix(cli, pair, tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    for place, stem in ((folder, f"{folder}/"), (tmp_path / "sea", f"{tmp_path}/sea_")):
        outcome = cli("transfer", *pair, "--save-masks", place, "--overwrite", "--json")
        paths = [f"{stem}content_mask.png", f"{stem}style_mask.png"]
        assert json.loads(outcome.out)["masks"] == paths
        for path in paths:
            with Image.open(path) as written:
                assert np.asarray(written)[4, [0, 11]].tolist() == [[255] * 3, [0] * 3]


@pytest.mark.usefixtures("masked")
def test_nothing_is_done_when_a_mask_exists(cli, pair, tmp_path):
    (tmp_path / "sea_style_mask.png").write_bytes(b"mine")
    before = sorted(tmp_path.rglob("*"))
    assert cli("transfer", *pair, "--save-masks", tmp_path / "sea").failed(1, "exists already")
    assert sorted(tmp_path.rglob("*")) == before
    missing = tmp_path / "none" / "sea"
    assert cli("transfer", *pair, "--save-masks", missing).failed(1, "there is no folder")


def test_masks_and_a_search_for_segments_exclude_each_other(cli, solver, pair):
    masks = ("--content-mask", pair[0], "--style-mask", pair[1])
    assert cli("transfer", *pair, *masks, "--segment", "auto").failed(2, "--segment")
    assert cli("transfer", pair[0], "--style", pair[1], "--segment", "auto").failed(2, "--style")
    assert not solver.calls


def test_saved_masks_can_be_passed_back(cli, pair, tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    assert cli("transfer", *pair, *TINY, "-o", first, "--save-masks", folder).code == 0
    masks = [folder / "content_mask.png", folder / "style_mask.png"]
    for path in masks:
        with Image.open(path) as written:
            colours = np.unique(np.asarray(written).reshape(-1, 3), axis=0) / 255
        assert all(
            np.abs(np.array(list(PALETTE.values())) - colour).max(1).min() < 0.01
            for colour in colours
        )
    again = ("--content-mask", masks[0], "--style-mask", masks[1])
    assert cli("transfer", *pair, *TINY, "-o", second, *again).code == 0
    with Image.open(first) as one, Image.open(second) as other:
        apart = np.abs(np.asarray(one, float) - np.asarray(other, float))
    assert apart.mean() < 1
