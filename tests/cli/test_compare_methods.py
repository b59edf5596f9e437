from __future__ import annotations

import numpy as np
import pytest
from huggingface_hub import constants
from PIL import Image

from photostyle.cli import picture
from photostyle.image import read_photo


@pytest.fixture
def pair(photo_file):
    """A content and a style photo in an empty folder."""
    return photo_file("day.jpg", 40, 60), photo_file("dusk.jpg", 40, 60, sky="dusk")


@pytest.fixture
def nothing_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def test_the_sheet_has_content_style_and_results(cli, pair, tmp_path):
    sheet = tmp_path / "sheet.png"
    outcome = cli(
        "compare-methods", *pair, "-o", sheet, "--methods", "mkl, idt", "--height", "40", "--json"
    )
    record = outcome.json
    assert (outcome.code, outcome.err) == (0, "")
    assert (record["output"], record["status"]) == (str(sheet), "done")
    assert list(record["methods"]) == ["mkl", "idt"]
    pixels = read_photo(sheet).pixels
    row = 40 + 2 * picture.caption_size(40)
    step = 60 + picture.GUTTER
    assert pixels.shape == (2 * row, 2 * step + 60, 3)
    panels = [pixels[y : y + 40, x : x + 60] for y in (0, row) for x in (0, step, 2 * step)]
    photos = [read_photo(path).pixels for path in pair]
    for panel, photo in zip(panels, photos, strict=False):
        np.testing.assert_allclose(panel, photo, atol=0.01)
    for result in panels[2:4]:
        np.testing.assert_allclose(result.mean((0, 1)), panels[1].mean((0, 1)), atol=0.03)
    assert not np.array_equal(panels[2], panels[3])
    assert (panels[4] == 1).all()
    assert pixels[40:row, :60].min() < 0.5  # a caption


def test_masks_count_for_every_method(cli, pair, tmp_path):
    masks = [tmp_path / "content_mask.png", tmp_path / "style_mask.png"]
    for path, top in zip(masks, (255, 0), strict=True):
        mask = np.full((40, 60, 3), 255 - top, np.uint8)
        mask[:20] = top
        Image.fromarray(mask).save(path)
    options = ("--methods", "mkl", "--height", "40")
    cli("compare-methods", *pair, "-o", tmp_path / "plain.png", *options)
    outcome = cli(
        "compare-methods", *pair, "-o", tmp_path / "masked.png", *options,
        "--content-mask", masks[0], "--style-mask", masks[1],
    )  # fmt: skip
    assert outcome.code == 0
    plain, masked = (read_photo(tmp_path / f"{name}.png").pixels for name in ("plain", "masked"))
    assert np.abs(plain[:, 136:196] - masked[:, 136:196]).mean() > 0.02
    failed = cli("compare-methods", *pair, "--content-mask", masks[0])
    assert failed.failed(2, "--content-mask and --style-mask go together")


def test_the_sheet_lies_beside_the_content_and_replaces_nothing(cli, pair, tmp_path):
    sheet = tmp_path / "day_methods.jpg"
    sheet.write_bytes(b"mine")
    assert cli("compare-methods", *pair).failed(1, "it exists already")
    assert sheet.read_bytes() == b"mine"
    outcome = cli("compare-methods", *pair, "--methods", "mkl", "--overwrite")
    assert (outcome.code, outcome.out) == (0, f"{sheet}\n")


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ("mkl,pitie", ("there is no 'pitie'", "use grid, luan, gatys, mkl, idt")),
        ("mkl,idt,mkl", ("'mkl' is there twice",)),
        ("", ("there is no ''",)),
    ],
)
def test_unknown_methods_are_refused(cli, pair, methods, words):
    assert cli("compare-methods", *pair, "--methods", methods).failed(2, *words)


@pytest.mark.usefixtures("nothing_downloaded")
def test_missing_weights_are_told_with_what_to_do(cli, pair, tmp_path):
    for arguments in (
        ("compare-methods", *pair, "--methods", "luan"),
        ("transfer", *pair, "--solver", "luan", "--features", "vgg19"),
    ):
        outcome = cli(*arguments, "--offline", "-o", tmp_path / "new.png")
        assert outcome.failed(3, "run photostyle models download vgg19")
        assert not (tmp_path / "new.png").exists()
