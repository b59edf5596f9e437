"""A hub on this machine, and models whose weights are on it."""

from __future__ import annotations

import base64
import hashlib
import json
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
READ_TOKEN = "hf_that_may_only_read"
OWNER = "somebody"
LFS_FROM = 4096
"""Bytes from which a file is uploaded by itself, rather than inside the commit."""


@dataclass
class Repository:
    """A repository that was made by a client."""

    visibility: str | None
    """What the client asked for."""
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """All files after each commit, the last one at the end."""
    messages: list[str] = field(default_factory=list)
    """First line of each commit's message."""

    def head(self) -> dict[str, bytes]:
        return self.commits[next(reversed(self.commits))] if self.commits else {}


@dataclass
class Hub:
    """A server that answers as the Hugging Face hub does.

    It has one repository of one commit, and those that clients make.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """What the one repository holds."""
    repositories: dict[str, Repository] = field(default_factory=dict)
    """Those made by clients."""
    objects: dict[str, bytes] = field(default_factory=dict)
    """Files that were uploaded by themselves, by sha256."""
    cards: list[str] = field(default_factory=list)
    """Every README whose metadata were to be checked."""
    gated: bool = False
    """Only requests with `TOKEN` are answered."""
    faults: list[tuple[str, int | str]] = field(default_factory=list)
    """What goes wrong: a method or a part of a path, and a status or `"truncate"`. Each happens
    once, in order."""
    delay: float = 0
    """Seconds every body takes."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Method and range of every request."""

    def bodies(self) -> list[str | None]:
        return [wanted for method, wanted in self.requests if method == "GET"]

    def content(self, repository: str, revision: str) -> dict[str, bytes] | None:
        if repository == REPOSITORY and repository not in self.repositories:
            return self.files if revision == REVISION else None
        return self.repositories[repository].commits.get(revision)


def handler(state: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or else each answer waits 40 ms for its own head

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def answer(self) -> None:
            state.requests.append((self.command, self.headers.get("Range")))
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = None
            if state.faults and state.faults[0][0] in (self.command, *self.path.split("/")):
                fault = state.faults.pop(0)[1]
            if isinstance(fault, int):
                return self.refuse(fault)
            if state.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.refuse(401, "GatedRepo")
            if "/resolve/" not in self.path:
                return self.take(body)
            repository, _, place = self.path[1:].partition("/resolve/")
            revision, _, name = place.partition("/")
            if repository != REPOSITORY and repository not in state.repositories:
                return self.refuse(404, "RepoNotFound")
            files = state.content(repository, revision)
            if files is None:
                return self.refuse(404, "RevisionNotFound")
            if name not in files:
                return self.refuse(404, "EntryNotFound")
            return self.send(files[name], revision, truncate=fault == "truncate")

        def take(self, body: bytes) -> None:
            """Answer whatever an upload asks for."""
            if self.path.startswith("/objects/"):  # the storage, which is told who may by the URL
                state.objects[self.path.removeprefix("/objects/")] = body
                return self.say({})
            if self.path == "/api/validate-yaml":
                state.cards.append(json.loads(body)["content"])
                return self.say({"warnings": [{"message": "the metadata are short"}]})
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            if token not in (TOKEN, READ_TOKEN):
                return self.refuse(401)
            if self.path == "/api/repos/create":
                return self.create(json.loads(body), token)
            found = re.match(r"/(?:api/models/)?(\w+/[\w.-]+?)(?:\.git)?(?:/(.*))?$", self.path)
            if found is None or found[1] not in state.repositories:
                return self.refuse(404, "RepoNotFound")
            repository, what = state.repositories[found[1]], found[2] or ""
            if self.command == "GET":
                return self.say({"id": found[1], "sha": next(reversed(repository.commits), None)})
            if token != TOKEN:
                return self.refuse(403)
            if what == "preupload/main":
                return self.say({"files": [self.mode(one) for one in json.loads(body)["files"]]})
            if what == "info/lfs/objects/batch":
                return self.say({"objects": [self.place(o) for o in json.loads(body)["objects"]]})
            if what == "info/lfs/verify":
                wanted = json.loads(body)
                content = state.objects.get(wanted["oid"], b"")
                fits = hashlib.sha256(content).hexdigest() == wanted["oid"]
                return self.say({}) if fits else self.refuse(422)
            if what == "commit/main":
                return self.commit(found[1], repository, body)
            return self.refuse(404)

        def create(self, wanted: dict[str, str], token: str) -> None:
            name = f"{wanted['organization']}/{wanted['name']}"
            if token != TOKEN or wanted["organization"] != OWNER:
                return self.refuse(403)
            exists = name in state.repositories
            if not exists:
                state.repositories[name] = Repository(wanted.get("visibility"))
            return self.say({"url": f"{state.url}/{name}"}, status=409 if exists else 200)

        def mode(self, file: dict[str, object]) -> dict[str, object]:
            """Say how a file is to be uploaded, and which is there already."""
            name, size = str(file["path"]), int(str(file["size"]))
            large = size >= LFS_FROM
            oid = None
            found = re.match(r"/api/models/([^/]+/[^/]+)/", self.path)
            assert found is not None
            if (old := state.repositories[found[1]].head().get(name)) is not None:
                blob = b"blob %d\0" % len(old) + old
                oid = hashlib.sha256(old) if large else hashlib.sha1(blob)
            return {
                "path": name,
                "uploadMode": "lfs" if large else "regular",
                "shouldIgnore": False,
                "oid": oid and oid.hexdigest(),
            }

        def place(self, wanted: dict[str, object]) -> dict[str, object]:
            """Say where a large file is to be uploaded, unless it is there."""
            if wanted["oid"] in state.objects:
                return wanted
            repository = self.path.partition(".git/")[0]
            return wanted | {
                "actions": {
                    "upload": {"href": f"{state.url}/objects/{wanted['oid']}"},
                    "verify": {"href": f"{state.url}{repository}.git/info/lfs/verify"},
                }
            }

        def commit(self, name: str, repository: Repository, body: bytes) -> None:
            files = dict(repository.head())
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "header":
                    repository.messages.append(value["summary"])
                elif line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                else:
                    assert line["key"] == "lfsFile"
                    files[value["path"]] = state.objects[value["oid"]]
            oid = hashlib.sha1(body).hexdigest()
            repository.commits[oid] = files
            self.say({"commitUrl": f"{state.url}/{name}/commit/{oid}", "commitOid": oid})

        def say(self, content: dict[str, object], status: int = 200) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def refuse(self, status: int, code: str = "") -> None:
            self.send_response(status)
            if code:
                self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def send(self, content: bytes, revision: str, *, truncate: bool) -> None:
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
            self.send_header("X-Repo-Commit", revision)
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
    # Its storage is another service than the hub, which is not on this machine.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
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
