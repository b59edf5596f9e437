"""The adversary: hinge losses at their known values, content, and what learns from what."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from photostyle.training.adversarial import CONTENT, Adversary
from photostyle.training.config import TrainConfig

CPU = torch.device("cpu")


class Brightness(nn.Module):
    """Scores a picture by its mean."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, photo: Tensor) -> Tensor:
        return self.scale * photo.mean(dim=(1, 2, 3))


@pytest.fixture
def adversary() -> Adversary:
    return Adversary(TrainConfig(adversarial=0.5), CPU)


def pictures(seed: int = 0) -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_hinge_values(adversary: Adversary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversary, "_discriminator", Brightness())
    clean, restored = torch.full((2, 3, 32, 32), 0.75), torch.full((2, 3, 32, 32), 0.25)
    assert adversary.generator_losses(restored, clean)["adversarial"].item() == pytest.approx(
        -0.5 * 0.25
    )
    # relu(1 - 0.75) + relu(1 + 0.25)
    assert adversary.discriminator_loss(restored, clean).item() == pytest.approx(1.5)


def test_content_is_kept_where_nothing_changes(adversary: Adversary) -> None:
    photos = pictures()
    same = adversary.generator_losses(photos, photos)["content"].item()
    other = adversary.generator_losses(pictures(1), photos)["content"].item()
    assert same == 0
    assert other > 0.1 * CONTENT


def test_the_generator_is_told_and_the_discriminator_is_not_changed_by_it(
    adversary: Adversary,
) -> None:
    restored = pictures(1).requires_grad_()
    losses = adversary.generator_losses(restored, pictures())
    for loss in losses.values():
        (gradient,) = torch.autograd.grad(loss, restored, retain_graph=True)
        assert gradient.abs().max() > 0
    sum(losses.values(), start=torch.zeros(())).backward()
    assert all(p.grad is None for p in adversary._discriminator.parameters())
    restored.grad = None
    adversary.discriminator_loss(restored, pictures()).backward()
    assert restored.grad is None
    assert all(p.grad is not None for p in adversary._discriminator.parameters())


def test_the_discriminator_learns_to_tell_them_apart(adversary: Adversary) -> None:
    clean = pictures()
    blurred = torch.nn.functional.avg_pool2d(clean, 5, 1, 2)
    losses = []
    for _ in range(25):
        loss = adversary.discriminator_loss(blurred, clean)
        adversary.step(loss)
        losses.append(loss.item())
    assert losses[0] == pytest.approx(2, abs=0.2)
    assert losses[-1] < 0.8 * losses[0]


def test_it_continues_from_its_state(adversary: Adversary) -> None:
    other = Adversary(TrainConfig(adversarial=0.5, seed=1), CPU)
    clean, restored = pictures(), pictures(1)
    adversary.step(adversary.discriminator_loss(restored, clean))
    other.restore(copy.deepcopy(adversary.state()))
    for _ in range(2):
        first, second = (a.discriminator_loss(restored, clean) for a in (adversary, other))
        assert torch.equal(first, second)
        adversary.step(first)
        other.step(second)
