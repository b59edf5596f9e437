"""Training of tone filters: thumbnails, grids applied to each photo, and that they learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from photostyle.affine import slice_apply
from photostyle.features import dead_leaves
from photostyle.networks import ToneGenerator
from photostyle.training.config import TrainConfig
from photostyle.training.examples import Examples, Image, degraded
from photostyle.training.family import Applied
from photostyle.training.reconstruction import Reconstruction
from photostyle.training.tone import (
    PARAMS,
    SMOOTHNESS,
    ToneFamily,
    apply_grids,
    random_photo,
    roughness,
)
from photostyle.training.trainer import Trainer

if TYPE_CHECKING:
    from photostyle.training.photos import Pixels

CPU = torch.device("cpu")
SMALL = {"width": 4, "depth": 4}
CONFIG = TrainConfig(
    family="tone", degrade=("exposure",), steps=12, first_cycle=12, batch=2, rate=3e-2
)
PHOTOS: list[list[Pixels]] = [
    [photo] for photo in (255 * dead_leaves(6, 96).permute(0, 2, 3, 1)).byte().numpy()
]


def trainer() -> tuple[Trainer, Examples]:
    family = ToneFamily(SMALL)

    def cut(photos: Any, random: np.random.Generator) -> Image:
        return family.cut(photos, CONFIG.size, random)

    examples = Examples(degraded(PHOTOS, cut, CONFIG.degrade), CONFIG.seed)
    objective = Reconstruction(family, CONFIG, CPU)
    return Trainer(family, examples, objective, CONFIG, CPU), examples


def test_most_of_a_photo_becomes_a_thumbnail() -> None:
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (100, 200, 3))
    for seed in range(20):
        thumbnail = random_photo([[ramp]], np.random.default_rng(seed))
        assert thumbnail.shape == (256, 256, 3)
        assert 0.58 <= np.ptp(thumbnail[0, :, 0]) * 255 / 200 <= 1


@pytest.mark.parametrize("size", [(60, 80, 3), (700, 500, 3)])
def test_halves_of_a_pair_become_thumbnails_of_the_same_part(size: tuple[int, ...]) -> None:
    noise = np.random.default_rng(4).integers(0, 100, size, dtype=np.uint8)
    pair = np.concatenate([noise, noise + 100], axis=-1)
    for seed in range(6):
        both = ToneFamily(SMALL).cut([[pair]], 32, np.random.default_rng(seed))
        assert both.shape == (256, 256, 6)
        np.testing.assert_allclose(255 * (both[..., 3:] - both[..., :3]), 100, atol=1.01)
        alone = random_photo([[noise]], np.random.default_rng(seed))
        np.testing.assert_allclose(both[..., :3], alone, atol=1.01 / 255)


def test_each_photo_gets_its_own_grid() -> None:
    torch.manual_seed(0)
    photos, grids = torch.rand(2, 3, 20, 30), torch.randn(2, 4, 4, 4, 3, 4)
    applied = apply_grids(photos, grids)
    whole = torch.ones(20, 30, 1)
    for photo, grid, result in zip(photos, grids, applied, strict=True):
        expected = slice_apply(photo.permute(1, 2, 0).contiguous(), whole, grid[None])
        torch.testing.assert_close(result.permute(1, 2, 0), expected)


def test_roughness_is_that_in_space() -> None:
    grids = torch.zeros(2, 3, 3, 4, 3, 4)
    grids[..., 0, :, :] = 5
    assert roughness(grids) == 0
    grids[:, 1] += 1
    assert roughness(grids) == 1


def test_the_network_is_the_one_it_says() -> None:
    shapes = {name: value.shape for name, value in ToneGenerator(**PARAMS).state_dict().items()}
    made = ToneFamily().generator().state_dict()
    assert {name: value.shape for name, value in made.items()} == shapes
    small = ToneFamily(SMALL)
    assert (small.architecture, small.params) == ("tone", SMALL)
    assert small.generator().state_dict()["tail.weight"].shape[0] == 12 * SMALL["depth"]


def test_a_new_generator_changes_nothing() -> None:
    photos = torch.rand(1, 3, 256, 256)
    family = ToneFamily(SMALL)
    applied = family.apply(family.generator(), photos)
    torch.testing.assert_close(applied.photos, photos)
    assert applied.roughness == 0


def test_photos_can_be_changed_at_another_size_than_they_are_seen() -> None:
    family, seen = ToneFamily(SMALL), torch.rand(1, 3, 256, 256)
    torch.manual_seed(0)
    generator = family.generator()
    torch.nn.init.normal_(generator.tail.weight, std=0.1)  # type: ignore[arg-type, union-attr]
    small = torch.rand(1, 3, 20, 30)
    applied = family.apply(generator, seen, small)
    grids = generator(seen)
    torch.testing.assert_close(applied.photos, apply_grids(small, grids))
    torch.testing.assert_close(applied.roughness, roughness(grids))
    assert applied.roughness > 0
    # Maps keep all of their bits.
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(family.apply(generator, seen, small).photos, applied.photos)


def test_reconstruction_is_the_error_and_the_roughness() -> None:
    targets = torch.zeros(2, 3, 8, 8)
    applied = Applied(targets + 0.25, torch.tensor(0.5))
    loss = ToneFamily(SMALL).reconstruction(applied, targets + 1, targets)
    assert loss.item() == pytest.approx(0.25 + 0.5 * SMOOTHNESS)


def test_exposure_is_learnt() -> None:
    run, examples = trainer()
    bad, wanted = examples.batch(1000, 4)
    before = (bad - wanted).abs().mean()
    for _ in range(CONFIG.steps):
        run.step()
    assert (run.apply(bad) - wanted).abs().mean() < 0.9 * before


def test_a_run_that_was_resumed_ends_with_the_same_weights() -> None:
    (through, _), (stopped, _), (resumed, _) = trainer(), trainer(), trainer()
    for run in (through, stopped):
        run.step()
    resumed.restore(stopped.state())
    for run in (through, resumed):
        run.step()
    for name, value in through.weights().items():
        assert torch.equal(value, resumed.weights()[name])
    assert any(not torch.equal(v, through.weights()[n]) for n, v in stopped.weights().items())
