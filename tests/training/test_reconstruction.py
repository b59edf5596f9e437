"""The objective of repairs: what counts, when the adversary joins, and how results are measured."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from photostyle.registry import load_encoder
from photostyle.training import reconstruction
from photostyle.training.config import TrainConfig
from photostyle.training.preview import PSNR
from photostyle.training.processes import Alone
from photostyle.training.reconstruction import CONTENT, Reconstruction
from photostyle.training.repair import RepairFamily, relative_error

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {"widths": [8, 8], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
PLAIN = TrainConfig(steps=8, batch=2, size=32, amp=False)
ADVERSARIAL = replace(PLAIN, adversarial=0.5, adversarial_from=0.25)
PHASES = {"reconstruction", "adversarial", "content"}


def objective(config: TrainConfig) -> Reconstruction:
    return Reconstruction(RepairFamily(SMALL), config, CPU)


def pictures(seed: int = 0) -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def generator(scale: float = 0.2) -> nn.Module:
    """One that changes something."""
    torch.manual_seed(1)
    made = RepairFamily(SMALL).generator()
    nn.init.normal_(made.tail.weight, std=scale)  # type: ignore[arg-type, union-attr]
    return made


def test_by_default_the_error_is_all_that_counts() -> None:
    judge, network = objective(PLAIN), generator()
    losses = judge.losses(7, network, pictures(), pictures(1))
    with torch.no_grad():
        expected = relative_error(network(pictures()), pictures(), pictures(1))
    assert losses.keys() == {"reconstruction"}
    assert losses["reconstruction"].item() == pytest.approx(expected.item())
    assert judge.judged() == {}
    before = judge.state()
    judge.learn(Alone())
    assert before == judge.state() == {}


def test_the_adversary_joins_after_its_share_of_the_steps() -> None:
    judge, network = objective(ADVERSARIAL), generator()
    for step, joined in [(0, False), (1, False), (2, True), (7, True)]:
        losses = judge.losses(step, network, pictures(), pictures(1))
        assert losses.keys() == (PHASES if joined else {"reconstruction"})
        assert judge.judged().keys() == ({"discriminator"} if joined else set())
        assert all(torch.isfinite(value) for value in losses.values())


def test_the_adversarial_loss_has_the_weight_of_the_settings() -> None:
    half, full = (objective(replace(ADVERSARIAL, adversarial=weight)) for weight in (0.5, 1.0))
    network = generator()
    first, second = (o.losses(4, network, pictures(), pictures(1)) for o in (half, full))
    assert 2 * first["adversarial"].item() == pytest.approx(second["adversarial"].item())
    assert first["content"].item() == second["content"].item()


def test_content_is_the_distance_of_all_features_but_the_finest() -> None:
    judge, network = objective(ADVERSARIAL), generator()
    kept = judge.losses(4, RepairFamily(SMALL).generator(), pictures(), pictures())["content"]
    assert kept.item() == 0
    changed = judge.losses(4, network, pictures(), pictures(1))["content"]
    encoder = load_encoder()
    with torch.no_grad():
        found, wanted = (encoder(side)[1:] for side in (network(pictures()), pictures(1)))
    apart = [(a - b).abs().mean().item() for a, b in zip(found, wanted, strict=True)]
    assert changed.item() == pytest.approx(CONTENT * sum(apart) / len(apart), rel=1e-4)


def test_every_loss_reaches_the_generator_and_the_discriminator_learns_alone() -> None:
    judge, network = objective(ADVERSARIAL), generator()
    losses = judge.losses(4, network, pictures(), pictures(1))
    for loss in losses.values():
        gradients = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
        assert max(gradient.abs().max() for gradient in gradients) > 0
    before, weights = copy.deepcopy(judge.state()), copy.deepcopy(network.state_dict())
    judge.learn(Alone())
    after = judge.state()["discriminator"]
    assert any(not torch.equal(after[n], v) for n, v in before["discriminator"].items())
    assert all(torch.equal(network.state_dict()[n], v) for n, v in weights.items())


def test_it_continues_from_its_state() -> None:
    judge, network = objective(ADVERSARIAL), generator()
    judge.losses(4, network, pictures(), pictures(1))
    judge.learn(Alone())
    other = objective(replace(ADVERSARIAL, seed=7))
    other.restore(copy.deepcopy(judge.state()))
    for _ in range(2):
        found = []
        for one in (judge, other):
            one.losses(4, network, pictures(), pictures(1))
            found.append(one.judged()["discriminator"])
            one.learn(Alone())
        assert torch.equal(found[0], found[1])


def test_the_encoder_is_read_for_the_adversarial_phase_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconstruction, "load_encoder", lambda: pytest.fail("not needed"))
    objective(PLAIN)


def test_quality_is_the_psnr_of_examples_that_are_not_good_already() -> None:
    judge = objective(PLAIN)
    assert judge.measure is PSNR
    targets = torch.full((3, 3, 8, 8), 0.5)
    inputs = targets.clone()
    inputs[0] += 0.1  # 20 dB
    inputs[1] += 0.01  # 40 dB
    assert judge.quality(inputs, inputs, targets) == pytest.approx(30, abs=0.01)
    results = targets + 0.001  # 60 dB
    results[2] = 1  # of what was good already nothing is said
    assert judge.quality(results, inputs, targets) == pytest.approx(60, abs=0.01)
    assert judge.quality(results, targets, targets) == math.inf
    # A perfect result is finite, so that means are.
    assert judge.quality(targets, inputs, targets) == pytest.approx(100)
