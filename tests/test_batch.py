from __future__ import annotations

import io
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photostyle.batch import (
    BatchConfig,
    Plan,
    PlannedPhoto,
    Template,
    leftovers,
    plan_batch,
    run_batch,
)
from photostyle.batch import run as run_module
from photostyle.batch.config import PIXELS_PER_BYTE
from photostyle.batch.header import UNKNOWN, Header, read_header
from photostyle.batch.leftovers import STALE_AFTER, remove_leftovers
from photostyle.batch.thumbnail import thumbnail
from photostyle.errors import DeviceError, ModelError, PhotoError, UsageError
from photostyle.image import Photo, read_photo
from photostyle.image.metadata import Made
from photostyle.progress import Progress

NEGATIVE = Template("{stem}_{op}{ext}", "negative")


def negative(photo, progress):
    progress(Progress("negative", 1, 2))
    return photo.with_pixels(np.iinfo(photo.pixels.dtype).max - photo.pixels)


@pytest.fixture
def album(tmp_path):
    """`album(3)` makes 0.png, 1.png, 2.png in a new folder, each of another grey."""

    def make(count, width=20, height=10):
        folder = tmp_path / "album"
        folder.mkdir()
        for index in range(count):
            image = Image.new("RGB", (width, height), (index % 256, 0, 0))
            image.save(folder / f"{index}.png")
        return folder

    return make


class Run:
    """One run over a folder, with all it reported."""

    def __init__(self, folder, apply=negative, *, options=None, **config):
        self.reported = []
        self.progress = []
        self.results = run_batch(
            plan_batch([folder], NEGATIVE, **(options or {})),
            apply,
            BatchConfig(**config),
            report=self.reported.append,
            progress=self.progress.append,
        )

    def status(self, name):
        return next(result.status for result in self.results if result.source.name == name)

    def error(self, name):
        return next(result.error for result in self.results if result.source.name == name)


def hidden(folder):
    return list(folder.rglob(".*"))


def test_every_photo_has_a_result_with_its_own_content(album):
    folder = album(30)
    run = Run(folder)
    assert run.reported == list(run.results)
    assert sorted(result.source for result in run.results) == sorted(
        folder / f"{index}.png" for index in range(30)
    )
    for result in run.results:
        assert (result.status, result.width, result.height, result.error) == ("done", 20, 10, None)
        assert result.seconds > 0
        value = int(result.source.stem)
        assert tuple(np.asarray(Image.open(result.target))[0, 0]) == (255 - value, 255, 255)
    assert hidden(folder) == []


def test_progress_counts_the_pixels_and_never_goes_back(album):
    def twice(photo, progress):
        for _ in range(2):  # as two filters do
            for done in range(5):
                progress(Progress("step", done, 4))
        return photo

    run = Run(album(4, width=200, height=100), twice)
    done = [progress.done for progress in run.progress]
    assert done == sorted(done)
    assert (done[0], done[-1], run.progress[-1].total) == (0, 80, 80)


@pytest.mark.parametrize("jobs", [None, 1, 3])
def test_the_filter_runs_in_the_calling_thread_only(album, jobs):
    threads = set()

    def apply(photo, progress):
        threads.add(threading.get_ident())
        return negative(photo, progress)

    Run(album(6), apply, jobs=jobs)
    assert threads == {threading.get_ident()}


def test_decoding_and_encoding_go_on_beside_the_filter(album, monkeypatch):
    inside = threading.Event()
    met = []

    def read(*arguments, **options):
        met.append(inside.wait(10) if met else True)  # the second waits for the first's filter
        return read_photo(*arguments, **options)

    def apply(photo, progress):
        inside.set()
        return negative(photo, progress)

    monkeypatch.setattr(run_module, "read_photo", read)
    Run(album(2), apply)
    assert met == [True, True]


class Meter:
    """How many photos are between the beginning of reading and the end of writing."""

    def __init__(self, monkeypatch):
        self.now = self.peak = 0
        self._lock = threading.Lock()
        write_photo = run_module.write_photo

        def read(*arguments, **options):
            self._count(1)
            return read_photo(*arguments, **options)

        def write(*arguments, **options):
            time.sleep(0.005)
            unkept = write_photo(*arguments, **options)
            self._count(-1)
            return unkept

        monkeypatch.setattr(run_module, "read_photo", read)
        monkeypatch.setattr(run_module, "write_photo", write)

    def _count(self, step):
        with self._lock:
            self.now += step
            self.peak = max(self.peak, self.now)


@pytest.mark.parametrize(
    ("budget", "least", "most"),
    [
        (0, 1, 1),  # one photo is always under way
        (100_000, 1, 1),
        (200_000, 2, 2),
        (10**9, 2, 40),
    ],
)
def test_the_memory_budget_bounds_the_photos_under_way(album, monkeypatch, budget, least, most):
    folder = album(40, width=100, height=100)
    assert run_module.memory_of(read_header(folder / "0.png")) == 90_000
    meter = Meter(monkeypatch)
    assert all(r.status == "done" for r in Run(folder, memory=budget, jobs=2).results)
    assert meter.now == 0
    assert least <= meter.peak <= most


def test_one_bad_photo_does_not_stop_the_rest(album):
    folder = album(8)
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:-30])
    (folder / "2.png").write_text("not a photo")
    (folder / "3.png").write_bytes(b"")

    def apply(photo, progress):
        value = int(photo.pixels[0, 0, 0])
        if value == 4:
            raise MemoryError
        if value == 5:
            raise PhotoError("the filter made it black")
        if value == 6:
            raise ZeroDivisionError("by zero")
        return negative(photo, progress)

    run = Run(folder, apply)
    assert [run.status(f"{i}.png") for i in range(8)] == ["done"] + 6 * ["failed"] + ["done"]
    for index, words in {
        1: "cannot read", 2: "is no JPEG, PNG", 3: "is empty", 4: "not enough memory",
        5: "made it black", 6: "ZeroDivisionError: by zero",
    }.items():  # fmt: skip
        assert words in run.error(f"{index}.png")


def test_a_result_that_is_no_number_fails_alone(album):
    def apply(photo, _progress):
        bad = photo.pixels[0, 0, 0] == 1
        return photo.with_pixels(np.full(photo.pixels.shape, np.nan if bad else 0.5, np.float32))

    run = Run(album(3), apply)
    assert [run.status(f"{i}.png") for i in range(3)] == ["done", "failed", "done"]
    assert "no numbers" in run.error("1.png")


@pytest.mark.parametrize("error", [DeviceError("out of memory"), ModelError("x"), UsageError("x")])
def test_what_ails_every_photo_ends_the_run_and_keeps_what_is_done(album, error):
    folder = album(20)
    reported = []

    def apply(photo, progress):
        if photo.pixels[0, 0, 0] == 12:
            raise error
        return negative(photo, progress)

    with pytest.raises(type(error)):
        run_batch(
            plan_batch([folder], NEGATIVE), apply, BatchConfig(jobs=1), report=reported.append
        )
    written = {path for path in folder.iterdir() if "negative" in path.name}
    assert {result.target for result in reported} == written
    assert {result.status for result in reported} == {"done"}
    assert hidden(folder) == []


def test_ctrl_c_finishes_what_is_being_written_and_reports_it(album, monkeypatch):
    folder = album(20)
    reported = []
    write_photo = run_module.write_photo

    def write(*arguments, **options):
        time.sleep(0.05)
        return write_photo(*arguments, **options)

    def apply(photo, progress):
        time.sleep(0.02)
        if photo.pixels[0, 0, 0] == 16:  # the ninth, by name
            raise KeyboardInterrupt
        return negative(photo, progress)

    monkeypatch.setattr(run_module, "write_photo", write)
    with pytest.raises(KeyboardInterrupt):
        run_batch(
            plan_batch([folder], NEGATIVE), apply, BatchConfig(jobs=1), report=reported.append
        )
    written = {path for path in folder.iterdir() if "negative" in path.name}
    assert {result.target for result in reported} == written
    assert 1 <= len(written) < 9
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("photostyle-read", "photostyle-write"))]
    assert Run(folder).results  # and the rest is done the next time
    assert len(list(folder.glob("*_negative.png"))) == 20


def test_a_reader_of_reports_that_fails_ends_the_run(album):
    def report(_result):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_batch(plan_batch([album(5)], NEGATIVE), negative, report=report)


def test_existing_results_are_skipped_and_replaced_when_asked(album):
    folder = album(2)
    (folder / "0_negative.png").write_bytes(b"mine")
    run = Run(folder)
    assert (run.status("0.png"), run.status("1.png")) == ("skipped", "done")
    assert (folder / "0_negative.png").read_bytes() == b"mine"
    assert {r.status for r in Run(folder, options={"overwrite": True}).results} == {"done"}
    assert (folder / "0_negative.png").read_bytes() != b"mine"


def test_a_result_that_another_run_has_just_made_is_skipped(album):
    folder = album(1)

    def apply(photo, progress):
        (folder / "0_negative.png").write_bytes(b"theirs")
        return negative(photo, progress)

    assert Run(folder, apply).status("0.png") == "skipped"
    assert (folder / "0_negative.png").read_bytes() == b"theirs"


def test_an_empty_result_of_a_killed_run_is_filled(album):
    folder = album(1)
    (folder / "0_negative.png").touch()
    assert Run(folder).status("0.png") == "done"
    assert (folder / "0_negative.png").stat().st_size > 0


def test_folders_of_results_are_made_when_there_is_a_result(album, tmp_path):
    folder = album(2)
    out = tmp_path / "new" / "out"
    run = Run(folder, options={"out_dir": out})
    assert {result.target.parent for result in run.results} == {out}
    (folder / "0.png").write_bytes(b"bad")
    (folder / "1.png").unlink()
    Run(folder, options={"out_dir": tmp_path / "none"})
    assert not (tmp_path / "none").exists()


def test_a_folder_that_takes_no_files_fails_its_photos_before_they_are_opened(album, monkeypatch):
    def read_only(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    monkeypatch.setattr(run_module, "read_photo", lambda *_, **__: pytest.fail("it was opened"))
    run = Run(album(2))
    assert "Read-only file system" in run.error("0.png")
    assert "0_negative.png" in run.error("0.png")


def test_a_full_disk_fails_photos_and_leaves_nothing(album, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    folder = album(2)
    monkeypatch.setattr(os, "replace", full)
    run = Run(folder)
    assert "No space left on device" in run.error("1.png")
    assert sorted(path.name for path in folder.iterdir()) == ["0.png", "1.png"]


def test_warnings_of_reading_and_writing_are_kept(tmp_path):
    Image.new("RGBA", (4, 4), (9, 9, 9, 99)).save(tmp_path / "a.png")
    plan = plan_batch([tmp_path], Template("{stem}_{op}{ext}", "x", "jpg"))
    (result,) = run_batch(plan, negative, report=lambda _: None)
    assert result.warnings == ("JPEG has no transparency; it became white",)


def test_the_limit_of_pixels_fails_larger_photos(album):
    run = Run(album(1), max_pixels=199)
    assert "--max-pixels" in run.error("0.png")
    assert (run.results[0].width, run.results[0].height) == (None, None)


def test_the_first_failure_may_end_the_run(album):
    folder = album(20)

    def apply(photo, progress):
        if photo.pixels[0, 0, 0] == 12:  # the fifth, by name
            raise PhotoError("made it black")
        return negative(photo, progress)

    run = Run(folder, apply, jobs=1, fail_fast=True)
    statuses = [result.status for result in run.results]
    assert statuses.count("failed") == 1
    assert len(statuses) <= 5
    written = {path for path in folder.iterdir() if "negative" in path.name}
    assert {result.target for result in run.results if result.status == "done"} == written
    assert hidden(folder) == []


def test_a_photo_that_is_not_there_may_end_the_run_before_it_begins(album):
    folder = album(2)
    plan = plan_batch([folder / "gone.png", folder / "1.png"], NEGATIVE)
    config = BatchConfig(fail_fast=True)
    results = run_batch(plan, negative, config, report=lambda _: None)
    assert [result.status for result in results] == ["failed"]


def test_thumbnails_show_the_photo_before_and_after(album):
    folder = album(2, width=300, height=150)
    for status in ("done", "skipped"):
        for result in Run(folder, thumbnail=100).results:
            assert result.status == status
            for data, red in ((result.before, 0), (result.after, 255)):
                with Image.open(io.BytesIO(data)) as copy:
                    assert (copy.format, copy.size) == ("JPEG", (100, 50))
                    assert abs(copy.getpixel((50, 25))[0] - red) < 4
    assert Run(folder).results[0].before is None


def test_a_thumbnail_is_not_enlarged_and_white_where_transparent():
    pixels = np.zeros((3, 5, 3), np.float32)
    photo = Photo(pixels, alpha=np.zeros((3, 5), np.float32))
    with Image.open(io.BytesIO(thumbnail(photo, 100))) as copy:
        assert (copy.size, copy.getpixel((2, 1))) == ((5, 3), (255, 255, 255))


def test_a_thumbnail_of_noise_keeps_to_its_bytes():
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    assert len(thumbnail(Photo(noise), 200)) <= 200**2 // PIXELS_PER_BYTE


def test_a_skipped_photo_that_cannot_be_read_has_no_thumbnail(album):
    folder = album(1)
    (folder / "0_negative.png").write_bytes(b"mine")
    (result,) = Run(folder, thumbnail=100).results
    assert (result.status, result.after) == ("skipped", None)
    assert result.before is not None


def test_metadata_and_how_a_result_was_made(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", exif=exif)
    made = Made("photostyle 9", "filter negative", datetime(2026, 1, 2, tzinfo=UTC), ("n@12",))

    def result(**options):
        plan = plan_batch([tmp_path / "a.png"], NEGATIVE, overwrite=True)
        run_batch(plan, negative, BatchConfig(**options), report=lambda _: None)
        return read_photo(tmp_path / "a_negative.png")

    kept = result(made=made)
    assert b"Camera" in kept.exif
    assert b"filter negative; model n@12" in kept.xmp
    assert result().xmp is None
    assert result(metadata="strip", made=made).exif is None


def test_a_plan_without_work_opens_nothing(album):
    folder = album(1)
    Run(folder)
    run = Run(folder, lambda *_: pytest.fail("nothing is to be done"))
    assert [result.status for result in run.results] == ["skipped"]
    assert run.progress == []


def test_a_photo_without_a_target_must_have_a_problem(tmp_path):
    plan = Plan((PlannedPhoto(tmp_path / "a.jpg", None),))
    with pytest.raises(ValueError, match="without a target"):
        run_batch(plan, negative, report=lambda _: None)


@pytest.mark.parametrize(
    ("name", "mode", "deep"),
    [
        ("a.jpg", "RGB", False), ("a.png", "RGBA", False), ("a.tif", "RGB", False),
        ("a.webp", "RGB", False), ("a.png", "I;16", True), ("a.tif", "I;16", True),
    ],
)  # fmt: skip
def test_headers_tell_the_size_of_every_format(tmp_path, name, mode, deep):
    Image.new(mode, (33, 7)).save(tmp_path / name)
    assert read_header(tmp_path / name) == Header(33 * 7, deep)


def test_a_header_of_any_size_is_read_without_a_warning(tmp_path):
    # Half a gigapixel: Pillow's Image.open refuses it.
    Image.new("1", (25_000, 20_000)).save(tmp_path / "a.png")
    assert read_header(tmp_path / "a.png").pixels == 500_000_000


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8", b"\x89PNG", b"II*\0", b"RIFF", None])
def test_a_damaged_header_is_unknown(tmp_path, data):
    if data is not None:
        (tmp_path / "a.jpg").write_bytes(data)
    assert read_header(tmp_path / "a.jpg") == UNKNOWN


def test_leftovers_of_killed_runs_are_removed_and_nothing_else(tmp_path):
    old = time.time() - STALE_AFTER - 5
    kept = [
        ".0123456789abcdef", ".0123456789abcde.jpg", ".0123456789abcdeg.jpg",
        "0123456789abcdef.jpg", ".0123456789abcdef.txt", ".hidden.jpg",
    ]  # fmt: skip
    for name in [
        *kept, ".0123456789abcdef.jpg", ".fedcba9876543210.TIF", ".0123456789abcdef.html",
    ]:  # fmt: skip
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (old, old))
    (tmp_path / ".aaaaaaaaaaaaaaaa.jpg").touch()  # somebody may be writing it right now
    remove_leftovers([tmp_path, tmp_path / "none", Path("/dev/null")])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*kept, ".aaaaaaaaaaaaaaaa.jpg"]
    )


@pytest.mark.parametrize(
    ("locked", "age", "stays"),
    [
        (True, 3600, True),  # on a slow disk a file is written for long
        (False, 0.2, True),
        (False, 2, False),
        (None, 2, True),
        (None, STALE_AFTER + 1, False),
    ],
)
def test_a_file_that_is_being_written_is_no_leftover(tmp_path, monkeypatch, locked, age, stays):
    path = tmp_path / ".0123456789abcdef.jpg"
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    monkeypatch.setattr(leftovers, "is_locked", lambda _path: locked)
    remove_leftovers([tmp_path])
    assert path.exists() == stays


@pytest.mark.parametrize("done", [False, True])
def test_leftovers_go_even_where_nothing_is_left_to_do(album, done):
    folder = album(1)
    if done:
        Run(folder)
    left = folder / ".0123456789abcdef.png"
    left.touch()
    os.utime(left, (0, 0))
    assert Run(folder).status("0.png") == ("skipped" if done else "done")
    assert hidden(folder) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"quality": 0}, {"quality": 101}, {"jobs": 0}, {"memory": -1}, {"max_pixels": 0},
        {"thumbnail": 0},
    ],
)  # fmt: skip
def test_settings_out_of_range(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        BatchConfig(**bad)
