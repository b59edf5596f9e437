from __future__ import annotations

import numpy as np
import pytest
import torch

from photostyle.affine import slice_apply
from photostyle.networks import ConditionalToneGenerator
from photostyle.networks.conditional_tone import SIDE
from photostyle.networks.recolour import colour_moments, least_change
from photostyle.networks.tone_match import tone_quantiles

LOOKS = ["dusk", "dusk:back"]


def made(seed=0, scale=0.1, **params):
    """A small network that does something, with other colours for each look."""
    torch.manual_seed(seed)
    network = ConditionalToneGenerator(LOOKS, **{"width": 2, "depth": 3} | params)
    torch.nn.init.normal_(network.tail.weight, std=scale)
    for index in range(len(LOOKS)):
        network.look(index).imitate(torch.rand(3, 9, 9) * (1 + index) / 2)
        torch.nn.init.normal_(network.look(index).own_maps, std=scale)
    return network


def photo(seed=0, side=SIDE):
    torch.manual_seed(seed)
    return 0.6 * torch.rand(1, 3, side, side) + 0.2


def applied(grid, picture):
    image = picture[0].permute(1, 2, 0).contiguous()
    return slice_apply(image, torch.ones_like(image[..., :1]), grid).permute(2, 0, 1)[None]


def test_a_new_network_gives_mean_and_covariance_of_the_look():
    network = ConditionalToneGenerator(["dusk"], 2, depth=5)
    style = 0.5 * photo(1) + 0.1
    network.look(0).imitate(style[0])
    grids = network(photo())
    assert grids.shape == (1, 16, 16, 5, 3, 4)
    assert torch.equal(grids, grids[:, :1, :1].expand_as(grids))
    result = applied(grids, photo())
    for found, wanted in zip(colour_moments(result), colour_moments(style), strict=True):
        assert torch.allclose(found, wanted, atol=5e-3)


def test_a_photo_that_has_the_colours_of_a_new_look_stays():
    network = ConditionalToneGenerator(["dusk"], 2)
    network.look(0).imitate(photo()[0])
    assert torch.allclose(applied(network(photo()), photo()), photo(), atol=1e-4)


@pytest.mark.parametrize("lights", [True, False])
def test_the_ends_of_luma_come_near_those_of_the_look(lights):
    # Mean and covariance of a photo that is dark but for a few lights, or the reverse, say little.
    network = ConditionalToneGenerator(["dusk"], 2)
    network.look(0).imitate(photo(1)[0])
    uneven = 0.1 + 0.1 * photo()
    uneven[..., :8] = 0.9
    uneven = uneven if lights else 1 - uneven
    _, covariance = colour_moments(uneven)
    straight = least_change(covariance, network.look(0).covariance)[0]
    mean = uneven.mean((0, 2, 3))
    free = (straight @ (uneven[0].flatten(1) - mean[:, None]) + 0.5)[None, :, None]
    end = -2 if lights else 1
    wanted, found, before = (
        tone_quantiles(each)[0, end] for each in (photo(1), applied(network(uneven), uneven), free)
    )
    assert (found - wanted).abs() < 0.6 * (before - wanted).abs()
    assert (before - wanted).abs() > 0.15


def test_a_new_look_gives_tones():
    network = ConditionalToneGenerator(["dusk"], 2, depth=8)
    # There is more of the dark.
    luma = torch.linspace(0, 1, 40 * 40).reshape(40, 40) ** 2 * 0.8 + 0.1
    tint = torch.tensor([0.3, -0.05, -0.5])[:, None, None] * (luma - 0.4)
    network.look(0).imitate(luma + tint)
    evenly = 0.2 + 0.6 * torch.linspace(0, 1, SIDE).expand(1, 3, SIDE, SIDE)
    result = applied(network(evenly), evenly)
    straight = least_change(colour_moments(evenly)[1], network.look(0).covariance)[0]
    mean, wanted = evenly.mean((0, 2, 3)), (luma + tint).flatten(1)
    linear = (straight @ (evenly[0].flatten(1) - mean[:, None])) + wanted.mean(1)[:, None]
    shares = torch.linspace(0.05, 0.95, 19)
    errors = [
        (torch.quantile(each, shares, 1) - torch.quantile(wanted, shares, 1)).abs().mean()
        for each in (result[0].flatten(1), linear)
    ]
    assert errors[0] < 0.5 * errors[1]


def test_a_matched_look_gives_all_colours_whatever_the_network_does():
    network = made(depth=5)
    ramp = torch.linspace(0, 1, SIDE)
    plane = torch.stack([ramp.expand(SIDE, SIDE), ramp[:, None].expand(SIDE, SIDE)])
    smooth = 0.2 + 0.6 * torch.cat([plane, plane.mean(0, keepdim=True)])[None]
    # Two colours: mean and covariance alone give what lies between them, too.
    levels = torch.where(photo(1, 40)[0, :1] > 0.4, 0.7, 0.2)
    style = levels * torch.tensor([1, 0.8, 0.5])[:, None, None]
    found = {}
    for matched in (False, True):
        network.look(0).imitate(style, matched=matched)
        shares = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
        result = applied(network(smooth), smooth)[0].flatten(1)
        wanted = torch.quantile(style.flatten(1), shares, 1)
        found[matched] = (torch.quantile(result, shares, 1) - wanted).abs().mean()
    # Between the two, some smooth offsets must lie.
    assert found[True] < 0.55 * found[False]


@pytest.mark.parametrize("matched", [False, True])
def test_a_look_of_black_and_white_leaves_no_colours(matched):
    network = made(depth=5)
    assert np.ptp(applied(network(photo()), photo()).detach().numpy(), axis=1).max() > 0.1
    network.look(0).imitate(photo(1)[0].mean(0, keepdim=True).expand(3, -1, -1), matched=matched)
    result = applied(network(photo()), photo()).detach().numpy()
    assert np.ptp(result, axis=1).max() < 1e-3
    assert result.std() > 0.1


def test_a_matched_look_teaches_its_slopes():
    network = made()
    network.look(0).imitate(photo(1)[0], matched=True)
    applied(network(photo()), photo()).square().mean().backward()
    assert network.tail.weight.grad.abs().sum() > 0
    assert network.look(0).last_scale.grad.abs().sum() > 0


def test_looks_differ_by_their_normalisation_alone():
    network = made()
    first, second = network(photo(), 0), network(photo(), 1)
    assert not torch.allclose(first, second, atol=1e-2)
    network.looks[1].load_state_dict(network.looks[0].state_dict())
    assert torch.equal(network(photo(), 1), first)


def test_exposure_and_contrast_of_the_photo_make_no_difference():
    # Maps differ, for they undo the difference; results hardly do.
    network = made(scale=0, depth=16)
    curve = torch.zeros(16, 3, 4)
    curve[..., 3] = torch.linspace(-1, 1, 16)[:, None] ** 2
    network.look(0).last_shift.data.copy_(0.1 * curve.flatten())
    bright = 0.5 * photo() + 0.4
    results = [applied(network(each), each) for each in (photo(), bright)]
    assert (results[0] - results[1]).abs().mean() < 0.1 * (results[0] - photo()).abs().mean()
    assert (results[0] - photo()).abs().mean() > 0.1


@pytest.mark.parametrize("side", [SIDE, 2 * SIDE])
def test_thumbnails_of_other_sizes_give_the_same(side):
    large = photo().repeat_interleave(side // SIDE, 2).repeat_interleave(side // SIDE, 3)
    assert torch.allclose(made()(large), made()(photo()), atol=1e-4)


def test_photos_of_a_batch_do_not_mix():
    network = made()
    both = network(torch.cat([photo(0), photo(1) ** 2]))
    assert torch.allclose(both[1:], network(photo(1) ** 2), atol=1e-4)


def test_one_look_alone_has_the_interface_of_a_tone_generator():
    network = made()
    assert torch.equal(network.of("dusk:back")(photo()), network(photo(), 1))


def test_every_weight_of_the_look_and_every_shared_one_learns():
    network = made()
    network(photo(), 1).square().mean().backward()
    for name, weight in network.named_parameters():
        learns = weight.grad is not None and weight.grad.abs().sum() > 0
        # What a normalisation takes away again has no effect.
        if name.startswith("looks.0") or name.endswith("bias"):
            continue
        assert learns, name
    assert all(weight.grad is None for weight in network.looks[0].parameters())


@pytest.mark.parametrize("width", [1, 4])
def test_a_look_mixes_the_channels_in_which_photos_differ_most(width):
    network = made(width=width)
    before = network(photo(), 1)
    network.take_channels(torch.cat([photo(), photo(1)]), 1)
    own = network.look(1)
    assert len(own.own_channels) == min(8, 4 * width)
    product = own.own_channels @ own.own_channels.T
    assert torch.allclose(product, torch.eye(len(product)), atol=1e-5)
    with torch.no_grad():
        features = network._features(torch.cat([photo(), photo(1)]), own)
    apart = (features - features.mean((2, 3), keepdim=True)).transpose(0, 1).flatten(1)
    most = torch.linalg.eigvalsh(apart @ apart.T)[-len(product) :].sum()
    assert torch.allclose((own.own_channels @ apart).square().sum(), most, rtol=1e-4)
    # What is mixed otherwise does something else.
    assert not torch.allclose(network(photo(), 1), before, atol=1e-4)


def test_looks_are_a_small_part_of_the_weights():
    network = ConditionalToneGenerator(LOOKS)
    own = sum(weight.numel() for weight in network.looks.parameters())
    assert own < 0.05 * sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize("arguments", [{"width": 0}, {"depth": 1}, {"depth": 2.5}, {"width": True}])
def test_what_does_not_fit_is_refused(arguments):
    with pytest.raises(ValueError, match="must be an integer of at least"):
        ConditionalToneGenerator(LOOKS, **arguments)


@pytest.mark.parametrize("looks", [[], [""], ["a", "a"], "dusk", [1], None])
def test_looks_need_names(looks):
    with pytest.raises(ValueError, match="looks must be a list of names"):
        ConditionalToneGenerator(looks)
