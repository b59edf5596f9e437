from __future__ import annotations

import os
from pathlib import Path

import pytest

from photostyle.cli.naming import check_inputs, check_output, output_path
from photostyle.errors import PhotoError, UsageError

CONTENT, STYLE = Path("album/beach.JPG"), Path("looks/dusk.png")


def name(**options):
    return output_path(CONTENT, op="transfer", style=STYLE, **options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "album/beach_transfer.JPG"),
        ({"out_dir": Path("done")}, "done/beach_transfer.JPG"),
        ({"extension": "png"}, "album/beach_transfer.png"),
        ({"extension": ".TIF"}, "album/beach_transfer.tif"),
        ({"template": "{stem}-{style}{ext}"}, "album/beach-dusk.JPG"),
        ({"template": "{{{op}}}.png"}, "album/{transfer}.png"),
        ({"output": Path("x/y.png")}, "x/y.png"),
    ],
)
def test_the_name_of_a_result(options, expected):
    assert name(**options) == Path(expected)


@pytest.mark.parametrize(
    "template",
    [
        "../{stem}{ext}", "/tmp/{stem}{ext}", "sub/{stem}{ext}", "..", ".", "",
        "{stem.__class__}{ext}", "{stem!r}{ext}", "{stem:>9}{ext}", "{date}{ext}", "{}{ext}",
        "{stem", "stem}",
    ],
)  # fmt: skip
def test_a_template_may_not_leave_its_folder_nor_reach_into_objects(template):
    with pytest.raises(UsageError, match="--name"):
        name(template=template)


def test_a_field_is_a_name_even_if_a_photo_is_called_like_a_folder():
    path = output_path(Path("a/...jpg"), op="transfer", style=STYLE)
    assert path.parent == Path("a")


@pytest.mark.parametrize(
    "other", [{"out_dir": Path("d")}, {"template": "{op}{ext}"}, {"extension": "png"}]
)
def test_output_excludes_the_options_that_build_a_name(other):
    with pytest.raises(UsageError, match="--output names the file"):
        name(output=Path("y.png"), **other)


def test_inputs_must_be_readable_files(tmp_path, monkeypatch):
    present = tmp_path / "a.jpg"
    present.write_bytes(b"x")
    check_inputs([present])
    with pytest.raises(PhotoError, match=r"b\.jpg': there is no such file"):
        check_inputs([present, tmp_path / "b.jpg"])
    with pytest.raises(PhotoError, match="it is not a file"):
        check_inputs([tmp_path])
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PhotoError, match="permission denied"):
        check_inputs([present])


def check(path, inputs=(), overwrite=False):
    check_output(path, inputs, overwrite=overwrite)


def test_a_new_file_in_a_writable_folder_is_fine_and_nothing_is_left(tmp_path):
    check(tmp_path / "new.JPG")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["a.bmp", "a", ".jpg"])
def test_only_formats_that_can_be_written(tmp_path, file):
    with pytest.raises(UsageError, match=r"must end in \.jpg"):
        check(tmp_path / file)


def test_a_folder_is_not_an_output(tmp_path):
    folder = tmp_path / "folder.jpg"
    folder.mkdir()
    with pytest.raises(PhotoError, match="is a folder"):
        check(folder, overwrite=True)


def test_an_existing_file_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    with pytest.raises(PhotoError, match="it exists already; use --overwrite"):
        check(path)
    check(path, overwrite=True)


def test_a_dangling_link_counts_as_existing(tmp_path):
    link = tmp_path / "a.jpg"
    link.symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(PhotoError, match="it exists already; use --overwrite"):
        check(link)


@pytest.mark.parametrize("make", ["symlink_to", "hardlink_to"])
def test_an_input_is_never_replaced_whatever_its_name(tmp_path, make):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"x")
    other_name = tmp_path / "other.jpg"
    getattr(other_name, make)(photo)
    for path in (photo, other_name):
        with pytest.raises(PhotoError, match="it is an input"):
            check(path, [photo], overwrite=True)


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(PhotoError, match="there is no folder"):
        check(tmp_path / "none" / "a.jpg")


def test_a_read_only_disk_is_found_before_the_work(tmp_path, monkeypatch):
    def read_only(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(PhotoError, match="Read-only file system"):
        check(tmp_path / "a.jpg")
