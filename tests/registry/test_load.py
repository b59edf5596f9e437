"""From an entry to a network: weights are verified before they are used."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import safetensors.torch
import torch

from photostyle.errors import ModelError
from photostyle.features import Encoder, random_encoder
from photostyle.registry import Entry, load_encoder, read_entries, verified_weights

if TYPE_CHECKING:
    from pathlib import Path

CHANNELS = [[4], [8, 8]]


def write_model(folder: Path, content: bytes | None = None) -> Entry:
    """Write weights, those of a small random encoder unless given, and return their entry."""
    if content is None:
        content = safetensors.torch.save(random_encoder(1, channels=CHANNELS).state_dict())
    (folder / "small.safetensors").write_bytes(content)
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
        recipe="random_encoder(1)",
        bundled=True,
    )


def test_loads_the_listed_weights_frozen_and_ready(tmp_path: Path) -> None:
    encoder = load_encoder(write_model(tmp_path), tmp_path)
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    photo = torch.rand(1, 3, 24, 32)
    for loaded, expected in zip(
        encoder(photo), random_encoder(1, channels=CHANNELS)(photo), strict=True
    ):
        assert torch.equal(loaded, expected)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    entry = write_model(tmp_path)
    path = tmp_path / entry.file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"small\.safetensors has sha256 .*; reinstall"):
        load_encoder(entry, tmp_path)


def test_a_truncated_file_is_noticed(tmp_path: Path) -> None:
    entry = write_model(tmp_path)
    path = tmp_path / entry.file
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelError, match=rf"has {entry.size - 10} bytes, .* has {entry.size};"):
        verified_weights(entry, tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    entry = write_model(tmp_path)
    (tmp_path / entry.file).unlink()
    with pytest.raises(ModelError, match=r"small\.safetensors: No such file"):
        load_encoder(entry, tmp_path)


def test_a_listed_file_that_is_no_safetensors_file_is_refused(tmp_path: Path) -> None:
    entry = write_model(tmp_path, b"no weights at all")
    with pytest.raises(ModelError, match=r"small\.safetensors does not fit model 'small'"):
        load_encoder(entry, tmp_path)


def test_weights_of_another_network_are_refused_in_one_line(tmp_path: Path) -> None:
    entry = replace(write_model(tmp_path), params={"channels": [[4], [8]]})
    with pytest.raises(ModelError, match="does not fit model 'small'") as caught:
        load_encoder(entry, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    entry = replace(write_model(tmp_path), architecture="vgg19")
    with pytest.raises(ModelError, match="unknown architecture 'vgg19', known are encoder"):
        load_encoder(entry, tmp_path)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"channels": CHANNELS, "depth": 3},
        {"channels": "4"},
        {"channels": [4, 8]},
        {"channels": [[4], []]},
        {"channels": [[4], [0]]},
        {"channels": [[4], [True]]},
        {"channels": [[4.0]]},
    ],
)
def test_params_that_make_no_encoder_are_refused(tmp_path: Path, params: dict[str, object]) -> None:
    entry = replace(write_model(tmp_path), params=params)
    with pytest.raises(ModelError, match="params must be channels"):
        load_encoder(entry, tmp_path)


def test_the_bundled_encoder_is_small_and_loads() -> None:
    entry = read_entries()["encoder"]
    assert entry.size < 4_000_000
    encoder = load_encoder()
    assert isinstance(encoder, Encoder)
    assert sum(parameter.numel() for parameter in encoder.parameters()) < 1_000_000
    assert all(torch.isfinite(features).all() for features in encoder(torch.rand(1, 3, 32, 32)))
