from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from photostyle.cli.streams import STREAM, read_list, streams
from photostyle.errors import ModelError, PhotoError, UsageError

PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def stdin(monkeypatch):
    """`stdin(b"...")` puts bytes on standard input."""

    def put(data, *, terminal=False):
        stream = SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: terminal)
        monkeypatch.setattr("sys.stdin", stream)

    return put


@pytest.fixture
def stdout(monkeypatch):
    """`stdout()` takes the place of standard output and gives the buffer for what is written."""

    def put(*, terminal=False):
        stream = SimpleNamespace(buffer=io.BytesIO(), isatty=lambda: terminal)
        monkeypatch.setattr("sys.stdout", stream)  # here: pytest sets its own before every test
        return stream.buffer

    return put


def opened(source, target, extension=None, as_json=False):
    return streams(Path(source), target and Path(target), extension=extension, as_json=as_json)


def test_files_stay_files():
    with opened("a.jpg", None) as pipes:
        assert (pipes.source, pipes.target) == (Path("a.jpg"), None)
        assert pipes.named("cannot read 'a.jpg'") == "cannot read 'a.jpg'"
        assert (pipes.shown(Path("a.jpg")), pipes.shown(None)) == ("a.jpg", None)
        pipes.send()


def test_a_photo_waits_in_a_file_that_is_gone_afterwards(stdin, stdout):
    stdin(PNG)
    sent = stdout()
    with opened("-", "-") as pipes:
        assert pipes.source.read_bytes() == PNG
        assert (pipes.source.suffix, pipes.target.suffix) == (".png", ".png")
        pipes.send()  # there is none yet
        pipes.target.write_bytes(b"result")
        pipes.send()
        assert (pipes.shown(pipes.source), pipes.shown(pipes.target)) == ("-", "-")
        assert pipes.named(f"'{pipes.source}' and {pipes.target}") == (
            "standard input and standard output"
        )
    assert sent.getvalue() == b"result"
    assert not pipes.source.parent.exists()


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (PNG, ".png"), (b"\xff\xd8\xff", ".jpg"), (b"II*\0", ".tif"),
        (b"RIFF\0\0\0\0WEBP", ".webp"),
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", ".avif"), (b"IIRO", ".raw"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ".heic"), (b"\xff\x0a", ".jxl"),
    ],
)  # fmt: skip
def test_results_have_the_format_of_the_photo(stdin, stdout, data, suffix):
    stdout()
    stdin(data)
    with opened("-", "-") as pipes:
        assert pipes.source.suffix == suffix
        assert pipes.target.suffix == (".tif" if suffix == ".raw" else suffix)
    stdin(data)
    with opened("-", "-", extension="JXL") as pipes:
        assert pipes.target.suffix == ".jxl"


def test_errors_call_streams_by_their_names(stdin, stdout):
    stdout()
    stdin(PNG)
    with (
        pytest.raises(ModelError, match=r"^cannot read standard input: bad$"),
        opened("-", "-") as pipes,
    ):
        raise ModelError(f"cannot read '{pipes.source}': bad")


@pytest.mark.parametrize(("data", "words"), [(b"", "it is empty"), (b"text", "it is no photo")])
def test_what_is_no_photo(stdin, data, words):
    stdin(data)
    with pytest.raises(PhotoError, match=f"cannot read standard input: {words}"), opened("-", "a"):
        pass


def test_requests_that_make_no_sense(stdin, stdout):
    stdin(PNG, terminal=True)
    stdout(terminal=True)
    for arguments, words in (
        (("-", None), "needs --output"),
        (("a.jpg", "-", None, True), "--json"),
        (("-", "r.jpg"), "standard input is a terminal"),
        (("a.jpg", "-"), "standard output is a terminal"),
    ):
        with pytest.raises(UsageError, match=words), opened(*arguments):
            pass
    with pytest.raises(UsageError, match="standard input is a terminal"):
        read_list(STREAM)


@pytest.mark.parametrize(
    "data", [b"a b.jpg\nc\n", b"a b.jpg\r\nc", b"a b.jpg\0c\0", b"\na b.jpg\n\nc\n\n"]
)
def test_lists(stdin, tmp_path, data):
    stdin(data)
    assert read_list(STREAM) == [Path("a b.jpg"), Path("c")]
    (tmp_path / "list").write_bytes(data)
    assert read_list(tmp_path / "list") == [Path("a b.jpg"), Path("c")]


def test_a_list_between_nuls_may_hold_names_of_several_lines(stdin):
    stdin(b"a\nb.jpg\0c\r.jpg\0")
    assert read_list(STREAM) == [Path("a\nb.jpg"), Path("c\r.jpg")]


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the list '.*none': No such file"):
        read_list(tmp_path / "none")


def test_what_standard_output_does_not_take_is_a_failure(tmp_path):
    program = (
        "from pathlib import Path; from photostyle.batch import PhotoResult\n"
        "from photostyle.cli.streams import streams\n"
        f"with streams(Path({str(tmp_path / 'a.png')!r}), Path('-'), extension=None, as_json=False)"
        " as pipes:\n"
        "    pipes.target.write_bytes(b'result')\n"
        "    result = pipes.delivered(PhotoResult(pipes.source, pipes.target, 'done'))\n"
        "assert result.status == 'failed', result\n"
        "assert result.error == 'cannot write standard output: No space left on device', result\n"
    )
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    with full.open("wb") as stdout:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")
