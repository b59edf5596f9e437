from __future__ import annotations

import errno
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from photostyle.image import MAX_PIXELS, read_photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

TINY = ("--size", "64", "--iterations", "2", "--device", "cpu")


@pytest.fixture
def pair(photo_file):
    """A content and a style photo in an empty folder."""
    return photo_file("day.jpg", sky="day"), photo_file("dusk.jpg", sky="dusk")


@pytest.fixture
def masks(tmp_path):
    """`masks(width, height)` writes a mask of two segments for each photo."""

    def write(width=144, height=96):
        paths = tmp_path / "content_mask.png", tmp_path / "style_mask.png"
        for path in paths:
            mask = np.zeros((height, width, 3), np.uint8)
            mask[: height // 2] = 255
            Image.fromarray(mask).save(path)
        return paths

    return write


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.usefixtures("solver")
def test_the_result_lies_beside_the_photo_and_its_path_is_printed(cli, pair):
    content, style = pair
    outcome = cli("transfer", content, style)
    result = content.with_name("day_transfer.jpg")
    assert (outcome.code, outcome.out) == (0, f"{result}\n")
    assert outcome.err.splitlines() == [
        "warning: only the style mask has red",
        outcome.err.splitlines()[-1],
    ]
    assert outcome.err.splitlines()[-1].startswith("day.jpg with the look of dusk.jpg: ")
    with Image.open(result) as written:
        assert written.size == (144, 96)


@pytest.mark.usefixtures("solver")
def test_json_is_one_object(cli, pair, tmp_path):
    content, style = pair
    outcome = cli("transfer", content, style, "-o", tmp_path / "r.png", "--json", "--seed", "7")
    record = outcome.json
    assert record.pop("seconds") > 0
    assert record == {
        "input": str(content),
        "style": str(style),
        "output": str(tmp_path / "r.png"),
        "width": 144,
        "height": 96,
        "device": "cpu",
        "seed": 7,
        "warnings": ["only the style mask has red"],
        "look": None,
        "lut": None,
        "lut_error": None,
        "masks": None,
        "status": "done",
        "error": None,
    }


@pytest.mark.usefixtures("solver")
def test_a_failure_with_json_has_the_same_fields(cli, pair, tmp_path):
    content, _ = pair
    done = cli("transfer", *pair, "--json").json
    failed = cli("transfer", content, tmp_path / "none.jpg", "--json")
    assert failed.code == 1
    assert failed.json.keys() == done.keys()
    assert failed.json["status"] == "failed"
    assert "there is no such file" in failed.json["error"]


def test_options_reach_the_solver(cli, solver, pair, masks):
    content_mask, style_mask = masks()
    cli(
        "transfer", *pair, "--content-mask", content_mask, "--style-mask", style_mask,
        "--strength", "0.5", "--size", "128", "--iterations", "9", "--seed", "3", "--device", "cpu",
    )  # fmt: skip
    ((content, style, first, second, config),) = solver.calls
    assert content.pixels.shape == style.pixels.shape == (96, 144, 3)
    assert first.pixels[0, 0].min() == second.pixels[0, 0].min() == 1
    assert (config.strength, config.size, config.iterations, config.seed, config.device) == (
        0.5, 128, 9, 3, "cpu",
    )  # fmt: skip


@pytest.mark.usefixtures("solver")
def test_names_folders_and_formats(cli, pair, tmp_path):
    content, style = pair
    folder = tmp_path / "done"
    folder.mkdir()
    options = ("--out-dir", folder, "--name", "{stem}+{style}{ext}", "--format", "png")
    outcome = cli("transfer", content, style, *options)
    assert outcome.out == f"{folder / 'day+dusk.png'}\n"
    with Image.open(folder / "day+dusk.png") as written:
        assert written.format == "PNG"


@pytest.mark.usefixtures("solver")
def test_quality_changes_the_size_of_the_file(cli, pair, tmp_path):
    for quality in (10, 95):
        cli("transfer", *pair, "-o", tmp_path / f"{quality}.jpg", "--quality", quality)
    assert (tmp_path / "10.jpg").stat().st_size < (tmp_path / "95.jpg").stat().st_size


@pytest.mark.usefixtures("solver")
def test_quiet_leaves_the_path(cli, pair):
    outcome = cli("transfer", *pair, "-q")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.endswith("day_transfer.jpg\n")


@pytest.mark.usefixtures("solver")
def test_verbose_tells_the_device_and_the_sizes(cli, pair):
    outcome = cli("transfer", *pair, "-v")
    assert "device auto: " in outcome.err
    assert "day.jpg: 144 x 96 pixels" in outcome.err


def test_an_existing_result_is_kept_unless_told_otherwise(cli, solver, pair):
    content, _ = pair
    result = content.with_name("day_transfer.jpg")
    result.write_bytes(b"mine")
    assert cli("transfer", *pair).failed(1, "it exists already", "--overwrite")
    assert result.read_bytes() == b"mine"
    assert solver.calls == []
    assert cli("transfer", *pair, "--overwrite").code == 0
    assert result.read_bytes() != b"mine"


def png_header_only(width, height):
    """A PNG that claims a size and holds nothing."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


BROKEN = {
    "empty.jpg": lambda _: b"",
    "truncated.jpg": lambda photo: photo[: len(photo) // 3],
    "text.jpg": lambda _: b"I am a shopping list, not a photo.\n",
    "bomb.png": lambda _: png_header_only(60000, 60000),
}


@pytest.mark.parametrize("role", ["content", "style"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_in_one_line(cli, solver, pair, tmp_path, name, role):
    content, style = pair
    broken = tmp_path / name
    broken.write_bytes(BROKEN[name](content.read_bytes()))
    before = contents(tmp_path)
    outcome = cli("transfer", *((broken, style) if role == "content" else (content, broken)))
    assert outcome.failed(1, name)
    assert contents(tmp_path) == before
    assert solver.calls == []


def test_the_help_tells_the_limit(cli):
    assert f"Default: {MAX_PIXELS // 10**6} million." in " ".join(
        cli("transfer", "--help").out.replace("│", " ").split()
    )


def test_warnings_name_the_file_they_are_about(cli, solver, pair, tmp_path):
    content, style = pair
    see_through = tmp_path / "see_through.png"
    with Image.open(content) as opaque:
        opaque.convert("RGBA").save(see_through)
    result = tmp_path / "result.jpg"
    outcome = cli("transfer", see_through, style, "-o", result, "--json")
    assert outcome.json["warnings"] == [
        "only the style mask has red",
        f"{result}: JPEG has no transparency; it became white",
    ]
    assert len(solver.calls) == 1


def test_a_photo_over_the_limit_is_refused_from_its_header(cli, solver, pair):
    outcome = cli("transfer", *pair, "--max-pixels", "1000")
    assert outcome.failed(1, "day.jpg", "--max-pixels")
    assert solver.calls == []


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("role", ["content", "style", "mask"])
def test_missing_files_and_folders_are_named(cli, pair, tmp_path, role):
    content, style = pair
    before = contents(tmp_path)
    for bad, words in ((tmp_path / "none.png", "none.png'"), (tmp_path, "not a file")):
        arguments = {
            "content": (bad, style, "-o", tmp_path / "r.jpg"),
            "style": (content, bad),
            "mask": (content, style, "--content-mask", bad, "--style-mask", style),
        }[role]
        assert cli("transfer", *arguments).failed(1, words)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--strength", "1.5"], 2, "strength"),
        (["--strength", "nan"], 2, "strength"),
        (["--size", "3"], 2, "size"),
        (["--iterations", "0"], 2, "iterations"),
        (["--seed", "-1"], 2, "seed"),
        (["--device", "toaster"], 2, "toaster"),
        (["--device", "cuda:99"], 4, "cuda:99"),
        (["--content-mask", "m.png"], 2, "--style-mask"),
        (["--style-mask", "m.png"], 2, "--content-mask"),
        (["-o", "r.bmp"], 2, "r.bmp"),
        (["--format", "gif"], 2, ".gif"),
        (["--name", "../{stem}{ext}"], 2, "--name"),
        (["-o", "r.jpg", "--format", "png"], 2, "--output"),
        (["--out-dir", "none"], 1, "there is no folder"),
        (["-o", "-", "--name", "{stem}{ext}"], 2, "--output"),
        (["--metadata", "some"], 2, "--metadata"),
        (["--color", "cmyk"], 2, "--color"),
        (["-o", "/proc/r.jpg"], 1, "/proc"),
        (["-q", "-v"], 2, "exclude each other"),
    ],
)
def test_impossible_requests(cli, solver, pair, tmp_path, monkeypatch, options, code, words):
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    assert cli("transfer", *pair, *options).failed(code, words)
    assert contents(tmp_path) == before
    assert solver.calls == []


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("index", [0, 1])
def test_an_input_is_never_the_output_not_even_through_a_link(cli, pair, tmp_path, index):
    link = tmp_path / "link.jpg"
    link.symlink_to(pair[index])
    before = contents(tmp_path)
    for output in (pair[index], link):
        outcome = cli("transfer", *pair, "-o", output, "--overwrite")
        assert outcome.failed(1, "it is an input")
    assert contents(tmp_path) == before


@pytest.mark.usefixtures("solver")
def test_a_full_disk_leaves_nothing(cli, pair, tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(tmp_path)
    monkeypatch.setattr(os, "replace", full)
    assert cli("transfer", *pair).failed(1, "No space left on device")
    assert contents(tmp_path) == before


@pytest.mark.usefixtures("solver")
def test_a_write_protected_result_is_not_replaced(cli, pair, tmp_path):
    result = tmp_path / "day_transfer.jpg"
    result.write_bytes(b"mine")
    result.chmod(0o444)
    assert cli("transfer", *pair, "--overwrite").failed(1, "write-protected")
    assert result.read_bytes() == b"mine"


@pytest.mark.usefixtures("solver")
def test_a_link_is_replaced_and_not_written_through(cli, pair, tmp_path):
    original, link = tmp_path / "original.jpg", tmp_path / "link.jpg"
    original.write_bytes(b"mine")
    link.symlink_to(original)
    assert cli("transfer", *pair, "-o", link).failed(1, "exists already")
    assert cli("transfer", *pair, "-o", link, "--overwrite").code == 0
    assert not link.is_symlink()
    assert original.read_bytes() == b"mine"


@pytest.mark.usefixtures("solver")
def test_metadata_colour_and_provenance(cli, pair, tmp_path):
    content, _ = pair
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    with Image.open(content) as photo:
        photo.save(content, exif=exif, icc_profile=SRGB)

    def result(*options):
        assert cli("transfer", *pair, "-o", tmp_path / "r.jpg", "--overwrite", *options).code == 0
        return read_photo(tmp_path / "r.jpg")

    kept = result("--seed", "3")
    assert b"Camera" in kept.exif
    assert kept.icc_profile == SRGB
    assert b"transfer --strength 1 --size" in kept.xmp
    assert b"--seed 3" in kept.xmp
    assert b"skin" not in kept.xmp
    assert b"--no-keep-skin" in result("--no-keep-skin").xmp
    assert result("--no-provenance").xmp is None
    stripped = result("--metadata", "strip", "--color", "srgb")
    assert (stripped.exif, stripped.xmp, stripped.icc_profile) == (None, None, None)


@pytest.mark.parametrize("option", ["--keep-skin", "--no-keep-skin"])
def test_skin_is_known_to_looks_of_one_photo_by_the_solver_grid(cli, pair, option):
    content, style = pair
    for words in ((content, style, "--solver", "mkl"), (content, "--style", style)):
        cli("transfer", *words, option).failed(2, "knows skin: drop --keep-skin")


def through_pipe(content, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "photostyle", "transfer", "-", *arguments],
        input=content, capture_output=True, timeout=120,
    )  # fmt: skip


def test_a_photo_goes_through_a_pipe(pair, tmp_path):
    content, style = pair
    before = contents(tmp_path)
    done = through_pipe(content.read_bytes(), style, "-o", "-", "--format", "png", *TINY)
    assert done.returncode == 0
    assert b"standard input with the look of dusk.jpg" in done.stderr
    with Image.open(io.BytesIO(done.stdout)) as result:
        assert (result.format, result.size) == ("PNG", (144, 96))
    assert contents(tmp_path) == before


def test_errors_of_a_pipe_name_it(pair):
    for data, words in (
        (b"", "standard input: it is empty"),
        (b"\xff\xd8 no more", "read standard input: "),
    ):
        done = through_pipe(data, pair[1], "-o", "-")
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.decode().startswith("error: cannot ")
        assert words in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1


def test_no_memory_is_advice(cli, solver, pair, tmp_path):
    before = contents(tmp_path)
    solver.error = MemoryError()
    assert cli("transfer", *pair).failed(4, "out of memory", "--size")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("role", ["content", "style"])
def test_a_photo_of_one_pixel_is_refused(cli, pair, photo_file, tmp_path, role):
    dot = photo_file("dot.png", 1, 1)
    before = contents(tmp_path)
    photos = (dot, pair[1]) if role == "content" else (pair[0], dot)
    assert cli("transfer", *photos, *TINY).failed(1, role, "1x1")
    assert contents(tmp_path) == before


def test_a_mask_of_another_shape_is_refused(cli, pair, masks, tmp_path):
    content_mask, style_mask = masks(width=96, height=96)
    before = contents(tmp_path)
    outcome = cli(
        "transfer", *pair, *TINY, "--content-mask", content_mask, "--style-mask", style_mask
    )
    assert outcome.failed(2, "96x96", "144x96")
    assert contents(tmp_path) == before


def test_the_real_thing(cli, pair, masks):
    content, style = pair
    content_mask, style_mask = masks()
    outcome = cli(
        "transfer", content, style, *TINY, "--json", "-q",
        "--content-mask", content_mask, "--style-mask", style_mask,
    )  # fmt: skip
    assert (outcome.code, outcome.err) == (0, "")
    record = outcome.json
    assert (record["width"], record["height"], record["device"]) == (144, 96, "cpu")
    with Image.open(record["output"]) as result, Image.open(content) as before:
        assert result.size == before.size
        assert np.abs(np.asarray(result, float) - np.asarray(before, float)).mean() > 1


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_in_the_middle_leaves_nothing(pair, tmp_path):
    before = contents(tmp_path)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "photostyle", "transfer", *pair,
            "--iterations", "1000000", "--device", "cpu", "--json", "-v",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for line in process.stderr:
            if "dusk.jpg: 144 x 96 pixels" in line:  # both photos are read: the fit begins
                break
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "error: interrupted\n")
    assert json.loads(out)["status"] == "interrupted"
    assert contents(tmp_path) == before


def test_photographs(cli, shared_data, tmp_path):
    pair = shared_data / "luan" / "01"
    outcome = cli(
        "transfer", pair / "content.jpg", pair / "style.jpg", *TINY, "--json", "-q",
        "-o", tmp_path / "result.jpg",
        "--content-mask", pair / "content_mask.png", "--style-mask", pair / "style_mask.png",
    )  # fmt: skip
    assert outcome.code == 0
    with Image.open(pair / "content.jpg") as content:
        assert (outcome.json["width"], outcome.json["height"]) == content.size
