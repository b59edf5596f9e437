from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from photostyle.networks import DeconvolutionGenerator
from photostyle.networks.cepstra import windows
from photostyle.networks.deconvolution import _unshuffled
from photostyle.networks.wiener import REACH

SMALL = {"width": 8, "blocks": 1, "hidden": 8}


def active(seed=0):
    """A generator whose every layer does something."""
    torch.manual_seed(seed)
    network = DeconvolutionGenerator(**SMALL)
    for layer in (network.blur, network.advice, network.tail):
        torch.nn.init.normal_(layer.weight, std=0.05)
    return network


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (33, 50), (90, 130)])
def test_a_new_network_is_the_identity(size):
    photos = torch.rand(2, 3, *size)
    torch.testing.assert_close(DeconvolutionGenerator(**SMALL)(photos), photos)


def test_blurs_are_symmetric_shares_of_light():
    blur = active().look(windows(torch.rand(3, 3, 100, 80))).blur
    assert blur.kernel.shape == (3, 2 * REACH + 1, 2 * REACH + 1)
    assert blur.noise.shape == (3, 2)
    torch.testing.assert_close(blur.kernel.sum(dim=(1, 2)), torch.ones(3))
    torch.testing.assert_close(blur.kernel, blur.kernel.flip(1, 2))
    assert blur.kernel.min() >= 0


def test_a_new_network_can_learn_any_blur():
    blur = DeconvolutionGenerator(**SMALL).look(windows(torch.rand(1, 3, 60, 60))).blur
    assert blur.kernel.min() > 1e-13
    assert blur.kernel[0, REACH, REACH] == blur.kernel.max()


def test_a_blur_that_was_told_is_the_one_undone():
    network, photo = active(), torch.rand(1, 3, 100, 100)
    own = network.look(windows(photo))
    assert torch.equal(network(photo), network(photo, own))
    noisier = replace(own, blur=replace(own.blur, noise=own.blur.noise + 3))
    advised = replace(own, advice=own.advice + 1)
    for other in (noisier, advised):
        assert (network(photo) - network(photo, other)).abs().max() > 1e-3


def test_parts_are_as_the_whole_where_they_know_it():
    network, photo = active(), torch.rand(1, 3, 256, 256)
    sight = network.look(windows(photo))
    whole, part = network(photo, sight), network(photo[..., :192], sight)
    torch.testing.assert_close(part[..., :64], whole[..., :64], atol=4e-3, rtol=0)
    assert (whole - photo).abs().mean() > 0.02


def test_every_weight_learns():
    network = active()
    network(torch.rand(1, 3, 64, 64)).square().mean().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_unshuffling_is_that_of_torch():
    photos = torch.rand(2, 6, 16, 24)
    assert torch.equal(_unshuffled(photos), F.pixel_unshuffle(photos, 4))
    assert _unshuffled(photos).is_contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        assert _unshuffled(photos).dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["width", "blocks", "hidden"])
@pytest.mark.parametrize("value", [0, -1, 6.5, True])
def test_what_does_not_fit_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        DeconvolutionGenerator(**{**SMALL, name: value})
