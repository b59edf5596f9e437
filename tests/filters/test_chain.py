from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from photostyle.errors import DeviceError, ModelError, PhotostyleError, UsageError
from photostyle.filters import FilterConfig, load_filters
from photostyle.image import Photo
from photostyle.networks import ConditionalToneGenerator, RepairGenerator, ToneGenerator
from photostyle.progress import Progress

RNG = np.random.default_rng(0)
CPU = FilterConfig(device="cpu")


@pytest.fixture
def trained(tmp_path):
    """Write a file of a tone filter that multiplies by a factor, or a repair that does nothing."""

    def write(name, kind, factor=1.0):
        if kind == "tone":
            network, params = ToneGenerator(2, depth=2), {"width": 2, "depth": 2}
            with torch.no_grad():
                network.tail.bias.copy_(((factor - 1) * torch.eye(3, 4)).flatten().repeat(2))
        else:
            params = {"widths": [4, 4], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
            network = RepairGenerator(**params)
        about = {
            "name": name, "kind": kind, "architecture": kind, "params": params, "license": "MIT",
            "trained_on": "nothing",
        }  # fmt: skip
        path = tmp_path / f"{name}.safetensors"
        save_file(network.state_dict(), path, {"photostyle": json.dumps(about)})
        return str(path)

    return write


@pytest.fixture
def looks(tmp_path):
    """A file of two looks: `dusk` gives the mean colours 0.2, 0.3 and 0.4, `dusk:back` 0.6."""
    names = ["dusk", "dusk:back"]
    network = ConditionalToneGenerator(names, 2, 2)
    for index, colour in enumerate(([0.2, 0.3, 0.4], [0.6, 0.6, 0.6])):
        network.look(index).imitate(torch.tensor(colour)[:, None, None].expand(3, 8, 8))
    about = {
        "name": "dusk", "kind": "tone", "architecture": "conditional-tone", "license": "MIT",
        "params": {"looks": names, "width": 2, "depth": 2}, "trained_on": "nothing",
    }  # fmt: skip
    path = tmp_path / "dusk.safetensors"
    save_file(network.state_dict(), path, {"photostyle": json.dumps(about)})
    return str(path)


def means(names, config=CPU):
    photo = Photo(RNG.uniform(0.3, 0.7, (60, 50, 3)).astype(np.float32), bit_depth=32)
    return load_filters(names, config).apply(photo).pixels.mean((0, 1))


def test_a_file_may_hold_several_looks(looks):
    dusk, back = [0.2, 0.3, 0.4], [0.6] * 3
    np.testing.assert_allclose(means([looks]), dusk, atol=0.01)
    for name in ("back", "dusk:back"):
        np.testing.assert_allclose(means([f"{looks}:{name}"]), back, atol=0.01)
    np.testing.assert_allclose(means([f"{looks}:dusk"]), dusk, atol=0.01)
    chain = load_filters([f"{looks}:back", looks], CPU)
    assert chain.names == ("dusk:back", "dusk")


def test_mixtures_are_means_of_results(looks, trained):
    mixed = np.array([0.2, 0.3, 0.4]) * 0.75 + 0.6 * 0.25
    np.testing.assert_allclose(means([f"{looks}:0.75", f"{looks}:back:0.25"]), mixed, atol=0.01)
    # The photo itself is what is missing to the whole.
    half = np.array([0.2, 0.3, 0.4]) * 0.5 + 0.5 * 0.5
    np.testing.assert_allclose(means([f"{looks}:0.5"]), half, atol=0.01)
    # Of another file, and of a grid of another size.
    other = [f"{looks}:0.5", f"{trained('dark', 'tone', 0.2)}:0.3"]
    mixed = np.array([0.2, 0.3, 0.4]) * 0.5 + 0.1 * 0.3 + 0.5 * 0.2
    np.testing.assert_allclose(means(other), mixed, atol=0.01)
    strength = FilterConfig(device="cpu", strength=0.5)
    np.testing.assert_allclose(means(other, strength), (mixed + 0.5) / 2, atol=0.01)
    assert load_filters([*other, looks], CPU).names == ("dusk:0.5+dark:0.3", "dusk")


def test_a_weight_alone_is_a_strength(trained):
    np.testing.assert_allclose(means([f"{trained('dark', 'tone', 0.2)}:0.5"]), 0.3, atol=0.01)
    soft, same = trained("same", "repair"), trained("dark", "tone", 0.2)
    np.testing.assert_allclose(means([f"{soft}:0.5", same]), 0.1, atol=0.01)


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        (":night", "has no look 'night' but dusk, dusk:back"),
        (":back:back", "has no look 'back:back'"),
        (":", "write NAME, NAME:LOOK"),
        (":1.1", "out of range"),
    ],
)
def test_looks_that_are_not_there(looks, suffix, message):
    with pytest.raises(UsageError, match=message):
        load_filters([looks + suffix], CPU)


def test_what_cannot_be_mixed(looks, trained):
    with pytest.raises(UsageError, match="has one look alone, not 'back'"):
        load_filters([trained("dark", "tone", 0.2) + ":back"], CPU)
    with pytest.raises(UsageError, match="is a repair: only tone filters can be mixed"):
        load_filters([f"{looks}:0.5", trained("same", "repair") + ":0.5"], CPU)
    with pytest.raises(UsageError, match=r"add up to 1\.5"):
        load_filters([f"{looks}:0.75", f"{looks}:back:0.75"], CPU)


def test_filters_follow_one_another_without_loss_between_them(trained):
    photo = Photo(RNG.integers(0, 256, (60, 50, 3), np.uint8))
    chain = load_filters(
        [trained("dark", "tone", 0.1), trained("same", "repair"), trained("light", "tone", 10)], CPU
    )
    assert chain.names == ("dark", "same", "light")
    assert chain.device == "cpu"
    result = chain.apply(photo)
    # With 8 bits in between only 26 values would be left.
    assert np.abs(result.pixels.astype(int) - photo.pixels).max() <= 1


@pytest.mark.parametrize(("depth", "dtype"), [(8, np.uint8), (16, np.uint16), (32, np.float32)])
def test_results_have_the_files_bits_and_metadata(trained, depth, dtype):
    photo = Photo(RNG.random((20, 30, 3), np.float32), bit_depth=depth, exif=b"kept")
    result = load_filters([trained("half", "tone", 0.5)], CPU).apply(photo)
    assert result.pixels.dtype == dtype
    assert (result.exif, result.bit_depth) == (b"kept", depth)
    np.testing.assert_allclose(result.floats(), photo.pixels * 0.5, atol=1 / 255)


@pytest.mark.parametrize("kind", ["tone", "repair"])
def test_colours_of_a_wide_profile_are_not_clipped(trained, kind):
    pixels = RNG.uniform(-0.2, 1.3, (40, 30, 3)).astype(np.float32)
    photo = Photo(pixels, icc_profile=b"wide")
    chain = load_filters([trained("same", kind), trained("half", "tone", 0.5)], CPU)
    np.testing.assert_allclose(chain.apply(photo).pixels, pixels / 2, atol=1e-5)
    none = FilterConfig(device="cpu", strength=0)
    kept = load_filters([trained("half", "tone", 0.5), trained("same", kind)], none).apply(photo)
    np.testing.assert_allclose(kept.pixels, pixels, atol=1e-6)


def test_progress_names_the_filter(trained):
    seen: list[Progress] = []
    photo = Photo(np.full((20, 30, 3), 99, np.uint8))
    load_filters([trained("half", "tone", 0.5)], CPU).apply(photo, seen.append)
    assert seen[-1] == Progress("half", 1, 1)


def test_a_photo_that_becomes_black_is_a_failure(trained):
    black = load_filters([trained("black", "tone", 0.0)], CPU)
    with pytest.raises(PhotostyleError, match="filter black made the photo black"):
        black.apply(Photo(np.full((20, 30, 3), 200, np.uint8)))
    night = Photo(np.zeros((20, 30, 3), np.uint8))
    assert not black.apply(night).pixels.any()


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ([], UsageError, "at least one"),
        (["encoder"], UsageError, "model 'encoder' is not a filter but for features"),
        (["exposur"], ModelError, "exposure"),
        (["nowhere.safetensors"], ModelError, "nowhere.safetensors"),
    ],
)
def test_what_cannot_be_loaded_is_told(names, error, message):
    with pytest.raises(error, match=message):
        load_filters(names, CPU)


def test_a_missing_device_is_told(trained):
    with pytest.raises(DeviceError, match="cuda:99"):
        load_filters([trained("half", "tone", 0.5)], FilterConfig(device="cuda:99"))


@pytest.mark.parametrize("values", [{"strength": 1.5}, {"strength": -1}, {"tile": 100}])
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(UsageError, match="choose"):
        FilterConfig(**values)


def test_the_bundled_exposure_filter_lifts_a_dark_photo():
    y, x = np.mgrid[0:120, 0:180] / 180
    scene = 0.5 + 0.4 * np.stack([np.sin(9 * x), np.cos(7 * y), np.sin(5 * (x + y))], -1)
    dark = Photo((0.3 * scene).astype(np.float32))
    result = load_filters(["exposure"], CPU).apply(dark)
    assert result.floats().mean() > 1.5 * dark.pixels.mean()
