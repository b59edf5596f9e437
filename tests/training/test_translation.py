"""Looks: the losses, their phases, that they lead to the set's colours, and exact resuming."""

from __future__ import annotations

import io
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from photostyle.features import dead_leaves
from photostyle.training import palette, translation
from photostyle.training.config import TrainConfig
from photostyle.training.examples import Examples, Image, unpaired
from photostyle.training.preview import COLOURS
from photostyle.training.processes import Alone
from photostyle.training.tone import ToneFamily
from photostyle.training.trainer import Trainer
from photostyle.training.translation import LookWeights, Translation

if TYPE_CHECKING:
    from photostyle.training.photos import Pixels

CPU = torch.device("cpu")
FAMILY = ToneFamily({"width": 4, "depth": 2})
CONFIG = TrainConfig(
    family="tone", degrade=(), steps=20, first_cycle=20, batch=2, rate=5e-2, adversarial=0.05,
    init="something", amp=False,
)  # fmt: skip
LEAVES = (255 * dead_leaves(8, 96).permute(0, 2, 3, 1)).byte().numpy()
PHOTOS: list[list[Pixels]] = [[photo] for photo in LEAVES]
ORANGE: list[list[Pixels]] = [
    [(photo * np.array([1, 0.75, 0.35])).astype(np.uint8)] for photo in LEAVES
]
TERMS = {field.name for field in fields(LookWeights)}


@pytest.fixture(autouse=True, scope="module")
def _small() -> Any:
    """Judge small pictures, a grid is the same at any size, by few colours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation, "SIDE", 64)
        patch.setattr(palette, "POOL", 8192)
        yield


def objective(config: TrainConfig = CONFIG, weights: LookWeights | None = None) -> Translation:
    return Translation(FAMILY, PHOTOS, ORANGE, config, CPU, weights)


@pytest.fixture(scope="module")
def judge() -> Translation:
    return objective()


def generator(scale: float = 0.02) -> nn.Module:
    """One that changes something."""
    torch.manual_seed(1)
    made = FAMILY.generator()
    nn.init.normal_(made.tail.weight, std=scale)  # type: ignore[arg-type, union-attr]
    return made


def thumbnails(photos: list[list[Pixels]], count: int = 2) -> Tensor:
    large = [cv2.resize(versions[0], (256, 256)) for versions in photos[:count]]
    return torch.from_numpy(np.stack(large)).permute(0, 3, 1, 2).float() / 255


def cut(photos: Any, random: np.random.Generator) -> Image:
    return FAMILY.cut(photos, 32, random)


def trainer(config: TrainConfig = CONFIG) -> Trainer:
    examples = Examples(unpaired(PHOTOS, ORANGE, cut), config.seed)
    return Trainer(FAMILY, examples, objective(config), config, CPU)


def test_every_term_is_finite_and_named_and_reaches_the_generator(judge: Translation) -> None:
    network = generator()
    losses = judge.losses(4, network, thumbnails(PHOTOS), thumbnails(ORANGE))
    assert losses.keys() == TERMS | {"adversarial"}
    assert judge.judged().keys() == {"discriminator"}
    for name, value in (losses | judge.judged()).items():
        assert value.dim() == 0, name
        assert torch.isfinite(value), name
    for name, value in losses.items():
        gradients = torch.autograd.grad(value, list(network.parameters()), retain_graph=True)
        largest = max(gradient.abs().max().item() for gradient in gradients)
        assert largest > 0 or value.item() == 0, name


def test_each_term_has_its_weight() -> None:
    sides = thumbnails(PHOTOS), thumbnails(ORANGE)
    # Spectral norms are found by iteration: every look of a discriminator improves them.
    found = objective().losses(4, generator(0.2), *sides)
    doubled = LookWeights(**{name: 2 * getattr(LookWeights(), name) for name in TERMS})
    twice = objective(replace(CONFIG, adversarial=0.1), doubled)
    for name, value in twice.losses(4, generator(0.2), *sides).items():
        assert value.item() == pytest.approx(2 * found[name].item(), rel=1e-4), name
        assert value.item() != 0, name


def test_a_generator_that_changes_nothing_keeps_all_but_the_colours(judge: Translation) -> None:
    still = judge.losses(0, FAMILY.generator(), thumbnails(PHOTOS), thumbnails(ORANGE))
    for name in ("identity", "gamut", "smoothness"):
        assert still[name].item() == pytest.approx(0, abs=1e-4), name
    moved = judge.losses(0, generator(0.2), thumbnails(PHOTOS), thumbnails(ORANGE))
    for name in ("identity", "photorealism", "calm", "gamut", "smoothness", "content"):
        assert moved[name] > still[name] + 1e-6, name


def test_photos_that_have_the_look_are_nearer(judge: Translation) -> None:
    network, photos, orange = FAMILY.generator(), thumbnails(PHOTOS), thumbnails(ORANGE)
    away, there = (
        judge.losses(0, network, side, orange)["palette"].item() for side in (photos, orange)
    )
    assert there < 0.5 * away


def test_what_starts_from_nothing_first_learns_what_photos_are_like() -> None:
    judge, network = objective(replace(CONFIG, init="")), generator()
    sides = thumbnails(PHOTOS), thumbnails(ORANGE)
    phases = [judge.losses(step, network, *sides).keys() for step in (0, 1, 10, 19)]
    assert phases[0] == phases[1] == {"reconstruction"}
    assert phases[2] == phases[3] == TERMS | {"adversarial"}
    judge.losses(0, network, *sides)
    assert judge.judged() == {}
    before = judge.state()["discriminator"]["layers.0.bias"].clone()
    judge.learn(Alone())  # there is nothing to learn yet
    assert torch.equal(judge.state()["discriminator"]["layers.0.bias"], before)


def test_pretraining_is_about_exposure(judge: Translation) -> None:
    begun = objective(replace(CONFIG, init=""))
    sides = thumbnails(PHOTOS), thumbnails(ORANGE)
    losses = [begun.losses(step, FAMILY.generator(), *sides)["reconstruction"] for step in (0, 1)]
    # What changes nothing has not undone what was done, other things in each step.
    assert min(losses) > 0.02
    assert losses[0] != losses[1]
    assert losses[0] == begun.losses(0, FAMILY.generator(), *sides)["reconstruction"]
    assert "reconstruction" not in judge.losses(0, FAMILY.generator(), *sides)


def test_identity_fades(judge: Translation) -> None:
    network, sides = generator(0.2), (thumbnails(PHOTOS), thumbnails(ORANGE))
    found = [judge.losses(step, network, *sides)["identity"].item() for step in (0, 10, 20)]
    assert found[0] > found[1] > found[2] > 0
    assert found[1] == pytest.approx((found[0] + found[2]) / 2, rel=1e-4)


def test_without_an_adversary_nobody_judges() -> None:
    judge = objective(replace(CONFIG, adversarial=0.0))
    losses = judge.losses(4, generator(), thumbnails(PHOTOS), thumbnails(ORANGE))
    assert losses.keys() == TERMS
    assert judge.judged() == {}
    judge.learn(Alone())


def test_steps_alone_decide_what_is_random(judge: Translation) -> None:
    network, sides = generator(), (thumbnails(PHOTOS), thumbnails(ORANGE))
    first, other, again = (judge.losses(step, network, *sides) for step in (3, 4, 3))
    for name in ("palette", "content"):
        assert torch.equal(first[name], again[name])
        assert not torch.equal(first[name], other[name])
    hinges = [objective().losses(step, network, *sides)["adversarial"] for step in (3, 4, 3)]
    assert hinges[0] == hinges[2] != hinges[1]
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    objective().losses(3, network, *sides)
    assert torch.equal(torch.rand(3), expected)


def test_one_example_is_enough(judge: Translation) -> None:
    for step, config in ((4, CONFIG), (0, replace(CONFIG, init=""))):
        made = judge if config.init else objective(config)
        losses = made.losses(step, generator(), thumbnails(PHOTOS, 1), thumbnails(ORANGE, 1))
        assert all(torch.isfinite(value) for value in losses.values())


def test_bfloat16_changes_little(judge: Translation) -> None:
    network, sides = generator(), (thumbnails(PHOTOS), thumbnails(ORANGE))
    plain = judge.losses(4, network, *sides)
    half = objective(replace(CONFIG, amp=True)).losses(4, network, *sides)
    for name, value in half.items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(plain[name].item(), rel=0.05, abs=2e-3), name


def test_quality_is_the_distance_of_colours_from_the_whole_set(judge: Translation) -> None:
    assert judge.measure is COLOURS
    photos, orange = thumbnails(PHOTOS, 4), thumbnails(ORANGE, 4)
    away, there = judge.quality(photos, photos, orange), judge.quality(orange, photos, orange)
    assert 0 < there < 0.7 * away
    assert judge.quality(photos, photos, orange) == away
    assert judge.quality(photos, photos, photos) == away  # whatever is shown beside


def test_the_colours_of_the_set_are_learnt() -> None:
    run = trainer()
    inputs, targets = Examples(unpaired(PHOTOS, ORANGE, cut), 0).batch(99, 6)
    judge = run.objective
    before = judge.quality(inputs, inputs, targets)
    assert judge.quality(run.apply(inputs), inputs, targets) == pytest.approx(before, abs=0.01)
    for _ in range(CONFIG.steps):
        run.step()
    results = run.apply(inputs)
    assert judge.quality(results, inputs, targets) < 0.7 * before
    blue, red = (results[:, channel].mean() - inputs[:, channel].mean() for channel in (2, 0))
    assert blue < red - 0.05
    # The picture is still there.
    flat = torch.stack([inputs.mean(1).flatten(), results.mean(1).flatten()])
    assert torch.corrcoef(flat)[0, 1] > 0.9


def test_a_resumed_run_ends_with_the_same_weights() -> None:
    config = replace(CONFIG, init="", steps=4, first_cycle=2)  # with both phases
    straight, stopped, resumed = trainer(config), trainer(config), trainer(config)
    for run in (straight, stopped):
        run.step()
        run.step()
    buffer = io.BytesIO()
    torch.save(stopped.state(), buffer)
    buffer.seek(0)
    resumed.restore(torch.load(buffer, weights_only=True))
    for run in (straight, resumed):
        assert "palette" in run.step()
        run.step()
    for name, value in straight.weights().items():
        assert torch.equal(value, resumed.weights()[name]), name
    first, second = (run.state()["objective"]["discriminator"] for run in (straight, resumed))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert any(not torch.equal(v, stopped.weights()[n]) for n, v in straight.weights().items())


def test_of_very_many_photos_an_even_choice_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "MOST_POOLED", 3)
    squares = translation._squashed(PHOTOS)
    assert squares.shape == (3, 3, translation.SIDE, translation.SIDE)
    side = (translation.SIDE, translation.SIDE)
    for square, photo in zip(squares, LEAVES[::3], strict=True):
        expected = cv2.resize(photo, side, interpolation=cv2.INTER_AREA)
        assert np.array_equal((255 * square).permute(1, 2, 0).round().byte().numpy(), expected)
