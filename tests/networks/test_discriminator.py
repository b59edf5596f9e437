"""The discriminator: shapes, its receptive field, and a bounded slope."""

from __future__ import annotations

import pytest
import torch

from photostyle.networks import PatchDiscriminator


def make(*widths: int) -> PatchDiscriminator:
    torch.manual_seed(0)
    return PatchDiscriminator(widths) if widths else PatchDiscriminator()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (96, 96), (50, 77)])
def test_one_score_for_each_patch(height: int, width: int) -> None:
    scores = make()(torch.rand(2, 3, height, width))
    assert scores.shape == (2, 1, height // 16, width // 16)


def test_a_score_depends_on_its_own_patch_alone() -> None:
    network = make(4, 4, 4, 4).eval()
    photo = torch.rand(1, 3, 256, 256, requires_grad=True)
    network(photo)[0, 0, 8, 8].backward()
    assert photo.grad is not None
    rows = photo.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == 78


def test_scores_change_no_faster_than_the_bound() -> None:
    network = make(8, 8)
    photo = torch.rand(4, 3, 32, 32)
    for _ in range(30):  # each call in training improves the estimate of the norms
        network(photo)
    network.eval()
    other = photo + 0.01 * torch.randn(photo.shape)
    # Each kernel, as a matrix, has norm 1; its stride lets a value be seen by 4 (or 9) windows.
    bound = 2 * 2 * 2 * 3
    change = (network(other) - network(photo)).norm() / (other - photo).norm()
    assert 0 < change < bound


def test_its_state_is_enough_to_continue() -> None:
    first, second = make(4, 8), make(4, 8)
    photo = torch.rand(2, 3, 32, 32)
    for _ in range(3):
        first(photo)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(photo), second(photo))
    assert torch.equal(first(photo), second(photo))


@pytest.mark.parametrize("widths", [(), (8, 0), (8, 2.5)])
def test_bad_widths_are_named(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="widths must be positive integers"):
        PatchDiscriminator(widths)
