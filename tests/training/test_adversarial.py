"""The adversary: hinge losses at their known values, and what learns from what."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from photostyle.training.adversarial import Adversary
from photostyle.training.processes import Alone

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
    return Adversary(0, CPU)


def pictures(seed: int = 0) -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_hinge_values(adversary: Adversary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversary, "_discriminator", Brightness())
    photos, results = torch.full((2, 3, 32, 32), 0.75), torch.full((2, 3, 32, 32), 0.25)
    assert adversary.generator_loss(results).item() == pytest.approx(-0.25)
    # relu(1 - 0.75) + relu(1 + 0.25)
    assert adversary.loss(results, photos).item() == pytest.approx(1.5)
    # What is told apart with ease counts no more.
    assert adversary.loss(torch.full((2, 3, 32, 32), -2.0), 3 * photos).item() == 0


def test_photos_and_results_alike_are_augmented(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def halved(photos: Tensor) -> Tensor:
        seen.append(photos.mean().item())
        return photos / 2

    adversary = Adversary(0, CPU, halved)
    monkeypatch.setattr(adversary, "_discriminator", Brightness())
    photos, results = torch.full((2, 3, 32, 32), 0.75), torch.full((2, 3, 32, 32), 0.25)
    assert adversary.generator_loss(results).item() == pytest.approx(-0.125)
    # relu(1 - 0.375) + relu(1 + 0.125)
    assert adversary.loss(results, photos).item() == pytest.approx(1.75)
    assert sorted(seen) == [0.25, 0.25, 0.75]


def test_the_generator_is_told_and_the_discriminator_is_not_changed_by_it(
    adversary: Adversary,
) -> None:
    results = pictures(1).requires_grad_()
    adversary.generator_loss(results).backward()
    assert results.grad is not None
    assert results.grad.abs().max() > 0
    assert all(p.grad is None for p in adversary._discriminator.parameters())
    results.grad = None
    adversary.loss(results, pictures()).backward()
    assert results.grad is None
    assert all(p.grad is not None for p in adversary._discriminator.parameters())


def test_the_discriminator_learns_to_tell_them_apart(adversary: Adversary) -> None:
    photos = pictures()
    blurred = torch.nn.functional.avg_pool2d(photos, 5, 1, 2)
    losses = []
    for _ in range(25):
        loss = adversary.loss(blurred, photos)
        adversary.step(loss, Alone())
        losses.append(loss.item())
    assert losses[0] == pytest.approx(2, abs=0.2)
    assert losses[-1] < 0.8 * losses[0]


def test_the_seed_alone_decides_the_weights(adversary: Adversary) -> None:
    torch.manual_seed(77)
    expected = torch.rand(3)
    torch.manual_seed(77)
    again, other = Adversary(0, CPU), Adversary(1, CPU)
    assert torch.equal(torch.rand(3), expected)
    results, photos = pictures(), pictures(1)
    assert torch.equal(again.loss(results, photos), adversary.loss(results, photos))
    assert not torch.equal(other.loss(results, photos), adversary.loss(results, photos))


def test_it_continues_from_its_state(adversary: Adversary) -> None:
    other = Adversary(1, CPU)
    photos, results = pictures(), pictures(1)
    adversary.step(adversary.loss(results, photos), Alone())
    other.restore(copy.deepcopy(adversary.state()))
    for _ in range(2):
        first, second = (a.loss(results, photos) for a in (adversary, other))
        assert torch.equal(first, second)
        adversary.step(first, Alone())
        other.step(second, Alone())
