"""A scene parser's training: its loss, its looks, its scores, and its state."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photostyle.errors import UsageError
from photostyle.features.scene_parser import KINDS, SceneParser
from photostyle.training import scene_trainer
from photostyle.training.encoder_looks import random_looks
from photostyle.training.scene_photos import UNKNOWN, NamedPhoto
from photostyle.training.scene_trainer import SceneTrainer, _looks, confusion

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL = partial(SceneParser, ((8,), (16, 16), (24, 24), (48, 48)), (32, 48))
"""A parser of the usual kinds."""

SKY, GRASS = KINDS.index("sky"), KINDS.index("grass")


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BATCH": 2, "SIZE": 32}.items():
        monkeypatch.setattr(scene_trainer, name, value)
    monkeypatch.setattr(scene_trainer, "SceneParser", SMALL)


def sky_over_grass(seed: int, known: int = 48) -> NamedPhoto:
    """A plain blue above stripes of green, `40 48`, of which some columns have labels."""
    random = np.random.default_rng(seed)
    pixels = np.full((40, 48, 3), (110, 160, 230), np.uint8)
    pixels[20:] = np.where(np.arange(48)[:, None] % 4 < 2, (30, 90, 20), (110, 180, 60))
    pixels = pixels + random.integers(0, 20, pixels.shape, np.uint8)
    kinds = np.full((40, 48), SKY, np.uint8)
    kinds[20:] = GRASS
    kinds[:, known:] = UNKNOWN
    return NamedPhoto(pixels, kinds)


@pytest.fixture(scope="module")
def photos() -> list[NamedPhoto]:
    return [sky_over_grass(seed) for seed in range(3)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def always_say(parser: SceneParser, kind: int) -> SceneParser:
    last = parser.last[1]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
        last.bias[kind] = 1
    return parser.eval()


def equal(first: object, second: object) -> bool:
    if isinstance(first, Tensor):
        return isinstance(second, Tensor) and torch.equal(first, second)
    if isinstance(first, dict):
        assert isinstance(second, dict)
        return first.keys() == second.keys() and all(equal(first[k], second[k]) for k in first)
    if isinstance(first, list):
        assert isinstance(second, list)
        return len(first) == len(second) and all(map(equal, first, second))
    return first == second


def test_loss_falls_on_two_kinds(photos: list[NamedPhoto], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WARM_UP": 3, "RATE": 0.04, "SMOOTHING": 0.0}.items():
        monkeypatch.setattr(scene_trainer, name, value)
    trainer = SceneTrainer(photos, 60)
    losses = [trainer.step() for _ in range(14)]
    assert losses[0] > 2
    # To know that there are but two kinds is worth 0.69; the rest is to know where they are.
    assert np.mean(losses[-4:]) < 0.5


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Logits of a parser in training, with their gradients."""
    logits: list[Tensor] = []
    forward = SceneParser.forward

    def keep(parser: SceneParser, photo: Tensor) -> Tensor:
        result = forward(parser, photo)
        if result.requires_grad:
            result.retain_grad()
        logits.append(result)
        return result

    monkeypatch.setattr(SceneParser, "forward", keep)
    return logits


def fixed_crops(monkeypatch: pytest.MonkeyPatch, kinds: Tensor) -> None:
    crops = torch.rand(2, 3, 32, 32, generator=generator())

    def crops_and_kinds(
        _photos: Sequence[NamedPhoto],
        count: int,
        size: int,
        _random: np.random.Generator,
        *,
        varied: bool,
    ) -> tuple[Tensor, Tensor]:
        assert not varied
        assert (count, size) == (2, 32)
        return crops, kinds

    monkeypatch.setattr(scene_trainer, "random_crops", crops_and_kinds)


def test_places_without_a_label_do_not_count(
    photos: list[NamedPhoto], seen: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = torch.full((2, 32, 32), SKY)
    kinds[:, 20:] = GRASS
    kinds[:, :, 16:] = UNKNOWN
    fixed_crops(monkeypatch, kinds)
    trainer = SceneTrainer(photos, 60)
    loss = trainer.step()

    (logits,) = seen
    assert logits.shape == (2, len(KINDS), 4, 4)
    assert logits.grad is not None
    strength = logits.grad.float().abs().amax((0, 1, 2))
    # The third column is half of what the last labels of the second are compared with.
    assert (strength[:3] > 0).all()
    assert strength[3] == 0

    # The loss in plain words: by kind weighted mean over labelled places, some of it for all kinds.
    log = F.log_softmax(F.interpolate(logits.detach().float(), (16, 16), mode="bilinear"), 1)
    weight, total, norm = trainer._weight, torch.zeros(()), torch.zeros(())
    smoothing = scene_trainer.SMOOTHING
    for place in (kinds[:, 1::2, 1::2] != UNKNOWN).nonzero().tolist():
        photo, y, x = place
        kind = int(kinds[photo, 1 + 2 * y, 1 + 2 * x])
        of_kinds = -log[photo, :, y, x] * weight
        total += (1 - smoothing) * of_kinds[kind] + smoothing / len(KINDS) * of_kinds.sum()
        norm += weight[kind]
    assert loss == pytest.approx(float(total / norm), rel=1e-4)


def test_seldom_kinds_weigh_more_and_unknown_places_nothing(photos: list[NamedPhoto]) -> None:
    weight = SceneTrainer(photos, 4)._weight
    assert weight.shape == (len(KINDS),)
    assert weight[SKY] == weight[GRASS] < weight[KINDS.index("person")]
    expected = torch.full((len(KINDS),), 0.01)
    expected[[SKY, GRASS]] += 0.5
    torch.testing.assert_close(weight, expected.rsqrt())
    partly = SceneTrainer([sky_over_grass(0, known=10), *photos], 4)._weight
    torch.testing.assert_close(partly, weight)


def two_halves(count: int = 24, size: int = 32) -> tuple[Tensor, Tensor]:
    kinds = torch.full((count, size, size), SKY)
    kinds[:, :, size // 2 :] = GRASS
    return torch.full((count, 3, size, size), 0.5), kinds


def test_looks_recolour_some_kinds_otherwise_than_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shades = iter((0.0, 1.0))
    monkeypatch.setattr(scene_trainer, "ODD", 1.0)
    monkeypatch.setattr(
        scene_trainer, "random_looks", lambda photos, _: torch.full_like(photos, next(shades))
    )
    crops, kinds = two_halves()
    looks = _looks(crops, kinds, generator())
    assert looks.shape == crops.shape
    left, right = looks[:, :, :, :10], looks[:, :, :, -10:]
    pairs = set()
    for photo in range(len(crops)):
        # Each kind has one look all over, and either look may be a kind's.
        pair = (round(float(left[photo].mean())), round(float(right[photo].mean())))
        torch.testing.assert_close(left[photo], torch.full_like(left[photo], pair[0]))
        torch.testing.assert_close(right[photo], torch.full_like(right[photo], pair[1]))
        pairs.add(pair)
        # No hard edge between them: a parser would learn to look for it.
        assert looks[photo].diff(dim=2).abs().max() < 0.3
    assert pairs == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_most_photos_have_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    crops, kinds = two_halves(100)
    masks = iter((torch.zeros_like(crops), torch.ones_like(crops)))
    monkeypatch.setattr(scene_trainer, "random_looks", lambda *_: next(masks))
    mixed = _looks(crops, kinds, generator()).flatten(1).amax(1) > 0
    # Of the odd ones a quarter has neither kind chosen.
    assert abs(float(mixed.float().mean()) - 0.75 * scene_trainer.ODD) < 0.12


def test_without_odd_photos_looks_are_random_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_trainer, "ODD", 0.0)
    crops, kinds = two_halves(4)
    expected = random_looks(crops, generator(3))
    assert torch.equal(_looks(crops, kinds, generator(3)), expected)


def test_unknown_places_may_be_recoloured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    crops, kinds = two_halves(16)
    kinds[:, :, :16] = UNKNOWN
    monkeypatch.setattr(scene_trainer, "ODD", 1.0)
    looks = _looks(crops, kinds, generator())
    assert looks.isfinite().all()
    assert looks.min() >= 0
    assert looks.max() <= 1


def test_confusion_of_a_parser_that_always_says_one_kind() -> None:
    photos = [sky_over_grass(0), sky_over_grass(1, known=30)]
    for said in (SKY, KINDS.index("person")):
        found = confusion(always_say(SMALL(), said), photos)
        expected = np.zeros((len(KINDS), len(KINDS)), np.int64)
        expected[[SKY, GRASS], said] = 20 * 48 + 20 * 30
        assert found.dtype == np.int64
        assert np.array_equal(found, expected)


def test_score_of_a_parser_that_always_says_one_kind(photos: list[NamedPhoto]) -> None:
    trainer = SceneTrainer(photos, 4)
    three_quarters = copy.deepcopy(photos[0].kinds)
    three_quarters[20:30] = SKY
    photo = NamedPhoto(photos[0].pixels, three_quarters)
    always_say(trainer._average, SKY)
    assert trainer.score([photo, photo]) == pytest.approx((0.75, 0.75 / 2))
    always_say(trainer._average, GRASS)
    assert trainer.score([photo]) == pytest.approx((0.25, 0.25 / 2))
    # What is nowhere to be seen has no mean of its own, but costs those it is taken for.
    always_say(trainer._average, KINDS.index("water"))
    assert trainer.score([photo]) == (0, 0)


def test_confusion_counts_places_of_the_photo_where_they_are() -> None:
    # A parser that only knows the brightness of a place, at an odd size.
    class Bright(SceneParser):
        def forward(self, photo: Tensor) -> Tensor:
            bright = F.avg_pool2d(photo.mean(1, keepdim=True), 8, ceil_mode=True)
            return torch.cat([bright - 0.5, 0.5 - bright], 1)

    pixels, kinds = np.zeros((40, 56, 3), np.uint8), np.ones((40, 56), np.uint8)
    pixels[:16, :24], kinds[:16, :24] = 255, 0
    found = confusion(Bright([[2]] * 4, (2, 2)).eval(), [NamedPhoto(pixels, kinds)])
    assert found[:2, :2].sum() == found.sum() == 40 * 56
    assert found[0, 1] + found[1, 0] < 30
    assert found[0, 0] > 370


def test_every_step_has_crops_and_looks_of_its_own(
    photos: list[NamedPhoto], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[Tensor, int]] = []

    def watched(crops: Tensor, kinds: Tensor, random: torch.Generator) -> Tensor:
        drawn.append((crops, random.initial_seed()))
        return _looks(crops, kinds, random)

    monkeypatch.setattr(scene_trainer, "_looks", watched)
    for seed in (0, 1):
        trainer = SceneTrainer(photos, 4, seed=seed)
        trainer.step()
        trainer.step()
    assert len({seed for _, seed in drawn}) == len({float(crops.sum()) for crops, _ in drawn}) == 4


def test_varied_training_leaves_channels_out_and_says_so_to_nobody_else(
    photos: list[NamedPhoto],
) -> None:
    before = torch.random.get_rng_state()
    losses = [SceneTrainer(photos, 5, seed=3, varied=varied).step() for varied in (0, 1, 1)]
    assert losses[1] == losses[2] != losses[0]
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("varied", [False, True])
def test_restored_training_goes_on_exactly(photos: list[NamedPhoto], varied: bool) -> None:
    trainer = SceneTrainer(photos, 5, seed=3, varied=varied)
    trainer.step()
    trainer.step()
    state = copy.deepcopy(trainer.state())
    other = SceneTrainer(photos, 5, seed=3, varied=varied)
    assert not equal(other.state()["parser"], state["parser"])
    other.restore(copy.deepcopy(state))
    assert other.steps == 2
    assert equal(other.state(), state)
    assert trainer.step() == other.step()
    assert equal(trainer.state(), other.state())
    assert not equal(trainer.state()["average"], state["average"])


@pytest.mark.parametrize(
    ("fewer", "steps", "seed", "varied", "words"),
    [
        (0, 4, 2, False, "seed 1, not 2"),
        (0, 5, 2, False, "seed 1, not 2; steps 4, not 5"),
        (1, 4, 1, False, r"photos \d+, not \d+"),
        (0, 4, 1, True, "varied False, not True"),
    ],
)
def test_another_run_cannot_resume(
    photos: list[NamedPhoto], fewer: int, steps: int, seed: int, varied: bool, words: str
) -> None:
    state = SceneTrainer(photos, 4, seed=1).state()
    other = SceneTrainer(photos[fewer:], steps, seed=seed, varied=varied)
    with pytest.raises(UsageError, match=f"^the checkpoint is of another run: {words}$"):
        other.restore(state)


def test_the_seed_gives_the_first_weights(photos: list[NamedPhoto]) -> None:
    before = torch.random.get_rng_state()
    first, again, other = (SceneTrainer(photos, 4, seed=seed).weights() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert equal(first, again)
    assert not equal(first, other)


def test_starts_from_the_weights_of_an_encoder(photos: list[NamedPhoto]) -> None:
    encoder = {
        name: torch.full_like(value, 0.01) for name, value in SMALL().encoder.state_dict().items()
    }
    trainer = SceneTrainer(photos, 4, encoder)
    assert equal(dict(trainer._parser.encoder.state_dict()), encoder)
    assert equal(dict(trainer._average.encoder.state_dict()), encoder)
    trainer.step()
    assert bool((encoder["scales.0.0.weight"] == 0.01).all())
    assert not equal(dict(trainer._parser.encoder.state_dict()), encoder)


def test_rates_rise_then_end_at_zero(
    photos: list[NamedPhoto], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene_trainer, "WARM_UP", 2)
    trainer = SceneTrainer(photos, 4)
    rates = []
    for _ in range(4):
        trainer.step()
        rates.append([group["lr"] for group in trainer._optimizer.param_groups])
    encoder, rest = np.array(rates).T
    np.testing.assert_allclose(rest / scene_trainer.RATE, [0.5, 0.5, 0.146447, 0], atol=1e-6)
    np.testing.assert_allclose(encoder / rest.clip(1e-9), [4 / 15] * 3 + [0], atol=1e-6)


def test_weights_are_the_average_in_half_precision(photos: list[NamedPhoto]) -> None:
    trainer = SceneTrainer(photos, 60)
    start = copy.deepcopy(trainer._average.state_dict())
    trainer.step()
    now, weights = trainer._parser.state_dict(), trainer.weights()
    assert weights.keys() == now.keys()
    for name, value in weights.items():
        if now[name].is_floating_point():
            # After the first step the average has moved nine tenths of the way.
            expected = torch.lerp(start[name], now[name], 0.9)
            assert value.dtype == torch.float16
            torch.testing.assert_close(value.float(), expected, rtol=1e-3, atol=1e-6)
    SMALL().load_state_dict(weights)
