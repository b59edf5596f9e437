"""Colour-coded masks: colours, resampling, shapes."""

import cv2
import numpy as np
import pytest

from photostyle.errors import UsageError
from photostyle.image.masks import PALETTE, check_mask_shape, colours_of, decode_labels

NAMES = list(PALETTE)


def test_all_nine_colours_are_told_apart(stripes):
    labels = decode_labels(stripes(30, 180, *NAMES), (30, 180))
    assert [NAMES[labels[15, 20 * i + 10]] for i in range(9)] == NAMES


@pytest.mark.parametrize("quality", [60, 95])
def test_resampling_and_jpeg_invent_no_segment(quality, stripes):
    clean = stripes(80, 120, "black", "white", "red", "green")
    raw = cv2.imencode(".jpg", clean[..., ::-1] * 255, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    noisy = cv2.imdecode(raw, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32) / 255
    for size in ((80, 120), (60, 90), (200, 300)):
        blurred = cv2.resize(noisy, size[::-1], interpolation=cv2.INTER_CUBIC)
        for source in (noisy, blurred):
            labels = decode_labels(source, size)
            assert {NAMES[i] for i in np.unique(labels)} == {"black", "white", "red", "green"}
            expected = decode_labels(clean, size)
            assert (labels == expected).mean() > 0.97


def test_labels_are_drawn_in_their_colours(stripes):
    painted = stripes(30, 180, *NAMES)
    assert np.array_equal(colours_of(decode_labels(painted, (30, 180))), painted)


def test_a_mask_of_another_photo_is_refused():
    photo = np.zeros((393, 700, 3), np.float32)
    check_mask_shape(np.zeros((394, 700, 3), np.float32), photo, "content")
    check_mask_shape(np.zeros((6, 10, 3), np.float32), photo, "content")
    with pytest.raises(
        UsageError, match="content mask is 700x468 but the content photo is 700x393"
    ):
        check_mask_shape(np.zeros((468, 700, 3), np.float32), photo, "content")
