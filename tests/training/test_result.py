"""Weights files that say what they are, in 16 bits where nobody sees the difference."""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from photostyle.errors import TrainingError
from photostyle.networks import RepairGenerator
from photostyle.registry import find_entry, load_networks, read_entries
from photostyle.training.result import Description, rounded, toml_table, write_result

if TYPE_CHECKING:
    from pathlib import Path

PARAMS: dict[str, Any] = {"widths": [8, 8], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
TEXT = 'photostyle train soft "my \\ photos" ü'
DESCRIPTION = Description(
    name="soft",
    kind="repair",
    architecture="repair",
    params=PARAMS,
    license="CC0-1.0",
    trained_on="9 photos",
    recipe=TEXT,
)


def network(seed: int = 0) -> RepairGenerator:
    torch.manual_seed(seed)
    made = RepairGenerator(**PARAMS)
    torch.nn.init.normal_(made.tail.weight, std=0.01)
    return made


def test_the_registry_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "soft.safetensors"
    weights = network().state_dict()
    write_result(path, [weights], DESCRIPTION)
    entry = find_entry(str(path))
    assert (entry.name, entry.kind, entry.architecture) == ("soft", "repair", "repair")
    assert (entry.license, entry.trained_on, entry.recipe) == ("CC0-1.0", "9 photos", TEXT)
    assert entry.snapshots == 1
    (loaded,) = load_networks(entry)
    assert all(torch.equal(value, weights[name]) for name, value in loaded.state_dict().items())


def test_several_snapshots_lie_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "soft.safetensors"
    parts = [network(seed).to(memory_format=torch.channels_last).state_dict() for seed in (1, 2)]
    entry = write_result(path, parts, DESCRIPTION)
    assert entry["snapshots"] == 2
    loaded = load_networks(find_entry(str(path)))
    assert len(loaded) == 2
    for part, one in zip(parts, loaded, strict=True):
        assert all(torch.equal(part[name], value) for name, value in one.state_dict().items())


def test_the_entry_can_be_pasted_into_a_list(tmp_path: Path) -> None:
    path = tmp_path / "soft.safetensors"
    entry = write_result(path, [network().state_dict()], DESCRIPTION)
    content = path.read_bytes()
    assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert entry["size"] == len(content)
    models = tmp_path / "models.toml"
    models.write_text(toml_table("soft", entry), encoding="utf-8")
    assert tomllib.loads(models.read_text(encoding="utf-8")) == {"soft": entry}
    listed = read_entries(models)["soft"]
    assert (listed.path, listed.recipe, listed.sha256) == (path, TEXT, entry["sha256"])
    assert len(load_networks(listed)) == 1


def test_weights_are_halved_where_it_cannot_be_seen(tmp_path: Path) -> None:
    made = network()
    photos = torch.rand(2, 3, 32, 32)

    def apply(weights: dict[str, Tensor]) -> Tensor:
        made.load_state_dict(weights)
        with torch.no_grad():
            return made(photos)

    halves = rounded([network(1).state_dict(), network(2).state_dict()], apply)
    assert all(value.dtype == torch.float16 for part in halves for value in part.values())
    write_result(tmp_path / "half.safetensors", halves, DESCRIPTION)
    loaded = load_networks(find_entry(str(tmp_path / "half.safetensors")))
    assert all(p.dtype == torch.float32 for one in loaded for p in one.parameters())


@pytest.mark.parametrize("value", [1.0004, 1e6])
def test_weights_stay_as_they_are_where_it_shows(value: float) -> None:
    weights = {"a": torch.tensor([value])}
    (kept,) = rounded([weights], lambda w: 10 * w["a"] + torch.zeros(3))
    assert kept["a"].dtype == torch.float32


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"cannot write .*: No such file"):
        write_result(tmp_path / "none" / "f.safetensors", [{}], DESCRIPTION)


def test_params_and_odd_characters_as_toml() -> None:
    entry = {"params": {}, "recipe": "tab\tand\x7f", "size": 3}
    assert tomllib.loads(toml_table("f", entry)) == {"f": entry}


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "soft.safetensors"
    weights = network().state_dict()
    write_result(path, [weights], DESCRIPTION)
    assert safetensors.torch.load_file(path).keys() == weights.keys()
