"""Publishing: the hub's real client against a server on this machine."""

from __future__ import annotations

import copy
import shlex
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants
from huggingface_hub.utils.tqdm import are_progress_bars_disabled

from photostyle.errors import ModelError, UsageError
from photostyle.registry import verified_weights
from photostyle.registry.publish import Published, check_access, check_repo_id, publish

if TYPE_CHECKING:
    from pathlib import Path

    from photostyle.progress import Progress

TOKEN = "hf_of_the_tests"
READ_TOKEN = "hf_that_may_only_read"
NEW = "somebody/soft-light"
CARD = "---\nlicense: mit\n---\n# soft\n"
MESSAGE = "soft: 100 steps on 9 photos"


@pytest.fixture
def writing(remote, monkeypatch):
    """The hub, with a token that may write to it."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return remote


@pytest.fixture
def files(tmp_path, content) -> dict[str, Path]:
    """A small text and weights that are too large for a commit itself."""
    folder = tmp_path / "my filters"
    folder.mkdir()
    (folder / "soft.md").write_text(CARD, encoding="utf-8")
    (folder / "soft.safetensors").write_bytes(content)
    return {
        "README.md": folder / "soft.md",
        "soft.safetensors": folder / "soft.safetensors",
    }


def push(files: dict[str, Path], repo_id: str = NEW, *, private: bool = False) -> Published:
    return publish(repo_id, files, private=private, message=MESSAGE)


def failure(files: dict[str, Path], repo_id: str = NEW, *, private: bool = False) -> str:
    before = {path: path.read_bytes() for path in files.values()}
    with pytest.raises(ModelError) as caught:
        push(files, repo_id, private=private)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"cannot publish {repo_id}: ")
    assert {path: path.read_bytes() for path in files.values()} == before
    # What can be done later is a command line for each file.
    visibility = ["--private"] if private else []
    commands = [
        shlex.join(["hf", "upload", *visibility, repo_id, str(path), name])
        for name, path in files.items()
    ]
    told = f"; the files on disk are unchanged, to upload them later: {' && '.join(commands)}"
    assert message.endswith(told)
    return message.removesuffix(told)


def test_a_new_repository_holds_the_same_bytes(writing, files, content, entry, capfd):
    reports: list[Progress] = []
    made = publish(NEW, files, private=False, message=MESSAGE, progress=reports.append)
    repository = writing.repositories[NEW]
    assert (repository.visibility, repository.messages) == (None, [MESSAGE])
    assert repository.commits == {
        made.revision: {"README.md": CARD.encode(), "soft.safetensors": content}
    }
    assert made.repo_id == NEW
    assert made.url == f"{writing.url}/{NEW}/commit/{made.revision}"
    assert writing.cards == [CARD]
    # The weights went by themselves, the text inside the commit.
    assert list(writing.objects.values()) == [content]
    assert [(report.stage, report.done, report.total) for report in reports] == [
        (f"publish {NEW}", done, 2) for done in (0, 1, 2)
    ]
    assert capfd.readouterr() == ("", "")
    assert not are_progress_bars_disabled()
    # And comes back as a model of a list.
    listed = replace(entry, file="soft.safetensors", repo_id=NEW, revision=made.revision)
    assert verified_weights(listed) == content


def test_a_new_repository_can_be_private(writing, files):
    push(files, private=True)
    assert writing.repositories[NEW].visibility == "private"


def test_a_repository_that_exists_gets_another_commit(writing, files, content, entry):
    first = push(files, private=True)
    files["soft.safetensors"].write_bytes(content[::-1])
    second = push(files)
    repository = writing.repositories[NEW]
    assert list(repository.commits) == [first.revision, second.revision]
    assert repository.visibility == "private"
    assert repository.head()["soft.safetensors"] == content[::-1]
    # The first one stays what it was.
    listed = replace(entry, file="soft.safetensors", repo_id=NEW, revision=first.revision)
    assert verified_weights(listed) == content


def test_nothing_new_makes_no_commit(writing, files):
    first = push(files)
    assert push(files) == first
    assert len(writing.repositories[NEW].commits) == 1


@pytest.mark.parametrize("place", ["create", "preupload", "batch", "objects", "verify", "commit"])
def test_a_busy_hub_is_asked_again(writing, files, content, place, capfd):
    writing.faults = [(place, 503), (place, 503)]
    push(files)
    assert writing.repositories[NEW].head()["soft.safetensors"] == content
    assert len(writing.repositories[NEW].commits) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["create", "preupload", "batch", "objects", "commit"])
def test_a_hub_that_fails_is_named(writing, files, place):
    writing.faults = [(place, 500)] * 100
    assert f"{writing.url} answers HTTP 500; try again later" in failure(files, private=True)
    assert not are_progress_bars_disabled()


def test_what_is_no_hub_is_named(writing, files):
    writing.faults = [("validate-yaml", 404)]
    assert f"{writing.url} does not answer as a hub does" in failure(files)


def test_a_refused_request_is_named(writing, files):
    writing.faults = [("commit", 412)]
    assert failure(files).endswith(f"{writing.url} answers HTTP 412")


def test_an_unknown_token(remote, files, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    assert failure(files).endswith(
        f"{remote.url} refuses the token (HTTP 401); run hf auth login, or set HF_TOKEN"
    )
    assert remote.repositories == {}


@pytest.mark.parametrize("exists", [False, True])
def test_a_token_that_may_only_read(writing, files, monkeypatch, exists):
    if exists:
        push(files)
    before = copy.deepcopy(writing.repositories)
    files["README.md"].write_text("new", encoding="utf-8")
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    assert f"the token may not write to {NEW} (HTTP 403); run hf auth login" in failure(files)
    assert writing.repositories == before


def test_somebody_elses_name(writing, files):
    assert "may not write to another/soft (HTTP 403)" in failure(files, "another/soft")
    assert writing.repositories == {}


def test_without_a_token_nothing_is_asked(remote, files):
    assert failure(files).endswith("there is no token; run hf auth login, or set HF_TOKEN")
    with pytest.raises(ModelError, match=r"cannot publish a/b: there is no token; [^&]*HF_TOKEN$"):
        check_access("a/b")
    assert remote.requests == []


def test_the_token_of_a_login_is_used(remote, files, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    check_access(NEW)
    push(files)
    assert NEW in remote.repositories


def test_offline_nothing_is_asked(writing, files, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    reason = "the network is not to be used; unset HF_HUB_OFFLINE"
    assert failure(files).endswith(reason)
    with pytest.raises(ModelError, match=f"{reason}$"):
        check_access(NEW)
    assert writing.requests == []


def test_a_hub_that_is_not_there(writing, files, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    assert f"cannot reach {url} " in failure(files)
    assert writing.requests == []


def test_a_missing_file_is_found_before_anything_is_asked(writing, files):
    files["soft.png"] = files["README.md"].with_name("none.png")
    with pytest.raises(ModelError) as caught:
        push(files)
    assert str(caught.value) == f"cannot publish {NEW}: there is no file '{files['soft.png']}'"
    assert writing.requests == []


@pytest.mark.parametrize("repo_id", ["a/b", "Some-body_1/soft.v2", f"a/{'b' * 94}"])
def test_names_that_the_hub_allows(repo_id):
    check_repo_id(repo_id)


@pytest.mark.parametrize(
    "repo_id",
    ["", "soft", "a/b/c", "datasets/a/b", "a/b--c", "a/b..c", "a/b.git", "a/.b", "a/b ", "/b", "a/",
     "ä/b", "https://huggingface.co/a/b", f"a/{'b' * 95}"],
)  # fmt: skip
def test_names_that_it_does_not(repo_id, files):
    with pytest.raises(UsageError, match=r"cannot be a repository: it is OWNER/NAME"):
        check_repo_id(repo_id)
    with pytest.raises(UsageError):
        push(files, repo_id)
