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
    network = ToneGenerator(4)
    torch.nn.init.normal_(network.tail.weight)
    network(torch.rand(1, 3, 256, 256)).square().mean().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.parameters())


@pytest.mark.parametrize("arguments", [{"width": 0}, {"depth": 2.5}, {"width": True}])
def test_what_does_not_fit_is_refused(arguments):
    with pytest.raises(ValueError, match="must be a positive integer"):
        ToneGenerator(**arguments)
