"""Looks of single photos: their losses, that they lead there, that they can be undone."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from photostyle.errors import UsageError
from photostyle.features import dead_leaves
from photostyle.image.masks import PALETTE
from photostyle.training.conditional_tone import ConditionalToneFamily, squashed
from photostyle.training.config import TrainConfig
from photostyle.training.examples import Examples
from photostyle.training.imitation import Imitation, ImitationWeights
from photostyle.training.preview import COLOURS
from photostyle.training.trainer import Trainer

CPU = torch.device("cpu")
CONFIG = TrainConfig(
    family="tone", degrade=(), imitate="pair", steps=15, first_cycle=15, batch=1, rate=2e-3
)
LEAVES = (255 * dead_leaves(2, 96).permute(0, 2, 3, 1)).byte().numpy()
# Of two colours alone, so that mean and covariance do not say everything.
DARK = np.where(LEAVES[1][..., 1:2] > 150, [200, 120, 40], [60, 20, 50]).astype(np.uint8)
PHOTOS = [[[LEAVES[0]]], [[DARK]]]
CONTENT, STYLE = (squashed(side[0]) for side in PHOTOS)
TERMS = {field.name for field in fields(ImitationWeights)}


def family(styles: list[Any]) -> ConditionalToneFamily:
    looks = ["x", "x:back"][: len(styles)]
    return ConditionalToneFamily({"width": 2, "depth": 4, "looks": looks}, styles)


PAIR = family([STYLE, CONTENT])
ALONE = family([STYLE])


def objective(weights: ImitationWeights | None = None, styles: int = 2) -> Imitation:
    chosen = [STYLE, CONTENT][:styles]
    return Imitation(family(chosen), chosen, CONFIG, CPU, weights)


def generator(made: ConditionalToneFamily = PAIR, scale: float = 0.05) -> nn.Module:
    """One that changes something."""
    torch.manual_seed(1)
    network = made.generator()
    nn.init.normal_(network.tail.weight, std=scale)  # type: ignore[arg-type, union-attr]
    return network


def sides() -> tuple[Tensor, Tensor]:
    first, second = (torch.from_numpy(side).permute(2, 0, 1)[None] for side in (CONTENT, STYLE))
    return first, second


@pytest.mark.parametrize("styles", [1, 2])
def test_every_term_is_finite_and_named_and_reaches_the_generator(styles: int) -> None:
    network = generator(PAIR if styles == 2 else ALONE)
    losses = objective(styles=styles).losses(0, network, *sides())
    # Without a way back there is no cycle.
    assert losses.keys() == (TERMS if styles == 2 else TERMS - {"cycle"})
    for name, value in losses.items():
        assert value.dim() == 0, name
        assert torch.isfinite(value), name
        found = torch.autograd.grad(
            value, list(network.parameters()), retain_graph=True, allow_unused=True
        )
        assert max(g.abs().max().item() for g in found if g is not None) > 0, name


def test_each_term_has_its_weight() -> None:
    found = objective().losses(3, generator(), *sides())
    doubled = ImitationWeights(**{name: 2 * getattr(ImitationWeights(), name) for name in TERMS})
    for name, value in objective(doubled).losses(3, generator(), *sides()).items():
        assert value.item() == pytest.approx(2 * found[name].item(), rel=1e-4), name
        assert value.item() != 0, name


def test_without_a_way_back_variation_counts_for_less() -> None:
    network = generator(ALONE)
    usual = objective(ImitationWeights(), 1).losses(3, network, *sides())
    found = objective(styles=1).losses(3, network, *sides())
    assert found["smoothness"] < 0.1 * usual["smoothness"]
    assert found["photorealism"] > usual["photorealism"]


def test_losses_of_a_step_are_always_the_same_and_of_another_differ() -> None:
    network = generator()
    once, again, other = (objective().losses(s, network, *sides()) for s in (3, 3, 4))
    assert once == again
    assert once["style"] != other["style"]


def test_whole_photos_start_with_what_has_the_look_unchanged() -> None:
    losses = objective().losses(0, PAIR.generator(), *sides())
    assert losses["itself"].item() == pytest.approx(0, abs=1e-3)
    assert losses["smoothness"].item() == 0
    assert losses["itself"] < objective().losses(0, generator(scale=0.3), *sides())["itself"]


def test_the_cycle_ends_where_it_began() -> None:
    # What clipping loses does not come back; here nothing is clipped.
    pale = [0.3 + 0.4 * side for side in (STYLE, CONTENT)]
    soft = family(pale)
    photos = [torch.from_numpy(side).permute(2, 0, 1)[None] for side in pale[::-1]]
    judge = Imitation(soft, pale, CONFIG, CPU)
    there_and_back = judge.losses(0, soft.generator(), photos[0], photos[1])["cycle"].item()
    assert there_and_back < 0.02
    torn = generator(soft, 0.3)
    assert judge.losses(0, torn, photos[0], photos[1])["cycle"].item() > 3 * there_and_back


def halves(photo: Any, left: str, right: str) -> Any:
    """A mask of `photo` whose halves are painted."""
    mask = np.empty_like(photo)
    middle = photo.shape[1] // 2
    mask[:, :middle], mask[:, middle:] = PALETTE[left], PALETTE[right]
    return mask


def masked(masks: list[Any]) -> list[Tensor]:
    """Content and style with their masks, `1 6 S S` each."""
    photos = zip((CONTENT, STYLE), masks, strict=True)
    joined = [np.concatenate([photo, mask], axis=-1) for photo, mask in photos]
    return [torch.from_numpy(side).permute(2, 0, 1)[None] for side in joined]


def test_with_masks_each_segment_is_compared_with_its_own() -> None:
    # Two halves, red and blue; the masks say whether red goes with red or with blue.
    red, blue = halves(STYLE, "red", "blue"), halves(STYLE, "blue", "red")
    alike = [halves(STYLE, "black", "white"), halves(STYLE, "white", "black")]
    made = family([red, blue])
    network = made.generator()
    distances = []
    for masks in ([alike[0], alike[1]], [alike[0], alike[0]]):
        judge = Imitation(made, [red, blue], CONFIG, CPU, masks=masks)
        # Of the second style, whose sides are exchanged, the first is the content.
        photos = [
            torch.from_numpy(np.concatenate(pair, axis=-1)).permute(2, 0, 1)[None]
            for pair in zip((blue, red), masks[::-1], strict=True)
        ]
        distances.append(judge.losses(0, network, *photos)["style"].item())
    assert distances[0] < 0.1 * distances[1]


def test_segments_that_only_one_mask_has_do_not_count() -> None:
    masks = [halves(STYLE, "red", "green"), halves(CONTENT, "blue", "green")]
    warnings: list[str] = []
    judge = Imitation(PAIR, [STYLE, CONTENT], CONFIG, CPU, masks=masks, warn=warnings.append)
    assert warnings == ["only one of the masks has red, blue: its colours are not compared"]
    content, style = masked(masks[::-1])
    other = content.clone()
    half = CONTENT.shape[1] // 2
    # What the left of the content looks like is all the same; its statistics must not change.
    other[:, :3, :, :half] = content[:, :3, :, :half].flip(2)
    losses = [
        judge.losses(0, PAIR.generator(), side, style)["style"].item() for side in (content, other)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_masks_without_a_common_segment_are_refused() -> None:
    masks = [halves(STYLE, "red", "red"), halves(CONTENT, "blue", "green")]
    with pytest.raises(UsageError, match="no segment in common"):
        Imitation(PAIR, [STYLE, CONTENT], CONFIG, CPU, masks=masks)


def test_quality_is_the_distance_from_the_style() -> None:
    judge = objective()
    content, style = sides()
    assert judge.measure is COLOURS
    assert judge.quality(style, style, style) < 0.5
    away = judge.quality(content, content, style)
    assert away > 5
    assert judge.quality(content, content, style) == away


@pytest.mark.parametrize(("styles", "steps"), [(1, 8), (2, 15)])
def test_it_learns(styles: int, steps: int) -> None:
    made = PAIR if styles == 2 else ALONE
    # In so few steps other terms, and parts of photos, would have their say.
    judge = objective(ImitationWeights(**{**dict.fromkeys(TERMS, 0.0), "style": 0.01}), styles)
    config = replace(CONFIG, imitate="pair" if styles == 2 else "photo")
    trainer = Trainer(made, Examples(lambda _: (CONTENT, STYLE), 0), judge, config, CPU)
    network = made.generator()

    def loss() -> float:
        network.load_state_dict(trainer.weights())
        return judge.losses(0, network, *sides())["style"].item()

    before = loss()
    for _ in range(steps):
        trainer.step()
    assert loss() < 0.97 * before
    assert trainer.objective.state() == {}
    assert trainer.objective.judged() == {}
