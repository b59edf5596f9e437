"""The paper's objective and stages, on thin networks of VGG-19's shape with random weights."""

import numpy as np
import pytest
import torch
from torch import nn

from photostyle.errors import PhotostyleError
from photostyle.features import Vgg19
from photostyle.laplacian import MattingLaplacian
from photostyle.transfers import TransferConfig, luan
from photostyle.transfers.layer_scales import (
    CONTENT_DISTANCE,
    CONTENT_LAYER,
    GRAM_DISTANCES,
    GREY,
    layer_scales,
)
from photostyle.transfers.luan import fit_gatys, fit_luan
from photostyle.transfers.luan_objective import LuanObjective
from photostyle.transfers.pixel_descent import descend
from photostyle.transfers.segments import Segment, Segments, segments_from_masks, single_segment

THIN = (4, 4, 0, 6, 6, 0, 8, 8, 8, 8, 0, 8, 8, 8, 8, 0, 8)
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def network():
    """A thin VGG-19 whose maps neither die nor explode."""
    torch.manual_seed(0)
    thin = Vgg19(THIN).eval()
    for layer in thin.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return thin.requires_grad_(False)


@pytest.fixture(scope="module")
def pair(landscape):
    """A content and a style, each 40 x 48, and a left and a right segment of both."""
    content, style = landscape(40, 48), landscape(40, 48, sky="dusk", seed=1)
    mask = np.zeros((40, 48, 3), np.float32)
    mask[:, 24:] = 1
    return content, style, segments_from_masks(content, style, mask, mask)


def planes(image):
    return torch.from_numpy(image).permute(2, 0, 1)[None].contiguous()


def halves(height, width):
    """`1 2 H W`: the left and the right half."""
    shares = torch.zeros(1, 2, height, width)
    shares[:, 0, :, : width // 2] = 1
    shares[:, 1, :, width // 2 :] = 1
    return shares


def objective_of(network, content, style, shares, style_shares, scales=None, *, photorealism=True):
    scales = scales or layer_scales(network, (content, style))
    laplacian = MattingLaplacian(content[0].contiguous()) if photorealism else None
    return LuanObjective(network, scales, content, style, shares, style_shares, laplacian)


def gradient_of(objective, image):
    image = image.clone().requires_grad_()
    return torch.autograd.grad(objective(image), image)[0]


def test_the_gradient_is_that_of_the_objective(network, landscape):
    network = network.double()
    try:
        content, style = (planes(landscape(18, 20, sky=sky)).double() for sky in ("day", "dusk"))
        shares = halves(18, 20).double()
        objective = objective_of(network, content, style, shares, shares)
        generator = torch.Generator().manual_seed(1)
        image = content + 0.1 * torch.randn(content.shape, generator=generator).double()
        gradient = gradient_of(objective, image)
        for _ in range(3):
            direction = torch.randn(content.shape, generator=generator).double()
            step = 1e-6 * direction
            difference = (objective(image + step) - objective(image - step)) / 2e-6
            torch.testing.assert_close((gradient * direction).sum(), difference, rtol=1e-5, atol=0)
    finally:
        network.float()


def test_the_objective_is_the_sum_the_paper_writes_down(network, landscape):
    content, style = planes(landscape(20, 24)), planes(landscape(24, 20, sky="dusk"))
    shares, style_shares = halves(20, 24), halves(24, 20)
    scales = dict.fromkeys((*GRAM_DISTANCES, CONTENT_LAYER), 2.0)
    image = (content + 0.1).clamp(0, 1)
    objective = objective_of(network, content, style, shares, style_shares, scales)

    maps, content_maps, style_maps = (
        {name: 2 * features[0].numpy() for name, features in network(photo).items()}
        for photo in (image, content, style)
    )
    expected = 5 * np.square(maps["relu4_2"] - content_maps["relu4_2"]).mean()
    for name in GRAM_DISTANCES:
        masks, style_masks = (network.segments(s)[name][0].numpy() for s in (shares, style_shares))
        for mask, style_mask in zip(masks, style_masks, strict=True):
            ours, theirs = (
                np.einsum("ihw,jhw->ij", m * f, m * f) / (f.size * m.mean())
                for m, f in ((mask, maps[name]), (style_mask, style_maps[name]))
            )
            expected += 100 * mask.mean() * np.square(ours - theirs).mean()
    pixels = 256 * image[0].numpy()
    for axis in (1, 2):
        expected += 1e-3 / 2 * np.square(np.diff(pixels, axis=axis)).sum()
    expected += 1e4 * MattingLaplacian(content[0]).quadratic_form(image[0])
    np.testing.assert_allclose(float(objective(image)), expected, rtol=1e-4)


def test_with_its_own_style_the_content_is_best(network, landscape):
    content = planes(landscape(20, 24))
    everywhere = torch.ones(1, 1, 20, 24)
    objective = objective_of(network, content, content, everywhere, everywhere)
    assert float(objective(content)) < 1e-3 * float(objective(torch.full_like(content, 0.5)))


def test_masks_follow_the_maps(network):
    shares = halves(37, 52)
    maps = network(torch.rand(1, 3, 37, 52))
    masks = network.segments(shares)
    assert masks.keys() == maps.keys()
    for name, features in maps.items():
        assert masks[name].shape == (1, 2, *features.shape[2:])
        assert masks[name].min() >= 0
        assert masks[name].sum(1).max() <= 1 + 1e-6
    # One convolution before relu1_1: a pixel beside the border has seen one column of three.
    np.testing.assert_allclose(masks["relu1_1"][0, 0, 5, 24:28], (1, 2 / 3, 1 / 3, 0), atol=1e-6)


@pytest.mark.parametrize("size", [(16, 19), (33, 47)])
def test_masks_fit_maps_of_any_size(network, size):
    maps, masks = network(torch.rand(1, 3, *size)), network.segments(torch.ones(1, 1, *size))
    assert all(masks[name].shape[2:] == maps[name].shape[2:] for name in maps)


def test_a_segment_takes_nothing_from_outside_its_part_of_the_style(network, landscape):
    content, style = planes(landscape(16, 64)), planes(landscape(16, 64, sky="dusk"))
    # Deeper maps see farther than these, which see 8 pixels over the border of a mask.
    scales = dict.fromkeys(GRAM_DISTANCES, 0.0) | {"relu1_1": 30.0, "relu2_1": 30.0, "relu4_2": 0}
    left = halves(16, 64)[:, :1]
    others = style.clone()
    others[..., 40:] = 1 - others[..., 40:]

    def gradient(photo, mask):
        objective = objective_of(
            network, content, photo, torch.ones_like(mask), mask, scales, photorealism=False
        )
        return gradient_of(objective, content)

    torch.testing.assert_close(gradient(style, left), gradient(others, left), rtol=0, atol=0)
    whole = torch.ones_like(left)
    assert not torch.allclose(gradient(style, whole), gradient(others, whole), atol=1e-3)


def test_a_segment_of_the_content_feels_only_its_own_style(network, landscape):
    """The gradient of style far inside a segment does not change with the other's style."""
    content, style = planes(landscape(16, 160)), planes(landscape(16, 160, sky="dusk"))
    scales = dict.fromkeys(GRAM_DISTANCES, 0.0) | {"relu1_1": 30.0, "relu2_1": 30.0, "relu4_2": 0}
    shares = halves(16, 160)
    others = style.clone()
    others[..., 100:] = 1 - others[..., 100:]
    before, after = (
        gradient_of(
            objective_of(network, content, photo, shares, shares, scales, photorealism=False),
            content,
        )
        for photo in (style, others)
    )
    torch.testing.assert_close(before[..., :70], after[..., :70], rtol=0, atol=1e-6)
    assert (before[..., 90:] - after[..., 90:]).abs().max() > 1e-3


def test_first_losses_are_those_of_the_caffe_weights(network, landscape):
    photos = [planes(landscape(40, 48, sky=sky)) for sky in ("day", "dusk")]
    scales = layer_scales(network, photos)
    grey = torch.tensor(GREY).view(1, 3, 1, 1).expand(1, 3, 40, 48)
    everywhere = network.segments(torch.ones(1, 1, 40, 48))
    found = dict.fromkeys(scales, 0.0)
    for photo in photos:
        maps, grey_maps = network(photo), network(grey)
        for name, scale in scales.items():
            ours, theirs = (scale * m[name][0].flatten(1) for m in (maps, grey_maps))
            if name == CONTENT_LAYER:
                found[name] += float((ours - theirs).square().mean()) / 2
            else:
                mask = everywhere[name][0].flatten(1)
                grams = [
                    (mask * f) @ (mask * f).T / (f.numel() * mask.mean()) for f in (ours, theirs)
                ]
                found[name] += float((grams[0] - grams[1]).square().mean()) / 2
    assert found == pytest.approx(GRAM_DISTANCES | {CONTENT_LAYER: CONTENT_DISTANCE}, rel=1e-3)


def test_the_objective_falls(network, pair):
    content, style, segments = pair
    problem = luan._Problem(content, style, segments, CPU, network)
    for photorealism in (False, True):
        objective = problem.objective(photorealism=photorealism)
        start = problem._content + 0.05 * torch.randn(
            problem._content.shape, generator=torch.Generator().manual_seed(0)
        )
        values = [float(objective(start))]
        for iterations in (4, 16):
            image = descend(objective, start, iterations, lambda _: None, "style")
            values.append(float(objective(image)))
        assert values[2] < values[1] < values[0]
        assert values[2] < 0.5 * values[0]


def test_two_stages_in_order_and_the_second_is_more_photographic(network, pair):
    content, style, segments = pair
    config = TransferConfig(solver="luan", iterations=12, device="cpu")
    reports = []
    look = fit_luan(content, style, segments, config, CPU, reports.append, network)
    assert [(r.stage, r.done, r.total) for r in reports] == [
        (stage, step, 12) for stage in ("style", "photorealism") for step in range(1, 13)
    ]
    laplacian = MattingLaplacian(content)
    rendered = [
        np.concatenate([block for _, block in found.blocks(content, 1.0)])
        for found in (
            look,
            fit_gatys(content, style, segments, config, CPU, reports.append, network),
        )
    ]
    photographic, painted = (laplacian.quadratic_form(image) for image in rendered)
    assert photographic < 0.2 * painted
    assert {r.stage for r in reports[24:]} == {"style"}


def test_gatys_pixels_come_through_at_their_own_size(network, pair):
    content, style, segments = pair
    config = TransferConfig(solver="gatys", iterations=4, device="cpu")
    problem = luan._Problem(content, style, segments, CPU, network)
    pixels = problem.stylise(config, lambda _: None)[0].permute(1, 2, 0).clamp(0, 1).numpy()
    look = fit_gatys(content, style, segments, config, CPU, lambda _: None, network)
    ((first, block),) = look.blocks(content, 1.0)
    assert first == 0
    np.testing.assert_allclose(block, pixels, atol=1e-5)
    large = np.repeat(np.repeat(content, 3, 0), 3, 1)
    ((_, block),) = look.blocks(large, 1.0)
    assert block.shape == large.shape
    np.testing.assert_allclose(block.mean((0, 1)), pixels.mean((0, 1)), atol=0.02)


def test_the_same_seed_gives_the_same_look(network, pair):
    def found(seed):
        config = TransferConfig(solver="luan", iterations=3, seed=seed)
        return fit_luan(*pair, config, CPU, lambda _: None, network).field.coefficients

    np.testing.assert_array_equal(found(1), found(1))
    assert not np.array_equal(found(1), found(2))


def test_an_objective_that_explodes_is_told_of():
    with pytest.raises(PhotostyleError, match="diverged"):
        descend(lambda image: (-image.square()).sum().exp() / 0, torch.ones(1, 3, 4, 4), 2,
                lambda _: None, "style")  # fmt: skip


def test_an_empty_segment_and_a_flat_photo_are_no_trouble(network, landscape):
    grey = np.full((20, 20, 3), 0.4, np.float32)
    day = landscape(20, 20)
    config = TransferConfig(solver="luan", iterations=3)
    nowhere = Segments((Segment(np.arange(400), np.array([], np.intp)),), None)
    for content, style, segments in (
        (grey, day, single_segment(grey, day)),
        (day, grey, single_segment(day, grey)),
        (day, day, nowhere),
    ):
        look = fit_luan(content, style, segments, config, CPU, lambda _: None, network)
        assert np.isfinite(look.field.coefficients).all()


def test_a_network_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="poolings as in VGG-19"):
        Vgg19((4, 4, 4, 0, 4))
