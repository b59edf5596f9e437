"""What skin may become: lighter and darker, not another hue."""

import cv2
import numpy as np
import pytest
import torch

from photostyle.losses.skin import SkinTone

SKIN = (70.0, 16.0, 20.0)


def patch(*colours, size=8):
    """`size size*K 3` in [0, 1]: squares of Lab colours side by side."""
    lab = np.repeat(np.tile(np.array(colours, np.float32), (size, 1, 1)), size, axis=1)
    return torch.from_numpy(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def cost(result, skin=None):
    content = patch(SKIN)
    everywhere = torch.ones(content.shape[:2]) if skin is None else skin
    return SkinTone(content, everywhere)(patch(result)).item()


@pytest.mark.parametrize("lightness", [25, 45, 70, 90])
def test_lightness_is_free(lightness):
    scale = lightness / SKIN[0]
    assert cost((lightness, scale * SKIN[1], scale * SKIN[2])) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_other_hues_cost_as_much_as_they_are_away(turn):
    angle, chroma = np.arctan2(SKIN[2], SKIN[1]) + np.radians(turn), np.hypot(*SKIN[1:])
    near, far = (
        cost((70, share * chroma * np.cos(angle), share * chroma * np.sin(angle)))
        for share in (0.3, 0.9)
    )
    assert far > near > cost(SKIN) + 5


def test_a_slight_turn_is_free():
    assert cost((70, 15.0, 21.0)) == pytest.approx(0, abs=0.05)


def test_grey_skin_costs():
    assert cost((70, 0, 0)) > 10


def test_orange_skin_costs():
    assert cost((70, 2 * SKIN[1], 2 * SKIN[2])) > 10


def test_only_skin_counts():
    left = torch.zeros(8, 8)
    left[:, :4] = 1
    content = patch(SKIN)
    tone = SkinTone(content, left)
    result = patch((50, 10, -40)).requires_grad_()
    tone(result).backward()
    assert result.grad[:, 4:].abs().max() == 0
    assert result.grad[:, :4].abs().min() > 0
    assert tone(content).item() == pytest.approx(0, abs=1e-4)
    whole = SkinTone(content, torch.ones(8, 8))
    assert tone(result).item() == pytest.approx(whole(result).item() / 2, rel=1e-4)


def test_a_photo_without_skin_costs_nothing():
    assert cost((50, 10, -40), skin=torch.zeros(8, 8)) == 0
