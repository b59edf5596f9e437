from __future__ import annotations

import io
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photostyle.batch import PhotoResult, check_report, thumbnail_side, write_report
from photostyle.batch.report import LARGEST_THUMBNAIL, MOST_BYTES, SMALLEST_THUMBNAIL
from photostyle.errors import PhotoError, UsageError


class Page(HTMLParser):
    """What a browser would make of a report."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags = []
        self.open = []
        self.text = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and "script" not in self.open:
            self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def jpeg(colour, size=(60, 40)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


def done(name="a.jpg", **fields):
    fields = {"before": jpeg("red"), "after": jpeg("blue"), "width": 600, "height": 400} | fields
    return PhotoResult(Path(name), Path("out", name), "done", 1.25, **fields)


def test_every_photo_is_shown_before_and_after(tmp_path):
    report = tmp_path / "report.html"
    write_report(report, [done("a.jpg"), done("b.jpg")], title="filter denoise")
    page = Page(report)
    assert page.open == []
    pictures = page.all("img")
    assert [picture["alt"] for picture in pictures] == [
        "a.jpg, before", "a.jpg, after", "b.jpg, before", "b.jpg, after",
    ]  # fmt: skip
    assert all(picture["src"].startswith("data:image/jpeg;base64,/9j/") for picture in pictures)
    assert len([slider for slider in page.all("input") if slider["type"] == "range"]) == 2
    assert "filter denoise" in page.text
    assert "2 done" in page.text
    assert "600 × 400" in page.text


def test_nothing_comes_from_elsewhere(tmp_path):
    report = tmp_path / "report.html"
    write_report(report, [done()], title="x")
    page = Page(report)
    source = re.sub('base64,[^"]*', "", page.source)
    assert not re.search(r"https?:|//[a-z]|@import|url[(]", source)
    assert not page.all("link")
    assert all("src" not in script for script in page.all("script"))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>.jpg", "\"'&<b>.jpg", "\udcff\n.jpg"])
def test_everything_is_escaped(tmp_path, name):
    report = tmp_path / "report.html"
    failed = PhotoResult(Path(name), None, "failed", error=f"cannot read '{name}'")
    write_report(report, [done(Path(name).name, warnings=(name,)), failed], title=name)
    page = Page(report)
    assert len(page.all("script")) == 1
    assert len(page.all("b")) == 2  # those of the report
    assert len(page.all("img")) == 2


def test_files_are_linked_from_where_the_report_lies(tmp_path):
    photo = tmp_path / "photos" / "été 1#.jpg"
    photo.parent.mkdir()
    photo.write_bytes(bytes(2_500_000))
    report = tmp_path / "reports" / "report.html"
    report.parent.mkdir()
    write_report(report, [PhotoResult(photo, None, "skipped")], title="x")
    page = Page(report)
    assert page.all("a")[0]["href"] == "../photos/%C3%A9t%C3%A9%201%23.jpg"
    assert "2.5 MB" in page.text
    assert "was there already" in page.text


def test_failures_and_warnings_are_told(tmp_path):
    report = tmp_path / "report.html"
    failed = PhotoResult(Path("bad.jpg"), None, "failed", error="cannot read 'bad.jpg': empty")
    write_report(report, [failed, done(warnings=("it was clipped",))], title="x", left=7)
    page = Page(report)
    assert "1 done, 1 failed, 7 not begun" in page.text
    assert "cannot read 'bad.jpg': empty" in page.text
    assert "it was clipped" in page.text
    assert len(page.all("figure")) == 1


def test_a_photo_without_copies_is_told_without_pictures(tmp_path):
    write_report(tmp_path / "r.html", [done(before=None, after=None)], title="x")
    page = Page(tmp_path / "r.html")
    assert (page.all("img"), len(page.all("figure"))) == ([], 1)


@pytest.mark.parametrize("photos", [0, 1, 200, 1000, 3000])
def test_a_report_keeps_to_its_bytes(photos):
    side = thumbnail_side(photos)
    assert SMALLEST_THUMBNAIL <= side <= LARGEST_THUMBNAIL
    assert photos * 2 * side**2 / 6 * 4 / 3 <= MOST_BYTES
    assert (side == LARGEST_THUMBNAIL) == (photos <= 549)


def test_a_report_replaces_a_report_and_nothing_else(tmp_path):
    report = tmp_path / "report.html"
    check_report(report, overwrite=False)
    write_report(report, [], title="first")
    check_report(report, overwrite=False)
    write_report(report, [], title="second")
    assert "second" in report.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    report.write_text("<p>mine</p>")
    with pytest.raises(PhotoError, match="is no report"):
        check_report(report, overwrite=False)
    check_report(report, overwrite=True)


def test_where_a_report_cannot_be(tmp_path):
    (tmp_path / "folder.html").mkdir()
    for path, error, words in (
        (tmp_path / "none" / "r.html", PhotoError, "there is no folder"),
        (tmp_path / "folder.html", PhotoError, "it is a folder"),
        (tmp_path / "photo.jpg", UsageError, "must end in .html"),
    ):
        with pytest.raises(error, match=words):
            check_report(path, overwrite=True)


def test_a_folder_that_takes_no_report_is_found_before_the_work(tmp_path, monkeypatch):
    def read_only(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(PhotoError, match="Read-only file system"):
        check_report(tmp_path / "r.html", overwrite=False)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(PhotoError, match="No space left on device"):
        write_report(tmp_path / "r.html", [], title="x")
    assert list(tmp_path.iterdir()) == []


def test_a_browser_shows_half_of_each_picture(tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    report, shot = tmp_path / "report.html", tmp_path / "shot.png"
    large = {"before": jpeg("red", (300, 200)), "after": jpeg("blue", (300, 200))}
    write_report(report, [done(**large)], title="x")
    subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=400,500",
            f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}", report.as_uri(),
        ],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    with Image.open(shot) as picture:
        pixels = np.asarray(picture.convert("RGB"), int)
    red = (abs(pixels - (255, 0, 0)).sum(-1) < 30).nonzero()[1]
    blue = (abs(pixels - (0, 0, 255)).sum(-1) < 30).nonzero()[1]
    # One over the other, before on the left and after on the right.
    assert red.max() < blue.min()
    assert abs(len(red) - len(blue)) < 0.1 * len(red)
    assert red.min() < 50
    assert blue.max() > 350
