from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import safetensors.torch
from huggingface_hub import constants

from photostyle.features import random_encoder
from photostyle.registry import hub, listing

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """A user without models, and a hub's client without a cache."""
    monkeypatch.setattr(listing, "user_file", lambda: tmp_path / "none.toml")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def content():
    return safetensors.torch.save(random_encoder(1, channels=[[4]]).state_dict())


@pytest.fixture
def models(tmp_path, content):
    """A list of two models: `mine`, a file beside it, and `theirs`, on the hub."""
    (tmp_path / "mine.safetensors").write_bytes(content)
    common = (
        'kind = "features"\narchitecture = "encoder"\nparams = { channels = [[4]] }\n'
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"\nsize = {len(content)}\n'
        'license = "MIT"\ntrained_on = "nothing"\n'
    )
    path = tmp_path / "models.toml"
    path.write_text(
        f'[mine]\n{common}path = "mine.safetensors"\nrecipe = "random_encoder(1)"\n'
        f'[theirs]\n{common}file = "theirs.safetensors"\n'
        f'repo_id = "somebody/small"\nrevision = "{REVISION}"\n'
    )
    return path


@pytest.fixture
def fetched(tmp_path, content, monkeypatch):
    """The hub's client replaced by one that has the file at once; holds what was asked for."""
    asked = []

    def fetch(repo_id, file, *, revision, repo_type, tqdm_class):
        asked.append((repo_id, file, revision, repo_type))
        with tqdm_class(total=len(content), initial=0, desc=file, unit="B") as bar:
            bar.update(len(content))
        folder = tmp_path / "cache" / "models--somebody--small" / "snapshots" / revision
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
        return str(folder / file)

    monkeypatch.setattr(hub, "hf_hub_download", fetch)
    return asked


def test_models_alone_shows_the_help(cli):
    outcome = cli("models")
    assert (outcome.code, outcome.err) == (0, "")
    assert all(word in outcome.out for word in ("list", "info", "download", "verify"))


def test_list_tells_where_models_are(cli, models, fetched):
    outcome = cli("models", "list", "--models", models)
    assert (outcome.code, outcome.err) == (0, "")
    lines = {line.split()[0]: line for line in outcome.out.splitlines()}
    assert lines["name"].split() == ["name", "kind", "size", "licence", "where"]
    assert lines["encoder"].split()[1:] == ["features", "3.3", "MB", "CC-BY-NC-4.0", "bundled"]
    assert lines["mine"].split()[-2:] == ["MIT", "file"]
    assert lines["theirs"].split()[-3:] == ["MIT", "not", "downloaded"]
    assert "denoise-scunet" in lines
    assert cli("models", "download", "theirs", "--models", models).code == 0
    assert cli("models", "list", "--models", models).out.rstrip().endswith("cached")
    assert len(fetched) == 1


def test_list_as_json(cli, models):
    result = cli("models", "list", "--models", models, "--json").json
    assert result["status"] == "done"
    found = {model["name"]: model for model in result["models"]}
    assert found["mine"]["where"] == "file"
    assert found["mine"]["params"] == {"channels": [[4]]}
    assert found["theirs"]["where"] == "not downloaded"
    assert found["theirs"]["path"] is None
    assert Path(found["encoder"]["path"]).is_file()


def test_info_tells_everything(cli, models):
    outcome = cli("models", "info", "mine", "--models", models)
    assert (outcome.code, outcome.err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in outcome.out.splitlines())
    assert lines["trained_on"] == "nothing"
    assert lines["recipe"] == "random_encoder(1)"
    assert lines["license"] == "MIT"
    assert lines["params"] == "channels = [[4]]"
    assert "repo_id" not in lines
    outcome = cli("models", "info", "theirs", "--models", models, "--json")
    assert outcome.json["repo_id"] == "somebody/small"
    assert outcome.json["revision"] == REVISION
    assert outcome.json["status"] == "done"


def test_info_of_a_trained_file(cli, tmp_path, content):
    description = {
        "name": "sunny", "kind": "tone", "architecture": "tone", "params": {}, "license": "MIT",
        "trained_on": "a landscape",
    }  # fmt: skip
    path = tmp_path / "sunny.safetensors"
    weights = safetensors.torch.load(content)
    safetensors.torch.save_file(weights, path, {"photostyle": json.dumps(description)})
    outcome = cli("models", "info", path, "--json")
    assert (outcome.json["name"], outcome.json["path"]) == ("sunny", str(path))


def test_an_unknown_name_is_one_line(cli):
    for command in ("info", "download", "verify"):
        assert cli("models", command, "vgg").failed(3, "no model 'vgg', did you mean vgg19?")
    assert cli("models", "list", "--models", "none.toml").failed(3, "none.toml")


def test_names_are_checked_before_anything_is_fetched(cli, models, fetched):
    assert cli("models", "download", "theirs", "nothing", "--models", models).failed(3, "nothing")
    assert fetched == []


def test_download_prints_paths_and_fetches_once(cli, models, fetched, content):
    outcome = cli("models", "download", "theirs", "mine", "theirs", "--models", models)
    assert (outcome.code, outcome.err) == (0, "")
    theirs, mine = map(Path, outcome.out.splitlines())
    assert theirs.read_bytes() == mine.read_bytes() == content
    assert cli("models", "download", "theirs", "--models", models, "-q").out == f"{theirs}\n"
    assert fetched == [("somebody/small", "theirs.safetensors", REVISION, "model")]
    outcome = cli("models", "download", "theirs", "--models", models, "-v", "--json")
    assert outcome.err == "theirs: is there already\n"
    assert outcome.json == {
        "models": [{"name": "theirs", "path": str(theirs), "status": "done", "error": None}],
        "status": "done",
    }


def test_download_offline(cli, models):
    outcome = cli("models", "download", "theirs", "--models", models, "--offline")
    assert outcome.failed(3, "run photostyle models download theirs once with a network")


def test_one_model_that_fails_does_not_stop_the_others(cli, models, tmp_path):
    outcome = cli("models", "download", "theirs", "mine", "--models", models, "--offline")
    assert (outcome.code, outcome.out) == (3, f"{tmp_path / 'mine.safetensors'}\n")
    assert outcome.err.count("\n") == 1
    outcome = cli("models", "download", "theirs", "mine", "--models", models, "--offline", "--json")
    assert outcome.json["status"] == "failed"
    assert [model["status"] for model in outcome.json["models"]] == ["failed", "done"]
    assert "is not downloaded" in outcome.json["models"][0]["error"]


def test_verify_looks_at_all_that_is_here(cli, models, fetched):
    outcome = cli("models", "verify", "--models", models)
    assert (outcome.code, outcome.err) == (0, "")
    assert {"encoder: OK", "mine: OK"} <= set(outcome.out.splitlines())
    assert "theirs" not in outcome.out
    assert fetched == []
    cli("models", "download", "theirs", "--models", models)
    assert "theirs: OK\n" in cli("models", "verify", "--models", models).out


def test_verify_finds_what_differs_and_changes_nothing(cli, models, tmp_path, content):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(content[:-1] + b"?")
    outcome = cli("models", "verify", "mine", "encoder", "--models", models)
    assert (outcome.code, outcome.out) == (3, "encoder: OK\n")
    assert outcome.err.startswith(f"error: {path} has sha256")
    assert path.read_bytes() == content[:-1] + b"?"
    outcome = cli("models", "verify", "--models", models, "--json")
    assert (outcome.code, outcome.json["status"]) == (3, "failed")
    states = {model["name"]: model["status"] for model in outcome.json["models"]}
    assert (states["mine"], states["encoder"]) == ("failed", "done")


def test_verify_of_what_is_not_here(cli, models):
    outcome = cli("models", "verify", "theirs", "--models", models)
    assert outcome.failed(3, "'theirs' is not downloaded: run photostyle models download theirs")


def test_verify_of_a_file_without_a_digest_says_so(cli, models):
    text = models.read_text().partition("[theirs]")[0]
    models.write_text("\n".join(line for line in text.splitlines() if "sha256" not in line))
    outcome = cli("models", "verify", "mine", "--models", models)
    assert (outcome.code, outcome.out) == (0, "mine: no sha256 is listed\n")


def test_quiet_and_verbose_exclude_each_other(cli):
    assert cli("models", "list", "-q", "-v").failed(2, "--quiet and --verbose")
