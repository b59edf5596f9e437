"""Where a generator starts: from nothing, from a bundled filter, or from a file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from photostyle.errors import ModelError, UsageError
from photostyle.networks import ConditionalToneGenerator, RepairGenerator, ToneGenerator
from photostyle.registry import find_entry, load_networks, read_entries
from photostyle.training.result import Description, write_result
from photostyle.training.start import NOTHING, find_start

if TYPE_CHECKING:
    from pathlib import Path

SMALL: dict[str, Any] = {"width": 4, "depth": 2, "context": 3}


def networks(count: int) -> list[nn.Module]:
    torch.manual_seed(0)
    made = [ToneGenerator(**SMALL) for _ in range(count)]
    for network in made:
        nn.init.normal_(network.tail.weight)
    return list(made)


def write(path: Path, made: list[nn.Module]) -> Path:
    description = Description("warm", "tone", "tone", SMALL, "CC0-1.0", "9 photos", "by hand")
    write_result(path, [network.state_dict() for network in made], description)
    return path


@pytest.mark.parametrize("family", ["repair", "tone"])
def test_nothing(family: str) -> None:
    start = find_start("none", family)
    assert (start.name, start.label, start.params, start.weights) == (NOTHING, "", None, None)


@pytest.mark.parametrize("family", ["repair", "tone"])
def test_by_default_it_is_a_bundled_filter_of_the_family(family: str) -> None:
    start = find_start(None, family)
    entry = read_entries()[start.name]
    assert entry.bundled
    assert entry.kind == family
    assert start.label == f"{entry.name}@{(entry.sha256 or '')[:12]}"
    kind: type[nn.Module] = {"repair": RepairGenerator, "tone": ToneGenerator}[family]
    assert start.params is not None
    assert start.weights is not None
    network = kind(**start.params)
    network.load_state_dict(start.weights)
    assert all(value.dtype == torch.float32 for value in start.weights.values())
    assert find_start(start.name, family).label == start.label


def test_without_a_bundled_filter_of_the_family_it_is_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from photostyle.training import start

    entries = {
        name: e for name, e in read_entries().items() if not (e.bundled and e.kind == "tone")
    }
    monkeypatch.setattr(start, "read_entries", lambda _: entries)
    assert find_start(None, "tone").name == NOTHING
    assert find_start(None, "repair").name != NOTHING


def test_a_file_of_a_trained_filter(tmp_path: Path) -> None:
    (network,) = networks(1)
    path = write(tmp_path / "mine.safetensors", [network])
    start = find_start(str(path), "tone")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (start.name, start.label) == (str(path), f"warm@{digest[:12]}")
    assert start.params == SMALL
    assert start.weights is not None
    assert all(torch.equal(start.weights[n], v) for n, v in network.state_dict().items())
    # Another file of the same name is another start.
    write(path, networks(2)[1:])
    assert find_start(str(path), "tone").label != start.label


def test_of_several_snapshots_the_last_counts(tmp_path: Path) -> None:
    first, last = networks(2)
    start = find_start(str(write(tmp_path / "two.safetensors", [first, last])), "tone")
    assert start.weights is not None
    assert start.weights.keys() == last.state_dict().keys()
    assert all(torch.equal(start.weights[n], v) for n, v in last.state_dict().items())
    assert not torch.equal(start.weights["tail.weight"], first.state_dict()["tail.weight"])


def test_a_filter_of_a_list(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.safetensors", networks(1))
    models = tmp_path / "models.toml"
    models.write_text(
        '[sunny]\nkind = "tone"\narchitecture = "tone"\n'
        "params = { width = 4, depth = 2, context = 3 }\n"
        'path = "mine.safetensors"\nlicense = "CC0-1.0"\ntrained_on = "9 photos"\n'
    )
    start = find_start("sunny", "tone", models)
    assert start.label.startswith("sunny@")
    (network,) = load_networks(find_entry(str(path)))
    assert start.weights is not None
    assert all(torch.equal(start.weights[n], v) for n, v in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "family", "message"),
    [
        ("denoise", "tone", "'denoise': it is a repair filter, and the new one is a tone"),
        ("exposure", "repair", "'exposure': it is a tone filter, and the new one is a repair"),
        ("encoder", "tone", "'encoder': it is for features, and the new one is a tone"),
        ("denoise-nafnet", "repair", "its network is not photostyle's own"),
    ],
)
def test_filters_that_do_not_fit(name: str, family: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"cannot start from .*{message}"):
        find_start(name, family)


def conditional(path: Path) -> Path:
    params: dict[str, Any] = {"width": 2, "depth": 2, "looks": ["dusk", "dusk:back"]}
    network = ConditionalToneGenerator(**params)
    about = Description(
        "dusk", "tone", "conditional-tone", params, "CC0-1.0", "2 photos", "by hand"
    )
    write_result(path, [network.state_dict()], about)
    return path


def test_looks_of_single_photos_start_from_such(tmp_path: Path) -> None:
    path = conditional(tmp_path / "dusk.safetensors")
    start = find_start(str(path), "tone", architecture="conditional-tone")
    assert start.params == {"width": 2, "depth": 2, "looks": ["dusk", "dusk:back"]}
    assert start.weights is not None
    ConditionalToneGenerator(**start.params).load_state_dict(start.weights)
    # None is bundled.
    assert find_start(None, "tone", architecture="conditional-tone").name == NOTHING


def test_looks_of_single_photos_start_from_nothing_else(tmp_path: Path) -> None:
    path = conditional(tmp_path / "dusk.safetensors")
    with pytest.raises(UsageError, match="is a look of a single photo, and the new one a tone"):
        find_start(str(path), "tone")
    with pytest.raises(UsageError, match="from folders, and the new one a look of a single"):
        find_start("exposure", "tone", architecture="conditional-tone")
    with pytest.raises(UsageError, match="by convolutions, and the new one a repair of b"):
        find_start("denoise", "repair", architecture="deconvolution")
    with pytest.raises(UsageError, match="it is a repair filter"):
        find_start("denoise", "tone", architecture="conditional-tone")


def test_filters_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing-like-it"):
        find_start("nothing-like-it", "tone")
    with pytest.raises(ModelError, match=r"cannot read the model .*none\.safetensors"):
        find_start(str(tmp_path / "none.safetensors"), "tone")
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"no weights")
    with pytest.raises(ModelError, match="is not a model that photostyle train made"):
        find_start(str(other), "tone")


def test_a_tone_filter_without_surroundings_gets_them(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = ToneGenerator(4, 2)
    nn.init.normal_(network.tail.weight)
    path = tmp_path / "old.safetensors"
    params = {"width": 4, "depth": 2}
    description = Description("old", "tone", "tone", params, "CC0-1.0", "9 photos", "by hand")
    write_result(path, [network.state_dict()], description)
    start = find_start(str(path), "tone")
    assert start.params == SMALL
    grown = ToneGenerator(**SMALL)
    assert start.weights is not None
    grown.load_state_dict(start.weights)
    photo = torch.rand(1, 3, 256, 256)
    assert torch.equal(grown(photo), network(photo))
