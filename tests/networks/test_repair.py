from __future__ import annotations

import pytest
import torch

from photostyle.networks import RepairGenerator


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (33, 50)])
def test_a_new_network_is_the_identity(size):
    photos = torch.rand(2, 3, *size)
    torch.testing.assert_close(RepairGenerator()(photos), photos)


def test_what_is_seen_does_not_depend_on_what_is_far():
    torch.manual_seed(0)
    network = RepairGenerator((8, 8, 8), (1, 1, 1), (1, 1))
    torch.nn.init.normal_(network.tail.weight)
    photo = torch.rand(1, 3, 64, 256)
    other = photo.clone()
    other[..., 192:] = 0
    assert torch.equal(network(photo)[..., :64], network(other)[..., :64])


def test_every_weight_learns():
    torch.manual_seed(0)
    network = RepairGenerator((8, 8), (1, 1), (1,))
    torch.nn.init.normal_(network.tail.weight)
    network(torch.rand(1, 3, 32, 32)).square().mean().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.parameters())


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (((32, 64), (1, 2, 3), (2,)), "encoder_blocks"),
        (((32, 64), (1, 2), (2, 2)), "decoder_blocks"),
        (((32, 0), (1, 2), (2,)), "widths"),
        (((32, 6.5), (1, 2), (2,)), "widths"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, name):
    with pytest.raises(ValueError, match=name):
        RepairGenerator(*arguments)
