"""Downloads: the hub's real client against a server on this machine."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants

from photostyle.errors import ModelError
from photostyle.registry import (
    Entry,
    hub,
    load_encoder,
    local_weights,
    verified_weights,
    weights_file,
)

if TYPE_CHECKING:
    from photostyle.progress import Progress

TOKEN = "hf_of_the_tests"


def failure(entry: Entry, **options: bool) -> str:
    with pytest.raises(ModelError) as caught:
        weights_file(entry, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def no_network(monkeypatch):
    """Opening a connection fails the test."""

    def connect(*_):
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "create_connection", connect)


def test_downloads_once_and_reports_bytes(remote, entry, content, capfd):
    remote.files[entry.file] = content
    assert local_weights(entry) is None
    reports: list[Progress] = []
    path = weights_file(entry, progress=reports.append)
    assert path.read_bytes() == content
    assert local_weights(entry) == path
    assert path.is_relative_to(constants.HF_HUB_CACHE)
    assert {report.stage for report in reports} == {"download small"}
    assert {report.total for report in reports} == {entry.size}
    assert [report.done for report in reports] == sorted({report.done for report in reports})
    assert (reports[0].done, reports[-1].done) == (0, entry.size)
    assert verified_weights(entry, progress=reports.append) == content
    assert [method for method, _ in remote.requests] == ["HEAD", "GET"]
    assert capfd.readouterr() == ("", "")


def test_becomes_a_network(remote, entry, content):
    remote.files[entry.file] = content
    assert load_encoder(entry).widths == [4, 8]


def test_files_may_lie_in_folders_of_the_repository(remote, entry, content):
    entry = replace(entry, file="weights/v1/small.safetensors")
    remote.files[entry.file] = content
    assert verified_weights(entry) == content


def test_another_file_than_the_listed_one_is_refused_and_kept(remote, entry, content):
    remote.files[entry.file] = content[:-1] + b"?"
    message = failure(entry)
    (blob,) = Path(constants.HF_HUB_CACHE).rglob(f"blobs/{'?' * 64}")
    assert "small.safetensors has sha256" in message
    assert f"remove {blob} and run photostyle models download small" in message
    # It is refused every time, and not fetched again behind the user's back.
    with pytest.raises(ModelError, match="has sha256"):
        verified_weights(entry)
    assert len(remote.bodies()) == 1
    # What the message says helps.
    remote.files[entry.file] = content
    blob.unlink()
    assert verified_weights(entry) == content


def test_a_file_of_another_size_is_refused(remote, entry, content):
    remote.files[entry.file] = content + b"more"
    assert f"has {entry.size + 4} bytes, model 'small' has {entry.size}" in failure(entry)


def test_without_a_listed_size_the_digest_is_checked(remote, entry, content):
    entry = replace(entry, size=None)
    remote.files[entry.file] = content + b"more"
    assert "has sha256" in failure(entry)


def test_a_cached_file_that_changes_is_noticed(remote, entry, content):
    remote.files[entry.file] = content
    path = weights_file(entry)
    path.resolve().write_bytes(content[:-1] + b"?")
    with pytest.raises(ModelError, match="has sha256"):
        verified_weights(entry)


def test_a_body_that_breaks_off_is_continued(remote, entry, content, capfd):
    remote.files[entry.file] = content
    remote.faults = [("GET", "truncate"), ("GET", "truncate")]
    assert verified_weights(entry) == content
    first, second, third = remote.bodies()
    assert first is None
    assert second.startswith("bytes=")
    assert 0 < int(second[6:-1]) < int(third[6:-1]) < len(content)
    assert capfd.readouterr() == ("", "")


def test_bodies_that_keep_breaking_off_end_in_one_line(remote, entry, content):
    remote.files[entry.file] = content
    remote.faults = [("GET", "truncate")] * 1000
    message = failure(entry)
    assert "cannot download model 'small'" in message
    assert list(Path(constants.HF_HUB_CACHE).rglob("*.incomplete")) == []


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_busy_hub_is_asked_again(remote, entry, content, method, capfd):
    remote.files[entry.file] = content
    remote.faults = [(method, 503), (method, 503)]
    assert verified_weights(entry) == content
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_hub_that_stays_busy_is_named(remote, entry, content, method):
    remote.files[entry.file] = content
    remote.faults = [(method, 503)] * 100
    message = failure(entry)
    assert f"cannot download model 'small': {remote.url} answers HTTP 503; try again" in message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"repo_id": "somebody/else"}, "has no somebody/else; if it is private, set HF_TOKEN"),
        ({"revision": "f" * 40}, f"somebody/small has no revision {'f' * 40}"),
        ({"file": "none.safetensors"}, "somebody/small has no file none.safetensors at revision"),
    ],
)
def test_what_is_not_there_is_named(remote, entry, content, change, problem):
    remote.files[entry.file] = content
    assert problem in failure(replace(entry, **change))


def test_a_gated_model_says_what_to_do(remote, entry, content, monkeypatch):
    remote.files[entry.file] = content
    remote.gated = True
    assert (
        "it is gated; accept the licence at https://huggingface.co/somebody/small and set HF_TOKEN"
    ) in failure(entry)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert verified_weights(entry) == content


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_says_what_to_do(remote, entry, status):
    remote.faults = [("HEAD", status)] * 10
    assert f"the hub refuses access (HTTP {status}); if https://huggingface.co/" in failure(entry)


@pytest.mark.usefixtures("remote")
def test_a_hub_without_an_answer_is_named(entry, monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.05)
        monkeypatch.setattr("huggingface_hub.file_download._ETAG_RETRY_TIMEOUT", 0.05)
        assert f"{url} does not answer in time" in failure(entry)
    assert f"cannot reach {url}" in failure(entry)


def test_a_full_disk_is_found_before_and_while_writing(remote, entry, content, monkeypatch):
    remote.files[entry.file] = content

    class Usage:
        free = 1000

        def __init__(self, _folder):
            pass

    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", Usage)
        assert f"there is no room in {constants.HF_HUB_CACHE}" in failure(entry)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(hub, "hf_hub_download", full)
    assert "there is no room in" in failure(entry)


def test_a_cache_that_cannot_be_written_is_named(remote, entry, content):
    remote.files[entry.file] = content
    (blocked := Path(constants.HF_HUB_CACHE)).write_text("a file where the folder should be")
    message = failure(entry)
    assert str(blocked) in message
    assert "cannot download model 'small'" in message


def test_offline_uses_the_cache_and_opens_no_connection(remote, entry, content, request):
    remote.files[entry.file] = content
    weights_file(entry)
    request.getfixturevalue("no_network")
    assert verified_weights(entry, offline=True) == content
    assert verified_weights(entry) == content


@pytest.mark.usefixtures("remote", "no_network")
@pytest.mark.parametrize("how", ["--offline", "HF_HUB_OFFLINE"])
def test_offline_without_cache_says_what_to_do(entry, how, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", how == "HF_HUB_OFFLINE")
    message = failure(entry, offline=how == "--offline")
    assert "run photostyle models download small once with a network" in message


# Whole processes: what is read from the environment is read when the client is imported.

LISTING = """
[small]
kind = "features"
architecture = "encoder"
params = {{ channels = [[4], [8, 8]] }}
file = "small.safetensors"
sha256 = "{sha256}"
license = "MIT"
trained_on = "nothing"
repo_id = "somebody/small"
revision = "0123456789abcdef0123456789abcdef01234567"
"""

NO_SOCKETS = (
    "import socket, sys\n"
    "def connect(*_): raise AssertionError('a connection was opened')\n"
    "socket.socket.connect = socket.create_connection = connect\n"
    "from photostyle.cli.app import run\n"
    "sys.exit(run(sys.argv[1:]))\n"
)


@pytest.fixture
def process(served, content, tmp_path):
    """`process("download", "small", HF_TOKEN=...)` starts `photostyle models`."""
    listing = tmp_path / "models.toml"
    listing.write_text(LISTING.format(sha256=hashlib.sha256(content).hexdigest()))
    served.files["small.safetensors"] = content

    def start(*arguments: str, code: str | None = None, **environment: str):
        command = ["-c", code] if code else ["-m", "photostyle"]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PHOTOSTYLE"))}
        return subprocess.Popen(
            [sys.executable, *command, "models", *arguments, "--models", str(listing)],
            env={
                **inherited,
                "HF_HOME": str(tmp_path / "home"),
                "HF_ENDPOINT": served.url,
                "NO_PROXY": "127.0.0.1",
                "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_the_environment_is_honoured(served, process, content, tmp_path):
    served.gated = True
    refused = process("download", "small")
    out, err = refused.communicate()
    assert (refused.returncode, out, err.count("\n")) == (3, "", 1)
    assert "set HF_TOKEN" in err

    done = process("download", "small", HF_TOKEN=TOKEN)
    out, err = done.communicate()
    assert (done.returncode, err) == (0, "")
    path = Path(out.strip())
    assert path.read_bytes() == content
    assert path.is_relative_to(tmp_path / "home" / "hub")

    offline = process("download", "small", code=NO_SOCKETS, HF_HUB_OFFLINE="1")
    assert offline.communicate() == (out, "")
    absent = process(
        "download", "small", code=NO_SOCKETS, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "empty")
    )
    assert "once with a network" in absent.communicate()[1]
    assert absent.returncode == 3


def test_two_processes_at_once_fetch_one_file(served, process, content):
    served.delay = 0.5
    both = [process("download", "small") for _ in range(2)]
    outcomes = [each.communicate() for each in both]
    assert outcomes[0] == outcomes[1]
    assert [each.returncode for each in both] == [0, 0]
    assert Path(outcomes[0][0].strip()).read_bytes() == content
    assert len(served.bodies()) == 1
