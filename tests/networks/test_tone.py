from __future__ import annotations

import pytest
import torch

from photostyle.networks import ToneGenerator


def test_a_new_network_gives_the_identity():
    grids = ToneGenerator(4, depth=5)(torch.rand(2, 3, 256, 256))
    assert grids.shape == (2, 16, 16, 5, 3, 4)
    assert torch.equal(grids, torch.eye(3, 4).expand_as(grids))


def test_every_weight_learns():
    torch.manual_seed(0)
    network = ToneGenerator(4, context=2)
    torch.nn.init.normal_(network.tail.weight)
    network(torch.rand(1, 3, 256, 256)).square().mean().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.parameters())


@pytest.mark.parametrize(
    "arguments", [{"width": 0}, {"depth": 2.5}, {"width": True}, {"context": -1}]
)
def test_what_does_not_fit_is_refused(arguments):
    with pytest.raises(ValueError, match="must be an integer of at least"):
        ToneGenerator(**arguments)


def test_new_context_changes_nothing():
    torch.manual_seed(0)
    plain = ToneGenerator(4)
    torch.nn.init.normal_(plain.tail.weight)
    grown = ToneGenerator(4, context=3)
    grown.load_state_dict(grown.state_dict() | plain.state_dict())
    photo = torch.rand(1, 3, 256, 256)
    assert torch.equal(grown(photo), plain(photo))


def test_context_reaches_far():
    torch.manual_seed(0)

    def reach(context):
        network = ToneGenerator(2, context=context)
        for weight in network.parameters():
            torch.nn.init.uniform_(weight, 0, 0.1)
        for weight in network.whole.parameters():
            torch.nn.init.zeros_(weight)
        photo = torch.rand(1, 3, 256, 256)
        other = photo.clone()
        other[..., :16] = 0
        return int((network(photo) != network(other)).any(-1).any(-1).any(-1).any(1)[0].sum())

    assert reach(0) < 8
    assert reach(3) == 16
