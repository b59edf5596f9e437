"""Training of repairs: patches, and the error that counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from photostyle.networks import RepairGenerator
from photostyle.training.family import Applied
from photostyle.training.repair import PARAMS, RepairFamily, relative_error

SMALL: dict[str, Any] = {"widths": [8, 8], "encoder_blocks": [1, 1], "decoder_blocks": [1]}


def test_relative_error_values() -> None:
    clean = torch.zeros(2, 3, 4, 4)
    degraded = torch.stack([clean[0] + 0.49, clean[1] + 0.09])
    restored = torch.stack([clean[0] + 0.25, clean[1] - 0.02])
    expected = (0.25 / 0.5**0.5 + 0.02 / 0.1**0.5) / 2
    assert relative_error(restored, degraded, clean).item() == pytest.approx(expected, rel=1e-3)


def test_reconstruction_is_the_relative_error() -> None:
    results, inputs, targets = torch.rand(3, 2, 3, 8, 8).unbind()
    applied = Applied(results, torch.tensor(5.0))  # it has no grid that could be rough
    found = RepairFamily(SMALL).reconstruction(applied, inputs, targets)
    assert torch.equal(found, relative_error(results, inputs, targets))


def test_the_network_is_the_one_it_says() -> None:
    shapes = {name: value.shape for name, value in RepairGenerator().state_dict().items()}
    made = RepairFamily().generator().state_dict()
    assert {name: value.shape for name, value in made.items()} == shapes
    described = RepairGenerator(**PARAMS).state_dict()
    assert {name: value.shape for name, value in described.items()} == shapes
    small = RepairFamily(SMALL)
    assert (small.architecture, small.params) == ("repair", SMALL)
    assert len(small.generator().state_dict()) < len(shapes)


def test_a_new_generator_changes_nothing_and_there_is_nothing_rough() -> None:
    photos = torch.rand(2, 3, 32, 32)
    family = RepairFamily(SMALL)
    applied = family.apply(family.generator(), photos)
    assert torch.equal(applied.photos, photos)
    assert applied.roughness.item() == 0
    with torch.autocast("cpu", torch.bfloat16):
        assert family.apply(family.generator(), photos).photos.dtype == torch.float32


def test_only_what_it_sees_can_be_repaired() -> None:
    family, photos = RepairFamily(SMALL), torch.rand(1, 3, 32, 32)
    with pytest.raises(ValueError, match="no others"):
        family.apply(family.generator(), photos, torch.rand(1, 3, 64, 64))


def test_halves_of_a_pair_are_cut_turned_and_coloured_alike() -> None:
    noise = np.random.default_rng(3).integers(0, 128, (40, 50, 3), dtype=np.uint8)
    pair = np.concatenate([noise, 2 * noise], axis=-1)
    channels = set()
    for seed in range(40):
        patch = RepairFamily(SMALL).cut([[pair]], 32, np.random.default_rng(seed))
        assert patch.shape == (32, 32, 6)
        assert patch.dtype == np.float32
        assert patch.max() <= 1
        np.testing.assert_allclose(patch[..., 3:], 2 * patch[..., :3], atol=1e-6)
        colours = {tuple(pixel) for pixel in np.round(255 * patch[..., :3]).reshape(-1, 3)}
        channels.add(colours <= {tuple(pixel) for pixel in noise.reshape(-1, 3).astype(float)})
    assert channels == {True, False}  # shuffled now and then
