"""Entries of models.toml: what is accepted, and the one line each fault is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from photostyle.errors import ModelError
from photostyle.registry import Entry

COMMON = {
    "name": "small",
    "kind": "features",
    "architecture": "encoder",
    "params": {"channels": [[4], [8]]},
    "file": "small.safetensors",
    "sha256": "0f" * 32,
    "size": 1234,
    "license": "MIT",
    "trained_on": "a landscape",
}
BUNDLED = {**COMMON, "recipe": "python -m somewhere", "bundled": True}
HUB = {**COMMON, "repo_id": "somebody/small", "revision": "0123456789abcdef" * 2 + "01234567"}
FILE = {**COMMON, "path": Path("somewhere/small.safetensors")}
FOREIGN = {"architecture": "spandrel", "params": {}, "file": "small.pth"}


def message_for(values: dict[str, object]) -> str:
    with pytest.raises(ModelError) as caught:
        Entry(**values)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("values", "origin"), [(BUNDLED, "bundled"), (HUB, "hub"), (FILE, "file")])
def test_weights_come_from_one_of_three_places(values, origin):
    entry = Entry(**values)
    assert entry.origin == origin
    assert {name: getattr(entry, name) for name in values} == values
    assert (entry.snapshots, entry.repo_type) == (1, "model")


def test_an_entry_cannot_be_changed():
    entry = Entry(**BUNDLED)
    with pytest.raises(AttributeError):
        entry.size = 1
    with pytest.raises(TypeError):
        entry.params["channels"] = []


@pytest.mark.parametrize(
    ("values", "missing"),
    [(BUNDLED, "sha256"), (BUNDLED, "size"), (BUNDLED, "recipe"), (HUB, "sha256")],
)
def test_what_an_origin_needs_is_required(values, missing):
    assert message_for({**values, missing: None}) == f"model 'small': missing {missing}"


@pytest.mark.parametrize(
    ("values", "optional"), [(HUB, "size"), (FILE, "size"), (FILE, "sha256"), (HUB, "recipe")]
)
def test_what_an_origin_does_not_need_may_be_missing(values, optional):
    assert getattr(Entry(**{**values, optional: None}), optional) is None


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("name", "a/b", "names are made of letters, digits, - and _"),
        ("name", "denoise,exposure", "names are made of letters"),
        ("name", "small.safetensors", "names are made of letters"),
        ("kind", 3, "kind must be a string"),
        ("kind", "noise", "kind must be one of features, tone, repair, segments, not 'noise'"),
        ("license", "", "license is empty"),
        ("params", [], "params must be a table"),
        ("size", "1234", "size must be an integer"),
        ("size", True, "size must be an integer"),
        ("size", 0, "size must be positive"),
        ("snapshots", 0, "snapshots must be positive"),
        ("snapshots", 65, "snapshots must be at most 64"),
        ("snapshots", None, "snapshots must be an integer"),
        ("sha256", "0F", "sha256 must be 64"),
        ("file", "small.pth", "file must end in .safetensors, not be 'small.pth'"),
        ("file", "a/small.safetensors", "file must be a bare name"),
        ("bundled", 1, "bundled must be true or false"),
        ("bundled", False, "it needs one of bundled = true, repo_id and path"),
        ("repo_id", "somebody/small", "it needs one of bundled = true, repo_id and path"),
        ("revision", "0" * 40, "revision goes with repo_id"),
    ],
)
def test_bad_values_are_named(key, value, problem):
    assert problem in message_for({**BUNDLED, key: value})


@pytest.mark.parametrize(
    "repo_id",
    ["small", "a/b/c", "../small", "a/..", "a/b..c", "a--b/c", "/b", "a/", "a b/c", "a/b.git",
     "a\\b/c", "a/" + 100 * "b"],
)  # fmt: skip
def test_repositories_must_look_like_the_hub_s(repo_id):
    assert "repo_id must be owner/name" in message_for({**HUB, "repo_id": repo_id})


@pytest.mark.parametrize("revision", [None, "main", "0" * 39, "A" * 40, "../" + "0" * 37])
def test_revisions_are_commits(revision):
    message = message_for({**HUB, "revision": revision})
    assert "revision must be the 40 hexadecimal digits of a commit" in message


def test_types_of_repositories_are_known():
    assert "repo_type must be model, dataset or space" in message_for({**HUB, "repo_type": "disk"})


@pytest.mark.parametrize(
    "file",
    [
        "../small.safetensors",
        "/etc/small.safetensors",
        "a/../../small.safetensors",
        "a//small.safetensors",
        "./small.safetensors",
        "a\\small.safetensors",
        "..\\small.safetensors",
        "C:small.safetensors",
        "~/small.safetensors",
        ".small.safetensors",
        "small\n.safetensors",
        "small.safetensors?x=.safetensors",
        "%2e%2e/small.safetensors",
        "a\0.safetensors",
        "\u2024\u2024/small.safetensors",
    ],
)
def test_files_stay_inside_their_repository(file):
    for values in (HUB, BUNDLED, HUB | FOREIGN):
        assert "file must be a plain name" in message_for({**values, "file": file}).replace(
            "a bare name", "a plain name"
        )


def test_pickles_are_for_foreign_checkpoints_with_a_digest():
    assert Entry(**HUB | FOREIGN).file == "small.pth"
    pickled = FILE | FOREIGN | {"path": Path("small.pth")}
    assert Entry(**pickled).path == Path("small.pth")
    assert "a .pth file needs its sha256" in message_for(pickled | {"sha256": None})
    for file in ("small.pt", "small.ckpt", "small.pkl", "small.pth.zip"):
        assert "must end in .safetensors or .pth" in message_for({**HUB, **FOREIGN, "file": file})


def test_a_foreign_checkpoint_is_one_network():
    assert "takes no params, and one snapshot" in message_for(HUB | FOREIGN | {"snapshots": 2})
    assert "takes no params" in message_for(HUB | FOREIGN | {"params": {"width": 32}})
