"""The classes of ADE20K, put together to the kinds of the scene parser."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from photostyle.features import AdeKinds, SceneParser, UperNet
from photostyle.features.ade_kinds import CLASSES_OF
from photostyle.features.scene_parser import KINDS
from photostyle.features.upernet import CLASSES

WALL, SKY, CEILING, BOTTLE = 0, 2, 5, 98


class Bands(nn.Module):
    """Says sky in the upper half of a photo, and below how likely three classes are."""

    def forward(self, photo: Tensor) -> Tensor:
        height, width = (side // 4 for side in photo.shape[2:])
        chances = torch.full((len(photo), CLASSES, height, width), 1e-9)
        chances[:, SKY, : height // 2] = 1
        for index, share in {WALL: 0.3, CEILING: 0.3, BOTTLE: 0.4}.items():
            chances[:, index, height // 2 :] = share
        return chances.log()


def test_every_class_has_one_kind() -> None:
    classes = [index for kind in CLASSES_OF.values() for index in kind]
    assert len(set(classes)) == len(classes)
    assert set(classes) < set(range(CLASSES))
    assert CLASSES_OF.keys() < set(KINDS)


def test_chances_of_a_kinds_classes_are_summed() -> None:
    parser = AdeKinds(Bands())  # type: ignore[arg-type]  # instead of a UPerNet
    shares = parser(torch.rand(1, 3, 64, 96)).exp()
    assert shares.shape == (1, len(KINDS), 8, 12)
    torch.testing.assert_close(shares.sum(1), torch.ones(1, 8, 12), atol=1e-4, rtol=0)
    assert (shares[:, KINDS.index("sky"), :3] > 0.99).all()
    below = shares[0, :, 6, 0]
    assert below[KINDS.index("indoor wall")].item() == pytest.approx(0.6, abs=1e-3)
    assert below[KINDS.index("object")].item() == pytest.approx(0.4, abs=1e-3)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (80, 35)])
def test_maps_have_the_size_of_a_scene_parsers(size: tuple[int, int]) -> None:
    network = UperNet((4, 4, 4, 4), (1, 1, 1, 1), head=4).eval()
    photo = torch.rand(2, 3, *size)
    with torch.inference_mode():
        assert AdeKinds(network)(photo).shape == SceneParser().eval()(photo).shape
