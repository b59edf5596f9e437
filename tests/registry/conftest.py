"""A hub on this machine, and models whose weights are on it."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import safetensors.torch
from huggingface_hub import close_session, constants

from photostyle.features import random_encoder
from photostyle.registry import Entry, hub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPOSITORY = "somebody/small"
REVISION = "0123456789abcdef0123456789abcdef01234567"
CHANNELS = [[4], [8, 8]]
TOKEN = "hf_of_the_tests"


@dataclass
class Hub:
    """A server that answers as the Hugging Face hub does, with one repository of one commit."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """What the repository holds."""
    gated: bool = False
    """Only requests with `TOKEN` are answered."""
    faults: list[tuple[str, int | str]] = field(default_factory=list)
    """What goes wrong: a method, and a status or `"truncate"`. Each happens once, in order."""
    delay: float = 0
    """Seconds every body takes."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Method and range of every request."""

    def bodies(self) -> list[str | None]:
        return [wanted for method, wanted in self.requests if method == "GET"]


def handler(state: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            state.requests.append((self.command, self.headers.get("Range")))
            fault = None
            if state.faults and state.faults[0][0] == self.command:
                fault = state.faults.pop(0)[1]
            if isinstance(fault, int):
                return self.refuse(fault)
            if state.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.refuse(401, "GatedRepo")
            repository, _, place = self.path[1:].partition("/resolve/")
            revision, _, name = place.partition("/")
            if repository != REPOSITORY:
                return self.refuse(404, "RepoNotFound")
            if revision != REVISION:
                return self.refuse(404, "RevisionNotFound")
            if name not in state.files:
                return self.refuse(404, "EntryNotFound")
            return self.send(state.files[name], truncate=fault == "truncate")

        def refuse(self, status: int, code: str = "") -> None:
            self.send_response(status)
            if code:
                self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def send(self, content: bytes, *, truncate: bool) -> None:
            start = 0
            if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
                start = int(found[1])
                self.send_response(206)
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            else:
                self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if self.command == "GET":
                time.sleep(state.delay)
                end = start + (len(content) - start) // 2 if truncate else len(content)
                self.wfile.write(content[start:end])
                self.close_connection = truncate

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def served() -> Iterator[Hub]:
    """The hub, for other processes: they find it through HF_ENDPOINT."""
    state = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(state))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def remote(served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub, for the client in this process, which has an empty cache and waits for nothing."""
    # The client has read the environment already, when it was imported.
    monkeypatch.setattr(constants, "ENDPOINT", served.url)
    template = f"{served.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # So that less than 10 MB suffice for a body that breaks off.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 256)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for module in ("huggingface_hub.file_download", "huggingface_hub.utils._http"):
        monkeypatch.setattr(f"{module}.time", Impatient())
    monkeypatch.setattr(hub, "PAUSES", (0, 0))
    close_session()
    yield served
    with suppress(Exception):
        close_session()


class Impatient:
    """The module `time`, whose `sleep` returns at once."""

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)

    def sleep(self, _seconds: float) -> None:
        pass


def weights_of(seed: int) -> bytes:
    """A weights file of a small encoder, about 6 kB."""
    return safetensors.torch.save(random_encoder(seed, channels=CHANNELS).state_dict())


@pytest.fixture(scope="session")
def content() -> bytes:
    """The weights file of `entry`."""
    return weights_of(1)


@pytest.fixture
def entry(content: bytes) -> Entry:
    """A model on the hub."""
    return Entry(
        name="small",
        kind="features",
        architecture="encoder",
        params={"channels": CHANNELS},
        file="small.safetensors",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        license="MIT",
        trained_on="nothing",
        repo_id=REPOSITORY,
        revision=REVISION,
    )
