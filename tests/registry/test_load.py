"""From an entry to a network: weights are verified before they are used."""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photostyle import networks
from photostyle.errors import ModelError
from photostyle.features import Encoder, Vgg19, random_encoder
from photostyle.registry import (
    Entry,
    check_weights,
    load_encoder,
    load_networks,
    read_entries,
    verified_weights,
    weights_file,
)

if TYPE_CHECKING:
    from pathlib import Path

CHANNELS = [[4], [8, 8]]


def write_model(folder: Path, content: bytes | dict[str, Tensor] | None = None, **changes) -> Entry:
    """Write weights, those of a small random encoder unless given, and return their entry."""
    if content is None:
        content = random_encoder(1, channels=CHANNELS).state_dict()
    if isinstance(content, dict):
        content = safetensors.torch.save(content)
    path = folder / changes.get("file", "small.safetensors")
    path.write_bytes(content)
    values = {
        "name": "small",
        "kind": "features",
        "architecture": "encoder",
        "params": {"channels": CHANNELS},
        "file": path.name,
        "path": path,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "license": "MIT",
        "trained_on": "nothing",
    }
    return Entry(**{**values, **changes})


def misfit(entry: Entry) -> str:
    with pytest.raises(ModelError) as caught:
        load_networks(entry)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_loads_the_listed_weights_frozen_and_ready(tmp_path):
    encoder = load_encoder(write_model(tmp_path))
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    photo = torch.rand(1, 3, 24, 32)
    for loaded, expected in zip(
        encoder(photo), random_encoder(1, channels=CHANNELS)(photo), strict=True
    ):
        assert torch.equal(loaded, expected)


def test_a_changed_byte_is_noticed(tmp_path):
    entry = write_model(tmp_path)
    content = bytearray(entry.path.read_bytes())
    content[-1] ^= 1
    entry.path.write_bytes(content)
    assert "small.safetensors has sha256" in misfit(entry)
    assert "correct the file or its entry" in misfit(entry)
    with pytest.raises(ModelError, match="has sha256"):
        check_weights(entry, entry.path)


def test_a_truncated_file_is_noticed(tmp_path):
    entry = write_model(tmp_path)
    entry.path.write_bytes(entry.path.read_bytes()[:-10])
    for check in (verified_weights, lambda entry: check_weights(entry, entry.path)):
        with pytest.raises(ModelError, match=rf"has {entry.size - 10} bytes, .* has {entry.size};"):
            check(entry)


def test_a_missing_file_is_named(tmp_path):
    entry = write_model(tmp_path)
    assert weights_file(entry) == entry.path
    entry.path.unlink()
    for check in (load_networks, lambda entry: check_weights(entry, entry.path)):
        with pytest.raises(ModelError, match=r"small\.safetensors: No such file"):
            check(entry)


def test_a_bundled_file_that_differs_asks_for_a_new_installation(tmp_path, monkeypatch):
    monkeypatch.setattr("photostyle.registry.weights.BUNDLED", tmp_path)
    entry = replace(write_model(tmp_path), path=None, bundled=True, recipe="random_encoder(1)")
    assert len(verified_weights(entry)) == entry.size
    (tmp_path / entry.file).write_bytes(b"?" * entry.size)
    assert "reinstall photostyle" in misfit(entry)


def test_a_users_file_needs_no_digest(tmp_path):
    entry = write_model(tmp_path, sha256=None, size=None)
    assert isinstance(load_networks(entry)[0], Encoder)


def test_a_listed_file_that_is_no_safetensors_file_is_refused(tmp_path):
    assert "small.safetensors does not fit model 'small'" in misfit(
        write_model(tmp_path, b"no weights at all")
    )


def test_weights_of_another_network_are_refused_in_one_line(tmp_path):
    entry = write_model(tmp_path)
    fewer = replace(entry, params={"channels": [[4], [8]]})
    assert (
        "does not fit model 'small': it has besides scales.1.2.bias, scales.1.2.weight"
        in misfit(fewer)
    )
    more = replace(entry, params={"channels": [[4], [8, 8, 8]]})
    assert "does not fit model 'small': it lacks scales.1.4.bias, scales.1.4.weight" in misfit(more)
    wider = replace(entry, params={"channels": [[4], [8, 9]]})
    assert "does not fit model 'small': Error(s) in loading state_dict" in misfit(wider)


def test_weights_stored_in_half_precision_become_float32(tmp_path):
    half = {k: v.half() for k, v in random_encoder(1, channels=CHANNELS).state_dict().items()}
    (network,) = load_networks(write_model(tmp_path, half))
    for name, weight in network.state_dict().items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, half[name].float())


def test_each_snapshot_becomes_a_network(tmp_path):
    members = [random_encoder(seed, channels=CHANNELS).state_dict() for seed in range(3)]
    together = {f"{i}.{k}": v for i, member in enumerate(members) for k, v in member.items()}
    loaded = load_networks(write_model(tmp_path, together, snapshots=3))
    assert len(loaded) == 3
    for network, member in zip(loaded, members, strict=True):
        assert all(torch.equal(v, member[k]) for k, v in network.state_dict().items())
    assert "belongs to none of the 2 snapshots" in misfit(
        write_model(tmp_path, together, snapshots=2)
    )
    assert "it lacks scales" in misfit(write_model(tmp_path, together, snapshots=4))
    assert "it lacks scales" in misfit(write_model(tmp_path, together))
    assert "belongs to none of the 2 snapshots" in misfit(
        write_model(tmp_path, members[0], snapshots=2)
    )


def test_an_unknown_architecture_is_refused(tmp_path):
    entry = write_model(tmp_path, architecture="vgg11")
    assert "unknown architecture 'vgg11', known are encoder, scene-parser," in misfit(entry)


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
def test_params_that_make_no_encoder_are_refused(tmp_path, params):
    assert (
        "model 'small': params do not fit architecture 'encoder': they must be channels alone"
    ) in misfit(write_model(tmp_path, params=params))


@pytest.mark.parametrize("architecture", ["repair", "tone", "conditional-tone", "vgg19"])
def test_params_that_a_network_does_not_know_are_refused(tmp_path, architecture):
    entry = write_model(tmp_path, architecture=architecture, params={"colour": "red"})
    assert f"params do not fit architecture '{architecture}'" in misfit(entry)


def test_a_repair_generator_loads(tmp_path):
    params = {"widths": [8, 8], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
    made = networks.RepairGenerator(**params)
    entry = write_model(
        tmp_path, made.state_dict(), kind="repair", architecture="repair", params=params
    )
    (network,) = load_networks(entry)
    photo = torch.rand(1, 3, 16, 32)
    assert torch.equal(network(photo), made(photo))
    assert "params do not fit architecture 'repair': widths must be" in misfit(
        replace(entry, params={"widths": [0, 0]})
    )


def test_a_tone_generator_loads(tmp_path):
    made = networks.ToneGenerator()
    entry = write_model(tmp_path, made.state_dict(), kind="tone", architecture="tone", params={})
    (network,) = load_networks(entry)
    assert all(torch.equal(v, made.state_dict()[k]) for k, v in network.state_dict().items())


def test_a_generator_of_several_looks_loads(tmp_path):
    params = {"width": 2, "depth": 2, "looks": ["dusk", "dusk:back"]}
    made = networks.ConditionalToneGenerator(**params)
    made.look(1).imitate(torch.rand(3, 8, 8))
    entry = write_model(
        tmp_path, made.state_dict(), kind="tone", architecture="conditional-tone", params=params
    )
    (network,) = load_networks(entry)
    assert network.names == ("dusk", "dusk:back")
    photo = torch.rand(1, 3, 128, 128)
    assert torch.equal(network.of("dusk:back")(photo), made(photo, 1))
    for params, problem in (
        ({"looks": []}, "looks must be a list of names"),
        ({"looks": ["dusk"], "width": 0}, "width must be an integer"),
    ):
        fault = f"params do not fit architecture 'conditional-tone': {problem}"
        assert fault in misfit(replace(entry, params=params))
    fewer = replace(entry, params={**entry.params, "looks": ["dusk"]})
    assert "it has besides looks.1." in misfit(fewer)


def test_an_encoder_is_asked_for_and_something_else_is_not_given(tmp_path):
    made = networks.RepairGenerator([8], [1], [])
    params = {"widths": [8], "encoder_blocks": [1], "decoder_blocks": []}
    entry = write_model(tmp_path, made.state_dict(), architecture="repair", params=params)
    with pytest.raises(ModelError, match="model 'small' is not an encoder but a 'repair'"):
        load_encoder(entry)


def test_the_bundled_encoder_is_small_and_loads():
    entry = read_entries()["encoder"]
    assert entry.size < 4_000_000
    encoder = load_encoder()
    assert isinstance(encoder, Encoder)
    assert sum(parameter.numel() for parameter in encoder.parameters()) < 1_000_000
    assert all(torch.isfinite(features).all() for features in encoder(torch.rand(1, 3, 32, 32)))


def test_vgg19_computes_its_maps_and_needs_no_head(tmp_path):
    weights = Vgg19().state_dict()
    # Numbered as in torchvision, whose convolutions up to conv5_1 these are.
    convolutions = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)
    assert {int(name.split(".")[1]) for name in weights} == set(convolutions)
    head = {"features.30.weight": torch.zeros(1), "head.fc.bias": torch.zeros(3)}
    (network,) = load_networks(
        write_model(tmp_path, weights | head, architecture="vgg19", params={})
    )

    photo = torch.rand(2, 3, 35, 49)
    x = (photo - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    expected = {}
    layers = iter(convolutions)
    for block, depth in enumerate((2, 2, 4, 4, 1), 1):
        x = F.max_pool2d(x, 2) if block > 1 else x
        for layer in range(1, depth + 1):
            name = f"features.{next(layers)}"
            x = F.relu(F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1))
            expected[f"relu{block}_{layer}"] = x
    maps = network(photo)
    assert set(maps) == {"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"}
    for name, features in maps.items():
        torch.testing.assert_close(features, expected[name], rtol=1e-4, atol=1e-6)
    assert [maps[f"relu{block}_1"].shape[2:] for block in range(1, 6)] == [
        (35, 49), (17, 24), (8, 12), (4, 6), (2, 3),
    ]  # fmt: skip

    del weights["features.28.bias"]
    assert "it lacks features.28.bias" in misfit(
        write_model(tmp_path, weights, architecture="vgg19", params={})
    )


# Checkpoints made by others. What of spandrel is used is small enough to be played here.


class Halving(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(1))


class Descriptor:
    """What spandrel gives for a network that multiplies photos."""

    def __init__(self, weights: dict[str, Tensor], *, scale: int = 1, input_channels: int = 3):
        self.model = Halving()
        self.model.load_state_dict(weights)
        self.scale = scale
        self.input_channels = input_channels
        self.output_channels = 3

    def __call__(self, photo: Tensor) -> Tensor:
        return photo * self.model.scale


class UnsupportedModelError(Exception):
    pass


class ModelLoader:
    def __init__(self, device: str) -> None:
        assert device == "cpu"

    def load_from_state_dict(self, weights: dict[str, Tensor]) -> Descriptor:
        if "scale" not in weights:
            raise UnsupportedModelError
        assert weights["scale"].dtype == torch.float32
        return Descriptor(weights, scale=2 if (weights["scale"] > 1).any() else 1)


@pytest.fixture
def spandrel(monkeypatch):
    module = SimpleNamespace(
        ModelLoader=ModelLoader,
        ImageModelDescriptor=Descriptor,
        UnsupportedModelError=UnsupportedModelError,
        canonicalize_state_dict=lambda saved: saved.get("params", saved),
    )
    monkeypatch.setitem(sys.modules, "spandrel", module)


def write_foreign(folder: Path, content: object, file: str = "small.pth") -> Entry:
    if not isinstance(content, bytes) and file.endswith(".pth"):
        torch.save(content, buffer := io.BytesIO())
        content = buffer.getvalue()
    return write_model(
        folder, content, file=file, kind="repair", architecture="spandrel", params={}
    )


@pytest.mark.parametrize(
    ("content", "file"),
    [
        ({"params": {"scale": torch.full((1,), 0.5)}, "epoch": 3}, "small.pth"),
        ({"scale": torch.full((1,), 0.5, dtype=torch.float16)}, "small.pth"),
        ({"scale": torch.full((1,), 0.5)}, "small.safetensors"),
    ],
)
@pytest.mark.usefixtures("spandrel")
def test_a_foreign_checkpoint_becomes_a_network(tmp_path, content, file):
    (network,) = load_networks(write_foreign(tmp_path, content, file))
    photo = torch.rand(1, 3, 8, 8)
    assert torch.equal(network(photo), photo / 2)
    assert not network.training
    assert [parameter.requires_grad for parameter in network.parameters()] == [False]


class Payload:
    """Runs something when it is unpickled."""

    def __reduce__(self):
        return (exec, ("import builtins; builtins.photostyle_payload_ran = True",))


@pytest.mark.parametrize("wrap", [pickle.dumps, None])
@pytest.mark.usefixtures("spandrel")
def test_nothing_in_a_pickle_runs(tmp_path, wrap):
    import builtins

    content = wrap(Payload()) if wrap else {"scale": torch.zeros(1), "payload": Payload()}
    message = misfit(write_foreign(tmp_path, content))
    assert "small.pth does not fit model 'small': it is not a PyTorch file of weights" in message
    assert not hasattr(builtins, "photostyle_payload_ran")


@pytest.mark.usefixtures("spandrel")
def test_a_pickle_is_not_read_before_it_is_verified(tmp_path, monkeypatch):
    entry = write_foreign(tmp_path, {"scale": torch.zeros(1)})
    entry.path.write_bytes(entry.path.read_bytes() + b"?")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was read"))
    assert "bytes, model 'small' has" in misfit(entry)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"other": torch.zeros(1)}, "spandrel does not know it: UnsupportedModelError"),
        ({"scale": torch.zeros(2)}, "spandrel does not know it: Error(s) in loading"),
        ({"scale": torch.full((1,), 2.0)}, "it does not turn an RGB photo into one of"),
        ({"scale": 3}, "it does not hold weights by name"),
        ({}, "it does not hold weights by name"),
        ([torch.zeros(1)], "it does not hold weights by name"),
        (b"\0", "it is not a PyTorch file of weights alone"),
        (b"PK\x03\x04 no archive", "it is not a PyTorch file of weights alone"),
    ],
)
@pytest.mark.usefixtures("spandrel")
def test_a_foreign_checkpoint_of_something_else_is_refused(tmp_path, content, problem):
    assert problem in misfit(write_foreign(tmp_path, content))


def test_without_spandrel_the_extra_is_named_before_anything_is_fetched(tmp_path, monkeypatch):
    entry = write_foreign(tmp_path, {"scale": torch.zeros(1)})
    entry.path.unlink()
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    assert "need spandrel: pip install 'photostyle[models]'" in misfit(entry)


def test_a_spandrel_that_does_not_load_is_told(tmp_path, monkeypatch):
    (tmp_path / "spandrel.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    message = misfit(write_foreign(tmp_path, {"scale": torch.zeros(1)}))
    assert "is torchvision made for this torch? (operator torchvision::nms" in message


def test_the_real_spandrel_knows_a_small_nafnet(tmp_path):
    pytest.importorskip("spandrel")
    from spandrel.architectures.NAFNet import NAFNet

    made = NAFNet(width=8, enc_blk_nums=[1], middle_blk_num=1, dec_blk_nums=[1]).eval()
    (network,) = load_networks(write_foreign(tmp_path, {"params": made.state_dict()}))
    photo = torch.rand(1, 3, 21, 34)
    with torch.inference_mode():
        torch.testing.assert_close(network(photo), made(photo).clamp(0, 1))
