"""Examples: seed, step and process alone decide what they are; pairs stay pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from photostyle.features import dead_leaves
from photostyle.training.examples import Ahead, Examples, Image, degraded, paired, unpaired
from photostyle.training.photos import Pixels, random_patch

if TYPE_CHECKING:
    from collections.abc import Callable

    from photostyle.training.examples import Draw

PHOTOS: list[list[Pixels]] = [
    [(255 * leaf.permute(1, 2, 0).numpy()).astype(np.uint8)] for leaf in dead_leaves(4, 48)
]


def cut(photos: Any, random: np.random.Generator) -> Image:
    return random_patch(photos, 32, random)


def inverted() -> list[list[Pixels]]:
    """Pairs of photos and their negatives."""
    return [[np.concatenate([v, 255 - v], axis=-1) for v in versions] for versions in PHOTOS]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: degraded(PHOTOS, cut, ["noise", "jpeg"]),
        lambda: paired(inverted(), cut),
        lambda: unpaired(PHOTOS[:2], PHOTOS[2:], cut),
    ],
)
def test_seed_and_step_alone_decide(draw: Callable[[], Draw]) -> None:
    examples = Examples(draw(), 3)
    inputs, targets = examples.batch(5, 4)
    assert inputs.shape == targets.shape == (4, 3, 32, 32)
    assert inputs.dtype == targets.dtype == torch.float32
    assert min(inputs.min(), targets.min()) >= 0
    assert max(inputs.max(), targets.max()) <= 1
    # Whatever was drawn before, and from another object.
    examples.batch(6, 1)
    for again in (examples, Examples(draw(), 3)):
        same = again.batch(5, 4)
        assert torch.equal(same[0], inputs)
        assert torch.equal(same[1], targets)
    for other in (examples.batch(6, 4), Examples(draw(), 4).batch(5, 4), examples.batch(5, 4, 1)):
        assert not torch.equal(other[0], inputs)
        assert not torch.equal(other[1], targets)


def test_the_first_process_learns_what_it_would_alone() -> None:
    examples = Examples(degraded(PHOTOS, cut, ["noise"]), 3)
    assert torch.equal(examples.batch(5, 2, 0)[0], examples.batch(5, 2)[0])


def test_inputs_are_degraded_targets() -> None:
    before = [photo.copy() for (photo,) in PHOTOS]
    inputs, targets = Examples(degraded(PHOTOS, cut, ["noise"]), 0).batch(0, 16)
    errors = (inputs - targets).abs().mean(dim=(1, 2, 3))
    assert (errors > 0.005).sum() >= 8
    assert errors.mean() < 0.2
    # Nothing is done to the photos themselves.
    assert all(np.array_equal(old, new) for old, (new,) in zip(before, PHOTOS, strict=True))


def test_where_light_has_burnt_out_the_target_is_white() -> None:
    bright: list[list[Pixels]] = [[np.full((40, 40, 3), 250, np.uint8)]]
    inputs, targets = Examples(degraded(bright, cut, ["exposure"]), 0).batch(0, 32)
    burnt = (inputs == 1).flatten(1).all(dim=1)
    assert burnt.any()
    assert (targets[burnt] > 250 / 255 + 1e-3).all()
    assert torch.allclose(targets[~burnt & (inputs.amax((1, 2, 3)) < 0.9)], torch.tensor(250 / 255))


def test_halves_of_a_pair_belong_together() -> None:
    inputs, targets = Examples(paired(inverted(), cut), 0).batch(0, 24)
    torch.testing.assert_close(inputs + targets, torch.ones_like(inputs))
    assert inputs.flatten(1).std(dim=1).min() > 0.01  # they do show something


def test_others_come_from_the_other_set() -> None:
    dark, bright = ([[np.full((40, 40, 3), level, np.uint8)]] for level in (51, 204))
    inputs, targets = Examples(unpaired(dark, bright, cut), 0).batch(0, 4)
    assert torch.allclose(inputs, torch.tensor(0.2))
    assert torch.allclose(targets, torch.tensor(0.8))


def test_unpaired_photos_have_nothing_to_do_with_each_other() -> None:
    levels: list[list[Pixels]] = [[np.full((40, 40, 3), level, np.uint8)] for level in (0, 255)]
    inputs, targets = Examples(unpaired(levels, levels, cut), 0).batch(0, 64)
    met = {
        (float(a), float(b)) for a, b in zip(inputs[:, 0, 0, 0], targets[:, 0, 0, 0], strict=True)
    }
    assert met == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_batches_made_ahead_are_the_same_ones() -> None:
    def draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        made = random.random((4, 4, 3), np.float32)
        return made, 1 - made

    examples = Examples(draw, seed=3)
    ahead = Ahead(examples, 2, process=1)
    for step in (0, 1, 2, 7, 3):  # one after the other, and where a run is resumed
        for found, expected in zip(ahead.batch(step), examples.batch(step, 2, 1), strict=True):
            assert torch.equal(found, expected)


def test_what_fails_ahead_fails_in_its_turn() -> None:
    def draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if random.random() < 0.5:
            raise MemoryError
        return np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 3), np.float32)

    def fails(step: int) -> bool:
        return np.random.default_rng([0, step]).random() < 0.5

    ahead = Ahead(Examples(draw, seed=0), 1)
    for step in range(6):
        if fails(step):
            with pytest.raises(MemoryError):
                ahead.batch(step)
        else:
            ahead.batch(step)
