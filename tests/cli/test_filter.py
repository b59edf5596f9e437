from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageCms

import photostyle.filters
from photostyle.batch import run as run_module
from photostyle.cli.filter import SUMMARY_FIELDS
from photostyle.errors import DeviceError, ModelError
from photostyle.image import read_photo
from photostyle.image.metadata import Made
from photostyle.progress import Progress

PHOTO_FIELDS = {
    "input", "output", "width", "height", "seconds", "warnings", "status", "error",
}  # fmt: skip

SLOW_FILTER = """
import sys, time
from types import SimpleNamespace
import photostyle.filters

def load_filters(names, config, **_):
    def apply(photo, progress):
        time.sleep(0.02)
        return photo.with_pixels(255 - photo.pixels)
    return SimpleNamespace(apply=apply, device="cpu", names=tuple(names))

photostyle.filters.load_filters = load_filters
from photostyle.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def fake(monkeypatch):
    """Filters replaced by one that makes negatives; `fake.calls` holds how they were loaded."""
    record = SimpleNamespace(calls=[], error=None, applied=0, failing={})

    def apply(photo, progress):
        record.applied += 1
        progress(Progress("filter", 1, 2))
        if record.applied in record.failing:
            raise record.failing[record.applied]
        return photo.with_pixels(np.iinfo(photo.pixels.dtype).max - photo.pixels)

    def load_filters(names, config, *, models, offline, progress):
        progress(Progress("download", 1, 1))
        record.calls.append((tuple(names), config, models, offline))
        if record.error is not None:
            raise record.error
        return SimpleNamespace(apply=apply, device="cpu", names=tuple(names))

    def made_by(command, names, **_):
        record.made = Made("photostyle", command, datetime(2026, 1, 2, tzinfo=UTC), tuple(names))
        return record.made

    # Some of the filters' names here are in no list.
    monkeypatch.setattr("photostyle.cli.filter.made_by", made_by)
    # Not setattr, which would load the real one, and PyTorch, to put it back.
    monkeypatch.setitem(vars(photostyle.filters), "load_filters", load_filters)
    return record


@pytest.fixture
def album(tmp_path, monkeypatch):
    """`album("a.jpg", "d/b.png")` makes small photos in the current folder, a new one."""
    monkeypatch.chdir(tmp_path)

    def make(*names, width=12, height=8):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (width, height), (200, 100, 50)).save(path)
        return tmp_path

    return make


def lines(outcome):
    return [json.loads(line) for line in outcome.out.splitlines()]


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_results_are_printed_and_the_numbers_told(cli, fake, album):
    album("a.jpg", "b.png")
    outcome = cli("filter", "denoise", "a.jpg", "b.png")
    assert outcome.code == 0
    assert sorted(outcome.out.split()) == ["a_denoise.jpg", "b_denoise.png"]
    heading, numbers = outcome.err.splitlines()
    assert heading.split() == ["done", "skipped", "failed", "megapixels", "seconds", "MP/s"]
    assert numbers.split()[:3] == ["2", "0", "0"]
    with Image.open("b_denoise.png") as written:
        assert (written.size, written.getpixel((0, 0))) == ((12, 8), (55, 155, 205))
    assert fake.applied == 2


@pytest.mark.usefixtures("fake")
def test_json_is_an_object_a_photo_and_one_for_the_run(cli, album):
    album("a.jpg", "b_denoise.png", "b.png")
    outcome = cli("filter", "denoise", "a.jpg", "b.png", "gone.jpg", "--json")
    assert outcome.code == 1
    *photos, summary = lines(outcome)
    assert all(record.keys() == PHOTO_FIELDS for record in photos)
    by_input = {record["input"]: record for record in photos}
    done = by_input["a.jpg"]
    assert done.pop("seconds") >= 0
    assert done == {
        "input": "a.jpg", "output": "a_denoise.jpg", "width": 12, "height": 8, "warnings": [],
        "status": "done", "error": None,
    }  # fmt: skip
    assert by_input["b.png"]["status"] == "skipped"
    assert by_input["gone.jpg"]["status"] == "failed"
    assert by_input["gone.jpg"]["error"] == "cannot read 'gone.jpg': there is no such file"
    assert set(summary) == set(SUMMARY_FIELDS)
    assert summary.pop("seconds") >= 0
    assert summary == {
        "filters": ["denoise"], "device": "cpu", "photos": 3, "done": 1, "skipped": 1, "failed": 1,
        "megapixels": 0.0, "status": "failed", "error": None,
    }  # fmt: skip


def test_a_thousand_photos_of_which_five_are_broken(cli, fake, album):
    folder = album("0.jpg")
    data = Path("0.jpg").read_bytes()
    for index in range(1, 1000):
        Path(f"{index}.jpg").write_bytes(data)
    broken = {
        "17.jpg": data[: len(data) // 2],
        "170.jpg": b"Dear diary",
        "500.jpg": b"",
        "998.jpg": data[:2] + os.urandom(300),
    }
    for name, content in broken.items():
        Path(name).write_bytes(content)
    Path("999.jpg").unlink()
    Path("999.jpg").mkdir()

    outcome = cli("filter", "denoise", ".", "--json")
    assert outcome.code == 1
    *photos, summary = lines(outcome)
    assert (summary["done"], summary["skipped"], summary["failed"]) == (995, 0, 5)
    failed = {record["input"]: record["error"] for record in photos if record["error"]}
    assert failed.keys() == {*broken, "999.jpg"}
    assert all(f"'{name}'" in reason for name, reason in failed.items())
    assert [outcome.err.count(reason) for reason in failed.values()] == 5 * [1]
    assert len(list(folder.glob("*_denoise.jpg"))) == 995
    assert list(folder.glob(".*")) == []

    again = cli("filter", "denoise", ".", "--json")
    assert (again.code, fake.applied) == (1, 995)
    assert (lines(again)[-1]["skipped"], lines(again)[-1]["failed"]) == (995, 5)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_killed_in_the_middle_it_finishes_the_rest_when_started_again(cli, album, number, code):
    folder = album(*(f"{index}.png" for index in range(60)), width=150, height=100)
    command = [sys.executable, "-c", SLOW_FILTER, "filter", "denoise", ".", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    begun = [process.stdout.readline() for _ in range(10)]
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code

    results = [path for path in folder.glob("*_denoise.png") if path.stat().st_size]
    assert 10 <= len(results) < 60
    for path in results:
        with Image.open(path) as photo:
            photo.load()  # all there
    if number != signal.SIGKILL:
        assert list(folder.glob(".*")) == []
        *photos, summary = [json.loads(line) for line in [*begun, *out.splitlines()]]
        assert summary["status"] == "interrupted"
        assert summary["done"] == len(photos) == len(results)
        assert err.splitlines()[0].split()[0] == "done"  # the table tells what was done

    # What SIGKILL leaves once in a while: a name that was taken, a file that was not moved yet.
    (folder / "59_denoise.png").write_bytes(b"")
    (folder / ".0123456789abcdef.png").write_bytes(b"half")
    for leftover in folder.glob(".*"):
        os.utime(leftover, (1, 1))
    outcome = cli("filter", "denoise", ".", "--json")
    assert outcome.code == 0
    assert lines(outcome)[-1]["skipped"] == len(results) - (folder / "59_denoise.png" in results)
    assert list(folder.glob(".*")) == []
    for index in range(60):
        with Image.open(folder / f"{index}_denoise.png") as photo:
            assert photo.getpixel((149, 99)) == (55, 155, 205)


@pytest.mark.usefixtures("fake")
def test_ctrl_c_reports_what_was_done(cli, fake, album):
    album(*(f"{index}.png" for index in range(9)))
    fake.failing = {5: KeyboardInterrupt()}
    outcome = cli("filter", "denoise", ".", "--json", "-q")
    *photos, summary = lines(outcome)
    assert (outcome.code, outcome.err) == (130, "error: interrupted\n")
    assert (summary["status"], summary["done"]) == ("interrupted", len(photos))


@pytest.mark.usefixtures("fake")
def test_a_second_run_in_place_does_nothing(cli, fake, album):
    folder = album("a.jpg", "b.jpg")
    cli("filter", "denoise", "a.jpg", "b.jpg")
    everything = files(folder)
    for inputs in (["."], everything):  # a folder, and what the shell makes of *.jpg
        outcome = cli("filter", "denoise", *inputs)
        assert (outcome.code, outcome.out) == (0, "")
        assert outcome.err.splitlines()[-1].split()[:3] == ["0", "2", "0"]
    assert files(folder) == everything
    assert len(fake.calls) == 1  # with nothing to do, no model is loaded
    assert cli("filter", "denoise", *everything, "--overwrite").code == 0
    assert files(folder) == everything


def test_several_filters_are_loaded_at_once_and_named(cli, fake, album):
    album("a.jpg")
    assert cli("filter", "denoise, exposure", "a.jpg").out == "a_denoise-exposure.jpg\n"
    assert fake.calls[0][0] == ("denoise", "exposure")
    assert fake.applied == 1


def test_a_trained_file_gives_its_name(cli, fake, album):
    album("a.jpg")
    assert cli("filter", "models/grain.safetensors,x", "a.jpg").out == "a_grain-x.jpg\n"
    assert fake.calls[0][0] == ("models/grain.safetensors", "x")
    assert fake.made.command == "filter grain,x"  # where files lie is nobody's business


def test_looks_and_mixtures_are_named(cli, fake, album):
    album("a.jpg")
    names = "x/dusk.safetensors:back, dusk:0.6,storm:0.4"
    outcome = cli("filter", names, "a.jpg")
    assert outcome.out == "a_dusk-back-dusk-0.6-storm-0.4.jpg\n"
    assert fake.calls[0][0] == ("x/dusk.safetensors:back", "dusk:0.6", "storm:0.4")
    assert fake.made.command == "filter dusk:back,dusk:0.6,storm:0.4"
    # Of whose weights a note is made, once each.
    assert fake.made.models == ("x/dusk.safetensors", "dusk", "storm")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("dusk:0.6,storm:0.5", "add up to 1.1"),
        ("dusk:2", "out of range"),
        ("dusk:", "write NAME"),
    ],
)
def test_mixtures_that_make_no_sense(cli, fake, album, names, words):
    album("a.jpg")
    assert cli("filter", names, "a.jpg").failed(2, words)
    assert not fake.calls


def test_options_reach_the_filters(cli, fake, album):
    album("a.jpg")
    cli(
        "filter", "denoise", "a.jpg", "--strength", "0.5", "--tile", "256", "--device", "cpu",
        "--models", "mine.toml", "--offline",
    )  # fmt: skip
    ((_, config, models, offline),) = fake.calls
    assert (config.strength, config.tile, config.device) == (0.5, 256, "cpu")
    assert (models, offline) == (Path("mine.toml"), True)


@pytest.mark.usefixtures("fake")
def test_trees_names_and_formats(cli, album):
    folder = album("d/a.png", "d/x/y/a.png", "d/x/b.jpg")
    outcome = cli(
        "filter", "denoise", "d", "-r", "-d", "out", "--name", "{op}.{stem}{ext}",
        "--format", "webp",
    )  # fmt: skip
    assert outcome.code == 0
    assert files(folder / "out") == ["denoise.a.webp", "x/denoise.b.webp", "x/y/denoise.a.webp"]
    with Image.open("out/x/denoise.b.webp") as written:
        assert written.format == "WEBP"


@pytest.mark.usefixtures("fake")
def test_names_in_every_script(cli, album):
    album("фото/été 1.png", "фото/写真.png")
    outcome = cli("filter", "denoise", "фото")
    assert sorted(outcome.out.splitlines()) == ["фото/été 1_denoise.png", "фото/写真_denoise.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
@pytest.mark.usefixtures("fake")
def test_names_in_no_script(cli, album):
    folder = album("a.png")
    name = os.fsdecode(b"\xff\n.png")
    Path("a.png").rename(name)
    outcome = cli("filter", "denoise", folder, "--json")
    assert outcome.code == 0
    assert lines(outcome)[0]["output"].endswith("\udcff\n_denoise.png")
    (folder / name).write_bytes(b"bad")
    again = cli("filter", "denoise", folder, "--overwrite", "-q")
    assert again.failed(1, "\\udcff .png")


def test_dry_run_prints_the_plan_and_touches_nothing(cli, fake, album):
    folder = album("d/a.jpg", "d/b.jpg", "d/b_denoise.jpg")
    before = files(folder)
    outcome = cli("filter", "denoise", "d", "--dry-run", "-q", "-d", "out", "--overwrite")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "d/a.jpg -> out/a_denoise.jpg",
        "d/b.jpg -> out/b_denoise.jpg",
    ]
    outcome = cli("filter", "denoise", "d", "gone.jpg", "--dry-run", "--json")
    assert outcome.code == 1
    *photos, summary = lines(outcome)
    assert [record["status"] for record in photos] == ["planned", "skipped", "failed"]
    assert all(record.keys() == PHOTO_FIELDS for record in photos)
    assert (summary["photos"], summary["done"], summary["skipped"]) == (3, 0, 1)
    assert (fake.calls, files(folder)) == ([], before)


@pytest.mark.usefixtures("album")
def test_dry_run_knows_the_filters(cli):
    assert cli("filter", "denise", "a.jpg", "--dry-run").failed(3, "did you mean denoise")


def test_dry_run_needs_no_pytorch(album):
    album("a.jpg")
    program = (
        "import sys; from photostyle.cli.app import run; "
        "code = run(['filter', 'denoise', 'a.jpg', '--dry-run']); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "a.jpg -> a_denoise.jpg\n")


@pytest.mark.usefixtures("fake")
def test_output_names_the_file_of_a_single_photo(cli, album):
    album("a.jpg", "b.jpg")
    assert cli("filter", "denoise", "a.jpg", "-o", "r.png").out == "r.png\n"
    assert cli("filter", "denoise", "a.jpg", "-o", "r.png").failed(1, "exists already")
    assert cli("filter", "denoise", "a.jpg", "-o", "r.png", "--overwrite").code == 0
    assert cli("filter", "denoise", "gone.jpg", "-o", "new.png", "-q").failed(1, "no such file")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["denoise", "a.jpg", "b.jpg", "-o", "r.jpg"], 2, "--output is for one photo"),
        (["denoise", ".", "-o", "r.jpg"], 2, "--output is for one photo"),
        (["denoise", "a.jpg", "-o", "r.bmp"], 2, "r.bmp"),
        (["denoise", "a.jpg", "-o", "none/r.jpg"], 1, "there is no folder"),
        (["denoise", "a.jpg", "-o", "a.jpg", "--overwrite"], 2, "would replace the photo"),
        (["denoise", "a.jpg", "-o", "r.jpg", "-d", "out"], 2, "--output names the file"),
        (["denoise", "a.jpg", "-o", "r.jpg", "--format", "png"], 2, "--output names the file"),
        (["denoise", "a.jpg", "a.png", "--format", "png"], 2, "both become"),
        (["denoise", "a.jpg", "a.jpg"], 2, "the same photo"),
        (["denoise", "a.jpg", "--name", "{stem}{ext}"], 2, "would replace the photo"),
        (["denoise", "a.jpg", "--name", "{style}{ext}"], 2, "{stem}, {op}, {ext}"),
        (["denoise", "a.jpg", "--format", "gif"], 2, ".gif"),
        (["denoise", "empty"], 2, "no photos in 'empty'"),
        (["denoise,", "a.jpg"], 2, "names no filter"),
        (["denoise", "a.jpg", "--strength", "2"], 2, "strength"),
        (["denoise", "a.jpg", "--tile", "1"], 2, "tile"),
        (["denoise", "a.jpg", "--jobs", "0"], 2, "--jobs"),
        (["denoise", "a.jpg", "-q", "-v"], 2, "exclude each other"),
        (["denoise"], 2, "FILES|DIRS"),
        (["denoise", "--files-from", "none.txt"], 2, "cannot read the list 'none.txt'"),
        (["denoise", "--files-from", "."], 2, "cannot read the list '.'"),
        (["denoise", "-", "a.jpg", "-o", "r.jpg"], 2, "one photo"),
        (["denoise", "-"], 2, "needs --output"),
        (["denoise", "a.jpg", "-o", "-", "-d", "out"], 2, "--output names the file"),
        (["denoise", "a.jpg", "-o", "-", "--format", "gif"], 2, "standard output is no photo"),
        (["denoise", "a.jpg", "--name", "../{index}{ext}"], 2, "leaves the output folder"),
        (["denoise", "a.jpg", "--name", "{date}/{stem}{ext}"], 2, "leaves the output folder"),
        (["denoise", "a.jpg", "b.jpg", "--name", "{op}-{date}{ext}"], 2, "both become"),
        (["denoise", "a.jpg", "--report", "r.txt"], 2, ".html"),
        (["denoise", "a.jpg", "--report", "none/r.html"], 1, "there is no folder"),
        (["denoise", "a.jpg", "--report", "r.html", "--dry-run"], 2, "--dry-run"),
        (["denoise", "a.jpg", "--metadata", "some"], 2, "--metadata"),
        (["denoise", "a.jpg", "--color", "cmyk"], 2, "--color"),
    ],
)
def test_impossible_requests(cli, fake, album, arguments, code, words):
    folder = album("a.jpg", "a.png", "b.jpg")
    Path("empty").mkdir()
    before = files(folder)
    assert cli("filter", *arguments).failed(code, words)
    assert files(folder) == before
    assert fake.calls == []


def test_a_usage_error_with_json_is_the_summary(cli, fake, album):
    album("a.jpg")
    outcome = cli("filter", "denoise", "a.jpg", "a.jpg", "--json")
    assert outcome.code == 2
    assert set(outcome.json) == set(SUMMARY_FIELDS)
    assert outcome.json["status"] == "failed"
    assert "the same photo" in outcome.json["error"]
    assert fake.calls == []


@pytest.mark.parametrize(("error", "code"), [(ModelError("no such"), 3), (DeviceError("none"), 4)])
def test_the_model_is_found_before_the_first_photo_is_read(
    cli, fake, album, monkeypatch, error, code
):
    album("a.jpg")
    monkeypatch.setattr(run_module, "read_photo", lambda *_, **__: pytest.fail("it was read"))
    fake.error = error
    assert cli("filter", "denoise", "a.jpg").failed(code, str(error))


def test_a_device_that_runs_out_of_memory_ends_the_run(cli, fake, album):
    album("a.jpg", "b.jpg", "c.jpg")
    fake.failing = {2: DeviceError("the device has too little memory")}
    outcome = cli("filter", "denoise", ".", "--json", "-q")
    assert (outcome.code, fake.applied) == (4, 2)
    assert outcome.err == "error: the device has too little memory\n"
    assert lines(outcome)[-1]["error"] == "the device has too little memory"


def test_failures_are_one_line_each_even_when_quiet(cli, fake, album):
    album("a.jpg", "b.jpg")
    fake.failing = {1: MemoryError(), 2: ValueError("bad\nnews")}
    outcome = cli("filter", "denoise", ".", "-q")
    assert (outcome.code, outcome.out) == (1, "")
    errors = sorted(outcome.err.splitlines())
    assert len(errors) == 2
    assert "not enough memory" in outcome.err
    assert "ValueError: bad news" in outcome.err


def test_verbose_shows_where_an_unexpected_error_arose(cli, fake, album):
    album("a.jpg", "b.jpg")
    fake.failing = {1: ValueError("bad news"), 2: MemoryError()}
    assert "Traceback" not in cli("filter", "denoise", ".").err
    fake.applied = 0
    assert cli("filter", "denoise", ".", "-v").err.count("Traceback") == 1


@pytest.mark.usefixtures("fake")
def test_a_warning_of_many_photos_is_told_once(cli, album):
    folder = album()
    for index in range(3):
        Image.new("RGBA", (4, 4), (9, 9, 9, 99)).save(folder / f"{index}.png")
    outcome = cli("filter", "denoise", ".", "--format", "jpg")
    (warning,) = [line for line in outcome.err.splitlines() if line.startswith("warning")]
    assert " and 2 more: JPEG has no transparency" in warning


@pytest.mark.usefixtures("fake")
def test_verbose_tells_the_device_and_what_is_left_out(cli, album):
    album("a.jpg", "b_denoise.jpg")
    outcome = cli("filter", "denoise", ".", "-v")
    assert "device: cpu" in outcome.err
    assert "b_denoise.jpg: left out" in outcome.err


@pytest.mark.usefixtures("fake")
def test_quality_and_the_limit_of_pixels_are_handed_on(cli, photo_file):
    path = photo_file("a.jpg")
    cli("filter", "denoise", path, "-o", path.with_name("10.jpg"), "--quality", "10")
    cli("filter", "denoise", path, "-o", path.with_name("95.jpg"))
    assert path.with_name("10.jpg").stat().st_size < path.with_name("95.jpg").stat().st_size
    assert cli("filter", "denoise", path, "--max-pixels", "9", "-q").failed(1, "--max-pixels")


@pytest.mark.skipif(os.name == "nt", reason="terminals of POSIX")
def test_on_a_terminal_a_bar_shows_photos_speed_and_time_left(album):
    import pty

    album(*(f"{index}.png" for index in range(40)))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_FILTER, "filter", "denoise", "."],
        stdout=subprocess.PIPE, stderr=theirs, text=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        shown += chunk
        if not chunk:
            break
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    assert len(out.split()) == 40  # paths go to stdout, not into the bar
    assert b"/40 photos" in shown
    assert b"MP/s" in shown
    assert b"_denoise.png" not in shown


def test_names_have_numbers_and_dates(cli, fake, album):
    folder = album(*(f"{index}.png" for index in range(9)))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:02:29 23:59:59"
    Image.new("RGB", (4, 4)).save("last.jpg", exif=exif)
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    arguments = ("filter", "denoise", ".", "--name", "{date}_{index}_{op}{ext}")
    assert cli(*arguments).code == 0
    made = sorted(path.name for path in folder.glob("*denoise*"))
    assert made[0] == "2001-09-09_01_denoise.png"
    assert made[9] == "2024-02-29_10_denoise.jpg"
    assert cli(*arguments).code == 0  # and the results are not photos
    assert fake.applied == 10


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
@pytest.mark.usefixtures("fake")
def test_photos_from_a_list(cli, album, separator):
    album("a b.jpg", "d/c.jpg", "e.jpg", "left.jpg")
    Path("list.txt").write_bytes(separator.join(["a b.jpg", "d", "", "gone.jpg"]).encode())
    outcome = cli("filter", "denoise", "e.jpg", "--files-from", "list.txt")
    assert outcome.code == 1
    assert sorted(outcome.out.splitlines()) == [
        "a b_denoise.jpg", "d/c_denoise.jpg", "e_denoise.jpg",
    ]  # fmt: skip
    assert "'gone.jpg': there is no such file" in outcome.err


def test_an_empty_list_is_a_usage_error(cli, album):
    album()
    Path("list.txt").write_text("\n\n")
    assert cli("filter", "denoise", "--files-from", "list.txt").failed(2, "'list.txt' is empty")


def piped(*arguments, given, program=SLOW_FILTER):
    """A process of the command line, with this on its standard input."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], input=given, capture_output=True, timeout=60
    )


def test_a_photo_goes_through_a_pipe(album):
    folder = album("a.png")
    before = files(folder)
    done = piped("filter", "denoise", "-", "-o", "-", given=Path("a.png").read_bytes())
    assert done.returncode == 0
    assert b"failed" in done.stderr  # the table
    with Image.open(io.BytesIO(done.stdout)) as photo:
        assert (photo.format, photo.getpixel((0, 0))) == ("PNG", (55, 155, 205))
    assert files(folder) == before

    done = piped("filter", "denoise", "a.png", "-o", "-", "--format", "webp", "-q", given=b"")
    assert (done.returncode, done.stderr) == (0, b"")
    with Image.open(io.BytesIO(done.stdout)) as photo:
        assert photo.format == "WEBP"
    assert files(folder) == before


def test_a_photo_and_json_do_not_share_standard_output(cli, fake, album):
    album("a.png")
    outcome = cli("filter", "denoise", "a.png", "-o", "-", "--json")
    assert (outcome.code, fake.calls) == (2, [])
    assert "drop one" in outcome.json["error"]


def test_a_photo_from_a_pipe_goes_into_a_file(album):
    album("a.png")
    data = Path("a.png").read_bytes()
    done = piped("filter", "denoise", "-", "-o", "b.tif", "--json", given=data)
    photo, summary = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, summary["done"]) == (0, 1)
    assert (photo["input"], photo["output"]) == ("-", "b.tif")
    with Image.open("b.tif") as written:
        assert written.getpixel((0, 0)) == (55, 155, 205)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"", "cannot read standard input: it is empty"),
        (b"Dear diary", "cannot read standard input: it is no photo"),
        (b"\x89PNG\r\n\x1a\n, and no more", "cannot read standard input: "),
    ],
)
def test_what_is_no_photo_leaves_a_pipe_empty(given, words):
    done = piped("filter", "denoise", "-", "-o", "-", "-q", given=given)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith(f"error: {words}")
    assert done.stderr.count(b"\n") == 1


def test_a_list_from_a_pipe(album):
    album("a.png", "b.png")
    done = piped("filter", "denoise", "--files-from", "-", "-q", given=b"a.png\0b.png\0")
    assert (done.returncode, sorted(done.stdout.split())) == (
        0,
        [b"a_denoise.png", b"b_denoise.png"],
    )


@pytest.mark.skipif(os.name == "nt", reason="terminals of POSIX")
def test_a_terminal_gets_no_photo(album):
    import pty

    album("a.png")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "photostyle", "filter", "denoise"]
    for arguments, words in (
        (["a.png", "-o", "-"], b"standard output is a terminal"),
        (["-", "-o", "b.png"], b"standard input is a terminal"),
        (["--files-from", "-"], b"standard input is a terminal"),
    ):
        done = subprocess.run(
            command + arguments, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, timeout=60
        )
        assert done.returncode == 2
        assert words in done.stderr
    os.close(ours)
    os.close(theirs)


def test_the_first_failure_may_end_the_run(cli, fake, album):
    album(*(f"{index}.png" for index in range(9)))
    fake.failing = {3: ValueError("bad news")}
    outcome = cli("filter", "denoise", ".", "--fail-fast", "--jobs", "1", "--json")
    *photos, summary = lines(outcome)
    assert (outcome.code, fake.applied) == (1, 3)
    assert (summary["status"], summary["failed"]) == ("failed", 1)
    assert summary["done"] == len(photos) - 1 <= 2
    assert f"not begun: {9 - len(photos)}\n" in outcome.err
    assert cli("filter", "denoise", ".", "-q").code == 0
    assert fake.applied == 3 + 9 - summary["done"]


def test_metadata_colour_and_provenance(cli, fake, photo_file, tmp_path):
    path = photo_file("a.jpg")
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    with Image.open(path) as photo:
        photo.save(path, exif=exif)

    def result(*arguments):
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}.jpg"
        assert cli("filter", "denoise", path, "-o", target, *arguments, "-q").code == 0
        return read_photo(target)

    kept = result("--strength", "0.5")
    with Image.open(tmp_path / "1.jpg") as photo:
        assert (photo.getexif()[0x010F], photo.getexif().get_ifd(0x8825)[1]) == ("Camera", "N")
    assert fake.made.command == "filter denoise --strength 0.5"
    assert b"filter denoise --strength 0.5" in kept.xmp
    assert result("--no-provenance").xmp is None
    assert result("--metadata", "strip").exif is None
    result("--metadata", "no-gps", "--color", "srgb")
    with Image.open(tmp_path / "4.jpg") as photo:
        assert photo.getexif()[0x010F] == "Camera"
        assert not photo.getexif().get_ifd(0x8825)


@pytest.mark.usefixtures("fake")
def test_color_is_handed_on(cli, photo_file, tmp_path):
    path = photo_file("a.jpg")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(path) as photo:
        photo.save(path, icc_profile=profile)
    for color, kept in (("keep", True), ("srgb", False)):
        target = tmp_path / f"{color}.png"
        cli("filter", "denoise", path, "-o", target, "--color", color)
        with Image.open(target) as written:
            assert (written.info.get("icc_profile") is not None) == kept


def test_a_report_is_written_even_when_interrupted(cli, fake, album):
    album(*(f"{index}.png" for index in range(5)), "0_denoise.png")
    fake.failing = {3: KeyboardInterrupt()}
    outcome = cli("filter", "denoise", ".", "--report", "report.html", "--jobs", "1")
    assert outcome.code == 130
    assert "report: report.html" in outcome.err
    page = Path("report.html").read_text(encoding="utf-8")
    assert "not begun" in page
    assert "0_denoise.png" in page  # it was there already
    assert cli("filter", "denoise", ".", "--report", "report.html").code == 0
    page = Path("report.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 5
    assert page.count("data:image/jpeg;base64,") == 10
    assert "not begun" not in page


def test_only_a_report_is_replaced_by_a_report(cli, fake, album):
    album("a.png")
    Path("mine.html").write_text("<p>my page</p>")
    outcome = cli("filter", "denoise", "a.png", "--report", "mine.html")
    assert outcome.failed(1, "mine.html", "--overwrite")
    assert (Path("mine.html").read_text(), fake.calls) == ("<p>my page</p>", [])
    assert cli("filter", "denoise", "a.png", "--report", "mine.html", "--overwrite").code == 0
    assert "<figure>" in Path("mine.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("fake")
def test_links_are_replaced_and_not_written_through(cli, album):
    folder = album("a.jpg", "elsewhere/original.jpg")
    original = folder / "elsewhere" / "original.jpg"
    before = original.read_bytes()
    for arguments, target in (
        (["a.jpg", "-o", "link.jpg"], folder / "link.jpg"),
        (["."], folder / "a_denoise.jpg"),
    ):
        target.symlink_to(original)
        assert cli("filter", "denoise", *arguments, "-q").code == (1 if "-o" in arguments else 0)
        assert target.is_symlink()
        assert cli("filter", "denoise", *arguments, "--overwrite", "-q").code == 0
        assert not target.is_symlink()
        assert original.read_bytes() == before
        target.unlink()


@pytest.mark.usefixtures("fake")
def test_a_photo_is_not_replaced_by_any_other_name_of_it(cli, album):
    album("a.jpg", "b.jpg")
    before = Path("a.jpg").read_bytes()
    Path("a_denoise.jpg").hardlink_to("a.jpg")
    Path("out").symlink_to(".")
    same = ("-d", "out", "--name", "{stem}{ext}")
    assert cli("filter", "denoise", "a.jpg", *same, "--overwrite").failed(2, "would replace")
    assert cli("filter", "denoise", "b.jpg", "-o", "a_denoise.jpg", "--overwrite").code == 0
    assert Path("a.jpg").read_bytes() == before  # the other name is that of the result now


@pytest.mark.usefixtures("fake")
def test_write_protected_files_stay_as_they_are(cli, album):
    album("a.jpg", "b.jpg", "b_denoise.jpg")
    for name in ("a.jpg", "b_denoise.jpg"):
        Path(name).chmod(0o444)
    before = Path("b_denoise.jpg").read_bytes()
    outcome = cli("filter", "denoise", "a.jpg", "b.jpg", "--overwrite", "-q")
    assert outcome.code == 1
    assert outcome.err == "error: cannot write 'b_denoise.jpg': it is there and write-protected\n"
    outcome = cli("filter", "denoise", "b.jpg", "-o", "b_denoise.jpg", "--overwrite", "-q")
    assert outcome.failed(1, "write-protected")
    assert Path("b_denoise.jpg").read_bytes() == before
    assert Path("a.jpg").stat().st_mode & 0o777 == 0o444
    assert Path("a_denoise.jpg").stat().st_mode & 0o200  # the result is not protected


@pytest.mark.usefixtures("fake")
def test_what_may_not_be_read_fails_alone(cli, album, monkeypatch):
    album("a.jpg", "b.jpg")
    Path("list").write_text("a.jpg")
    may = os.access
    unreadable = ("b.jpg", "list")
    monkeypatch.setattr(
        os, "access", lambda path, *how, **_: Path(path).name not in unreadable and may(path, *how)
    )
    outcome = cli("filter", "denoise", "b.jpg", "a.jpg", "-q")
    assert (outcome.code, outcome.out) == (1, "a_denoise.jpg\n")
    assert outcome.err == "error: cannot read 'b.jpg': permission denied\n"
    # A list is opened, and the system says what it thinks of that.
    assert cli("filter", "denoise", "--files-from", "list", "--overwrite", "-q").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_fills_up_leaves_everything_as_it_was(album):
    folder = album("a.png", "old.png", width=300, height=200)
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    Image.fromarray(noise).save("a.png")
    Path("a_denoise.png").write_bytes(b"mine")
    # Files may not become longer than this, which is as near to a full disk as a test can be.
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))\n"
    done = piped(
        "filter", "denoise", ".", "--overwrite", "-q", given=b"", program=limited + SLOW_FILTER
    )
    assert done.returncode == 1
    assert done.stderr.decode() == "error: cannot write 'a_denoise.png': File too large\n"
    assert Path("a_denoise.png").read_bytes() == b"mine"
    assert files(folder) == ["a.png", "a_denoise.png", "old.png", "old_denoise.png"]


def test_shells_are_offered_filters_one_after_another(album):
    album()
    Path("night-mine.safetensors").touch()

    def offered(words):
        environment = {
            **os.environ,
            "_PHOTOSTYLE_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": "2",
        }
        return subprocess.run(
            [sys.executable, "-m", "photostyle"], env=environment, capture_output=True, text=True
        ).stdout.split()

    names = offered("photostyle filter de")
    assert {"denoise", "deblur", "dehaze"} <= set(names)
    assert all(name.startswith("de") for name in names)
    assert offered("photostyle filter denoise,ni") == [
        "denoise,night", "denoise,night-mine.safetensors",
    ]  # fmt: skip
    Path("photostyle.toml").write_text("[models]\nschema = 7\n")
    assert offered("photostyle filter de") == []


def test_shells_are_answered_without_pytorch():
    program = (
        "import sys; from photostyle.cli.filter import _filter_names; names = _filter_names('den');"
        "print(*names); sys.exit('torch' in sys.modules or 'huggingface_hub' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "denoise")


@pytest.fixture
def trained(tmp_path):
    """`trained("grain", "repair")` writes the file of a tiny network with random weights."""
    import torch
    from safetensors.torch import save_file

    from photostyle.networks import RepairGenerator, ToneGenerator

    params = {
        "repair": {"widths": [4, 4], "encoder_blocks": [1, 1], "decoder_blocks": [1]},
        "tone": {"width": 4},
    }

    def write(name, family):
        torch.manual_seed(0)
        make = {"repair": RepairGenerator, "tone": ToneGenerator}[family]
        network = make(**params[family])
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
        about = {
            "name": name, "kind": family, "architecture": family, "params": params[family],
            "license": "MIT", "trained_on": "nothing",
        }  # fmt: skip
        path = tmp_path / f"{name}.safetensors"
        save_file(network.state_dict(), path, {"photostyle": json.dumps(about)})
        return path

    return write


@pytest.mark.parametrize("family", ["tone", "repair"])
def test_the_real_thing(cli, photo_file, trained, family):
    photo = photo_file("a.png")
    names = f"{trained('grain', family)},{trained('dusk', 'tone')}"
    outcome = cli("filter", names, photo, "--device", "cpu", "--offline", "--json", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    record, summary = lines(outcome)
    assert record["output"] == str(photo.with_name("a_grain-dusk.png"))
    assert (record["width"], record["height"], summary["device"]) == (144, 96, "cpu")
    with Image.open(record["output"]) as after, Image.open(photo) as before:
        assert np.abs(np.asarray(after, float) - np.asarray(before, float)).mean() > 1


def test_a_list_of_models_and_a_name_that_is_in_none(cli, photo_file, trained, tmp_path):
    trained("dusk", "tone")
    listing = tmp_path / "mine.toml"
    listing.write_text(
        'schema = 1\n[dusk]\nkind = "tone"\narchitecture = "tone"\nparams = { width = 4 }\n'
        'path = "dusk.safetensors"\nlicense = "MIT"\ntrained_on = "nothing"\n'
    )
    photo = photo_file("a.png")
    options = ("--models", listing, "--device", "cpu")
    assert cli("filter", "dusk", photo, *options).out == f"{photo.with_name('a_dusk.png')}\n"
    assert cli("filter", "dawn", photo, *options).failed(3, "dawn")
    assert cli("filter", "encoder", photo, *options).failed(2, "not a filter")
