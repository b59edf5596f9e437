from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from photostyle.image.jpeg_tail import lost_tail

FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x10mdatframes!"


def jpeg(**options) -> bytes:
    """A file of noise, full of bytes that begin markers elsewhere."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 70, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=98, **options)
    return file.getvalue()


JPEG = jpeg()


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"exif": b"Exif\0\0" + JPEG}],
    ids=["plain", "progressive", "restarts", "thumbnail"],
)
def test_padding_is_no_loss_and_a_film_is(options):
    data = jpeg(**options)
    for padding in (b"", b"\0", bytes(5000), b"\xff" * 7, b"\r\n", b"\0\0\n"):
        assert lost_tail(data + padding) is None
    assert f"(a film; {len(FILM)} bytes" in lost_tail(data + FILM)


@pytest.mark.parametrize(
    ("tail", "told", "words"),
    [
        (JPEG, 0, "a further picture"),
        (bytes(9) + JPEG + bytes(9) + JPEG, 0, "2 further pictures"),
        (FILM, 0, "a film"),
        (b"MotionPhoto_Data" + FILM, 0, "a film"),
        (JPEG + FILM, 0, "a further picture and a film"),
        (JPEG + FILM, 1, "a film"),
        (JPEG + JPEG, 1, "a further picture"),
        (b"AXS!" + bytes(8), 0, "data that only some programs understand"),
        (JPEG + b"SEFT", 0, "a further picture and data that only some programs understand"),
        (JPEG[:-2], 0, "a further picture"),
    ],
)  # fmt: skip
def test_what_follows_is_told_by_its_kind(tail, told, words):
    assert lost_tail(JPEG + tail, told) == (
        f"what its file holds behind the photo is not kept ({words}; {len(tail):,} bytes in all)"
    )


def test_pictures_that_were_told_of_already_are_not_told_again():
    assert lost_tail(JPEG + bytes(3) + JPEG + JPEG, 2) is None
    assert lost_tail(JPEG, 2) is None


def test_fill_bytes_may_stand_before_a_marker():
    filled = re.sub(rb"\xff(?=[\xdb\xda\xd9])", lambda _: b"\xff" * 3, JPEG)
    assert len(filled) > len(JPEG)
    assert lost_tail(filled) is None
    assert "a film" in lost_tail(filled + FILM)


def test_nothing_follows_a_picture_that_does_not_end():
    for end in range(3, len(JPEG), 97):
        assert lost_tail(JPEG[:end]) is None
    assert lost_tail(b"\xff\xd8\xff\xe0\0\1" + FILM) is None
