from __future__ import annotations

import socket
import sys

import numpy as np
import pytest
from PIL import Image

from photostyle.cli import demo, picture
from photostyle.errors import PhotoError
from photostyle.image import Photo


@pytest.fixture
def samples():
    for package in ("skimage", "sklearn"):
        pytest.importorskip(package, reason=f"{package}, of the extra demo, is not installed")


@pytest.fixture
def no_network(monkeypatch):
    def forbidden(*_arguments, **_options):
        raise AssertionError("the demo opened a connection")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setitem(sys.modules, "pooch", None)


@pytest.mark.usefixtures("samples", "no_network")
def test_every_pair_is_transferred_and_shown_side_by_side(cli, solver, tmp_path):
    folder = tmp_path / "new" / "demo"
    outcome = cli("demo", folder, "--size", "64", "--iterations", "3", "--device", "cpu")
    assert outcome.code == 0
    comparisons = outcome.out.splitlines()
    assert len(comparisons) == len(solver.calls) == len(demo.PAIRS)
    for *_photos, config in solver.calls:
        assert (config.size, config.iterations, config.device) == (64, 3, "cpu")
    for path in comparisons:
        with Image.open(path) as shown:
            assert shown.height == demo.ROW_HEIGHT + 2 * picture.caption_size(demo.ROW_HEIGHT)
            assert shown.width > 2 * shown.height
    assert str(folder) in outcome.err
    assert all(credit in outcome.err for *_, credit in demo.SAMPLES.values())


@pytest.mark.usefixtures("samples", "solver")
def test_a_second_run_replaces_nothing_unless_told(cli, tmp_path):
    mine = tmp_path / "rocket.jpg"
    mine.write_bytes(b"my own rocket")
    outcome = cli("demo", tmp_path)
    assert outcome.failed(1, "rocket.jpg", "--overwrite")
    assert mine.read_bytes() == b"my own rocket"
    assert [path.name for path in tmp_path.iterdir()] == ["rocket.jpg"]
    assert cli("demo", tmp_path, "--overwrite").code == 0
    assert mine.read_bytes() != b"my own rocket"


@pytest.mark.usefixtures("samples", "solver")
def test_json_is_one_object(cli, tmp_path):
    record = cli("demo", tmp_path / "demo", "--json", "-q").json
    assert (record["status"], record["error"]) == ("done", None)
    assert len(record["comparisons"]) == len(demo.PAIRS)
    assert record["seconds"] > 0


def test_without_the_packages_one_line_tells_what_to_install(cli, monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    outcome = cli("demo", tmp_path / "demo")
    assert outcome.failed(1, 'pip install "photostyle[demo]"')
    assert not (tmp_path / "demo").exists()


def test_a_scikit_image_without_photographs_counts_as_missing(monkeypatch, tmp_path):
    class Spec:
        origin = str(tmp_path / "skimage" / "__init__.py")

    monkeypatch.setattr(demo, "find_spec", lambda _: Spec)
    with pytest.raises(PhotoError, match="scikit-image"):
        demo.sample("rocket.jpg")


def test_side_by_side_has_one_height_white_gutters_and_captions():
    red = Photo(np.full((50, 100, 3), (1, 0, 0), np.float32))
    blue = Photo(np.full((80, 40, 3), (0, 0, 1), np.float32))
    row = np.asarray(demo.side_by_side({"content": red, "result": blue}))
    left, right = 2 * demo.ROW_HEIGHT, demo.ROW_HEIGHT // 2
    assert row.shape == (
        demo.ROW_HEIGHT + 2 * picture.caption_size(demo.ROW_HEIGHT),
        left + picture.GUTTER + right,
        3,
    )
    photos = row[: demo.ROW_HEIGHT]
    assert (photos[:, :left] == (255, 0, 0)).all()
    assert (photos[:, left : left + picture.GUTTER] == 255).all()
    assert (photos[:, left + picture.GUTTER :] == (0, 0, 255)).all()
    for caption in np.split(row[demo.ROW_HEIGHT :], [left], axis=1):
        assert caption.min() < 100
