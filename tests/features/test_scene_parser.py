"""The scene parser: shapes, size, where it knows that places are, gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from photostyle.features.encoder import CHANNELS, SLOPE
from photostyle.features.scene_parser import KINDS, SceneParser, _position


def make_parser(seed: int = 0, symmetric: tuple[int, ...] = ()) -> SceneParser:
    """A parser whose weights keep the signal's strength, symmetric along dimensions of kernels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parser = SceneParser().eval()
        for module in parser.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, SLOPE)
    with torch.no_grad():
        for module in parser.modules():
            if isinstance(module, nn.Conv2d):
                for dimension in symmetric:
                    module.weight.copy_((module.weight + module.weight.flip(dimension)) / 2)
    return parser


@pytest.fixture(scope="module")
def parser() -> SceneParser:
    return make_parser()


def photos(count: int, height: int, width: int) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("height", "width"), [(32, 32), (33, 41), (63, 32), (64, 48), (50, 97), (39, 71)]
)
def test_says_something_of_every_eighth_place(parser: SceneParser, height: int, width: int) -> None:
    with torch.inference_mode():
        logits = parser(photos(2, height, width))
    assert logits.shape == (2, len(KINDS), -(-height // 8), -(-width // 8))
    assert logits.isfinite().all()


def test_kinds_have_names_of_their_own() -> None:
    assert len(set(KINDS)) == len(KINDS) == 15


def test_other_widths_and_kinds() -> None:
    parser = SceneParser([[4], [6], [6], [8]], (10, 12), 3).eval()
    assert parser(photos(1, 40, 48)).shape == (1, 3, 5, 6)


def test_has_fewer_than_2_6_million_parameters(parser: SceneParser) -> None:
    assert sum(parameter.numel() for parameter in parser.parameters()) < 2_600_000
    assert parser.encoder.widths == [scale[-1] for scale in CHANNELS]


def test_photos_of_a_batch_do_not_see_each_other(parser: SceneParser) -> None:
    batch = photos(3, 40, 56)
    with torch.inference_mode():
        together, alone = parser(batch), torch.cat([parser(photo[None]) for photo in batch])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)
    assert (together[0] - together[1]).abs().max() > 0.1


def test_position_is_height_and_distance_from_the_middle() -> None:
    planes = _position(torch.zeros(2, 5, 4, 6, dtype=torch.float64))
    assert planes.shape == (2, 2, 4, 6)
    assert planes.dtype == torch.float64
    height, distance = planes[1]
    across = torch.tensor([2, 0, -2, -2, 0, 2]) / 3
    expected = torch.tensor([-0.75, -0.25, 0.25, 0.75]).double()[:, None].expand(4, 6)
    torch.testing.assert_close(height, expected)
    torch.testing.assert_close(distance, across.double().expand(4, 6), rtol=0, atol=1e-6)
    assert torch.equal(planes[0], planes[1])


@pytest.mark.parametrize("width", [1, 2, 7, 44])
def test_position_is_symmetric_and_within_one(width: int) -> None:
    planes = _position(torch.zeros(1, 1, 9, width))
    torch.testing.assert_close(planes, planes.flip(3))
    torch.testing.assert_close(planes[:, 0], -planes[:, 0].flip(1))
    assert planes.abs().max() <= 1


def test_symmetric_weights_say_the_mirrored_of_a_mirrored_photo() -> None:
    # Nothing but the weights tells left from right, where every scale has an even width.
    parser = make_parser(1, symmetric=(3,))
    photo = photos(1, 50, 96)
    with torch.inference_mode():
        logits, mirrored = parser(photo), parser(photo.flip(3)).flip(3)
    torch.testing.assert_close(mirrored, logits, rtol=1e-3, atol=1e-4)
    assert (logits - logits.flip(3)).abs().max() > 0.1


def test_height_in_the_photo_tells_above_from_below() -> None:
    parser = make_parser(1, symmetric=(2,))
    photo = photos(1, 96, 50)
    with torch.inference_mode():
        logits, turned = parser(photo), parser(photo.flip(2)).flip(2)
        assert (logits - turned).abs().max() > 0.1
        weights = parser.get_parameter("down.0.0.weight")
        weights[:, -2] = 0  # what the plane of heights is multiplied with
        logits, turned = parser(photo), parser(photo.flip(2)).flip(2)
    torch.testing.assert_close(turned, logits, rtol=1e-3, atol=1e-4)


def test_the_whole_photo_is_seen_from_every_place(parser: SceneParser) -> None:
    photo = photos(1, 64, 64).requires_grad_()
    parser(photo)[:, :, 0, 0].square().sum().backward()
    assert photo.grad is not None
    assert (photo.grad.abs().amax(1) > 0).float().mean() > 0.999


def test_gradients_reach_all_parameters() -> None:
    # At 96 pixels the coarsest scale is just wide enough for every tap of the dilated kernels.
    parser = make_parser(2)
    parser(photos(2, 96, 96)).square().sum().backward()
    for name, parameter in parser.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).float().mean() > 0.99, name
