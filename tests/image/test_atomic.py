from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from photostyle.image import atomic
from photostyle.image.atomic import is_locked, write_atomically


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_file_is_there_and_nothing_else(tmp_path, overwrite):
    write_atomically(tmp_path / "ä b.png", b"new", overwrite=overwrite)
    assert names(tmp_path) == ["ä b.png"]
    assert (tmp_path / "ä b.png").read_bytes() == b"new"


def test_only_overwrite_replaces_a_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_atomically(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"
    write_atomically(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.png"]


def test_a_link_to_nowhere_counts_as_a_file(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "a.png", b"new", overwrite=False)
    assert names(tmp_path) == ["a.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "a.png", b"new", overwrite=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == mode


class FullDisk:
    """A file on a disk that is full after two bytes."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def fileno(self):
        return self.file.fileno()

    def write(self, data):
        self.file.write(data[:2])
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk_leaves_the_folder_as_it_was(tmp_path, monkeypatch, overwrite):
    path = tmp_path / "a.png"
    if overwrite:
        path.write_bytes(b"old")
    real_open = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode: FullDisk(real_open(self, mode)))
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new", overwrite=overwrite)
    monkeypatch.undo()
    assert names(tmp_path) == (["a.png"] if overwrite else [])
    assert not overwrite or path.read_bytes() == b"old"


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interruption_at_the_last_moment_leaves_the_folder_as_it_was(
    tmp_path, monkeypatch, overwrite
):
    path = tmp_path / "a.png"
    if overwrite:
        path.write_bytes(b"old")

    def interrupted(self, target):
        assert self.read_bytes() == b"new"
        assert self.parent == target.parent == tmp_path
        assert self.name.startswith(".")
        assert self.suffix == ".png"
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new", overwrite=overwrite)
    assert names(tmp_path) == (["a.png"] if overwrite else [])
    assert not overwrite or path.read_bytes() == b"old"


class Watched(FullDisk):
    """A file that looks whether it is locked when it is written."""

    locked = None

    def write(self, data):
        Watched.locked = is_locked(Path(self.file.name))
        self.file.write(data)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no locks of this kind")
def test_a_file_is_locked_while_it_is_written(tmp_path, monkeypatch):
    real_open = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, mode: (
            Watched(real_open(self, mode)) if mode == "xb" else real_open(self, mode)
        ),
    )
    write_atomically(tmp_path / "a.png", b"new", overwrite=False)
    assert Watched.locked is True
    assert is_locked(tmp_path / "a.png") is False


def test_a_file_system_without_locks_is_no_hindrance(tmp_path, monkeypatch):
    def refuses(_file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(atomic, "_lock", refuses)
    write_atomically(tmp_path / "a.png", b"new", overwrite=False)
    assert (tmp_path / "a.png").read_bytes() == b"new"
    assert is_locked(tmp_path / "a.png") is None
