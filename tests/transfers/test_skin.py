"""Where skin is, and what a transfer makes of it."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from photostyle.features.scene_parser import KINDS
from photostyle.registry import load_parser
from photostyle.transfers import LossWeights, TransferConfig, job
from photostyle.transfers.scene_kinds import kinds_of_places
from photostyle.transfers.segments import single_segment
from photostyle.transfers.skin import skin_of, without_skin

PERSON, SKY = KINDS.index("person"), KINDS.index("sky")
SKIN, SKY_BLUE, GREEN = (0.85, 0.65, 0.55), (0.3, 0.5, 0.9), (0.2, 0.55, 0.2)


class PersonAtTheLeft(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(8.0), requires_grad=False)

    def forward(self, photo):
        height, width = (-(-side // 8) for side in photo.shape[2:])
        logits = torch.zeros(1, len(KINDS), height, width)
        # The parser is asked about the mirror image, too.
        warmth = (photo[0, 0] - photo[0, 2]).mean(0)
        known = warmth[0] > warmth[-1]
        half = slice(0, width // 2) if known else slice(width - width // 2, width)
        logits[:, SKY], logits[:, PERSON, :, half] = self.scale, 2 * self.scale
        return logits


def photo(*colours, height=64, width=96):
    """Columns of colours, with some grain."""
    picture = np.zeros((height, width, 3), np.float32)
    for part, colour in zip(np.array_split(np.arange(width), len(colours)), colours, strict=True):
        picture[:, part] = colour
    noise = np.random.default_rng(0).normal(0, 0.01, picture.shape)
    return (picture + noise).clip(0, 1).astype(np.float32)


def skin_in(picture, parser=None):
    return skin_of(picture, kinds_of_places(picture, parser or PersonAtTheLeft()))


def test_skin_is_of_a_person_and_of_its_colours():
    picture = photo(SKIN, GREEN, SKY_BLUE, SKY_BLUE)
    picture[:20, 72:] = np.multiply(SKIN, 0.9)  # a wall of that colour, where nobody is
    skin = skin_in(picture)
    assert skin.shape == picture.shape[:2]
    assert skin.dtype == np.float32
    assert skin[:, :20].mean() > 0.95
    assert skin[:, 26:].max() < 0.05


@pytest.mark.parametrize("size", [(16, 20), (33, 47), (500, 700)])
def test_photos_of_any_size(size):
    picture = photo(SKIN, SKY_BLUE, height=size[0], width=size[1])
    skin = skin_in(picture)
    assert skin.shape == size
    assert skin[:, : size[1] // 4].mean() > 0.9
    assert skin[:, -size[1] // 4 :].max() < 0.1


@pytest.mark.parametrize("shade", [0.3, 0.6, 1.0])
def test_skin_of_any_shade(shade):
    assert skin_in(photo(np.multiply(SKIN, shade), SKY_BLUE))[:, :40].mean() > 0.9


def test_a_landscape_has_none(landscape):
    assert skin_in(landscape(240, 352), load_parser()).mean() < 0.01


def chroma_of(result):
    lab = cv2.cvtColor(result.photo.floats()[:, :40], cv2.COLOR_RGB2LAB)
    return lab[..., 1].mean(), lab[..., 2].mean()


def test_a_face_does_not_turn_blue(monkeypatch):
    monkeypatch.setattr(job, "load_parser", PersonAtTheLeft)
    content, style = photo(SKIN, GREEN), photo(SKY_BLUE, (0.1, 0.15, 0.4))
    results = {
        keep: job.transfer(
            content,
            style,
            config=TransferConfig(size=96, segment="none", keep_skin=keep, device="cpu"),
        )
        for keep in (True, False)
    }
    assert min(chroma_of(results[True])) > 1
    assert chroma_of(results[False])[1] < -20
    free = TransferConfig(
        size=96, segment="none", weights=LossWeights(skin=0), device="cpu", iterations=130
    )
    np.testing.assert_array_equal(
        job.transfer(content, style, config=free).photo.pixels, results[False].photo.pixels
    )


def test_masks_have_the_last_word_unless_told_otherwise(monkeypatch):
    asked = []
    monkeypatch.setattr(job, "load_parser", lambda: asked.append(1) or PersonAtTheLeft())
    content, style = photo(SKIN, GREEN), photo(SKY_BLUE, (0.1, 0.15, 0.4))
    masks = {"content_mask": np.zeros((64, 96, 3), np.uint8)}
    masks["style_mask"] = masks["content_mask"]
    free, kept = (
        job.transfer(
            content, style, config=TransferConfig(size=96, device="cpu", keep_skin=keep), **masks
        )
        for keep in (None, True)
    )
    assert len(asked) == 2  # for content and style, where it was told
    assert chroma_of(free)[1] < -20
    assert chroma_of(kept)[1] > 0


def test_a_grey_style_makes_grey_skin(monkeypatch):
    monkeypatch.setattr(job, "load_parser", PersonAtTheLeft)
    config = TransferConfig(size=96, segment="none", device="cpu")
    result = job.transfer(photo(SKIN, GREEN), photo((0.7,) * 3, (0.2,) * 3), config=config)
    assert np.abs(chroma_of(result)).max() < 4


def test_other_solvers_do_not_look_for_skin(monkeypatch):
    monkeypatch.setattr(job, "skin_of", None)
    config = TransferConfig(solver="mkl", segment="none")
    assert job.transfer(photo(SKIN, GREEN), photo(SKY_BLUE), config=config).photo.pixels.size


def left_and_right(columns):
    """A photo of 4 x 10 places, of which columns from the left show skin."""
    skin = np.zeros((4, 10), np.float32)
    skin[:, :columns] = 1
    return skin


def parts_without_skin(ours, theirs):
    photo = np.zeros((4, 10, 3), np.float32)
    return without_skin(single_segment(photo, photo), left_and_right(ours), left_and_right(theirs))


def test_skin_is_left_out_of_what_a_landscape_colours():
    (part,) = parts_without_skin(3, 0).parts
    assert len(part.content) == 28
    assert (part.content % 10 >= 3).all()
    assert len(part.style) == 40


@pytest.mark.parametrize(("ours", "theirs"), [(9, 0), (3, 5), (0, 0)])
def test_skin_stays_where_the_style_has_some_or_little_else_is_left(ours, theirs):
    (part,) = parts_without_skin(ours, theirs).parts
    assert len(part.content) == 40
