from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from photostyle.errors import UsageError
from photostyle.image import (
    PHOTO_SUFFIXES,
    RAW_SUFFIXES,
    RESULT_SUFFIXES,
    format_of,
    result_suffix,
)
from photostyle.image.encode import ENCODERS
from photostyle.image.formats import EXTRA_FORMATS, FORMATS, FormatName


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "JPEG"),
        ("a.b.JPEG", "JPEG"),
        ("ä.PNG", "PNG"),
        ("a.TiF", "TIFF"),
        ("a.webp", "WEBP"),
        ("a.avif", "AVIF"),
        ("a.HEIC", "HEIF"),
        ("a.jxl", "JXL"),
    ],
)
def test_the_suffix_decides_in_any_case(name, expected):
    assert format_of(name).name == expected
    assert format_of(Path("folder.png") / name).name == expected


@pytest.mark.parametrize("name", ["a", "a.gif", "a.jpg.txt", ".png", ""])
def test_other_names_are_a_usage_error_that_lists_the_known_ones(name):
    with pytest.raises(UsageError, match=r"\.jpg, .*\.webp.* or \.jxl"):
        format_of(name)


@pytest.mark.parametrize("name", ["a.nef", "a.DNG", "a.cr3"])
def test_raw_data_cannot_be_written_and_the_error_says_what_can(name):
    with pytest.raises(UsageError, match=r"raw data.*\.tif .*\.jpg") as caught:
        format_of(name)
    assert "\n" not in str(caught.value)


def test_results_keep_the_suffix_of_their_photo_but_for_raw_data():
    assert result_suffix("a.b.JPG") == ".JPG"
    assert result_suffix(Path("d") / "a.heic") == ".heic"
    assert result_suffix("a.NEF") == ".tif"
    assert result_suffix("notes.txt") == ".txt"


def test_every_format_has_its_name_and_an_encoder_and_no_suffix_belongs_to_two():
    formats = [*FORMATS.values(), *EXTRA_FORMATS.values()]
    assert tuple(format_.name for format_ in formats) == get_args(FormatName) == tuple(ENCODERS)
    assert len(set(PHOTO_SUFFIXES)) == len(PHOTO_SUFFIXES)
    assert all(name == format_.name for name, format_ in FORMATS.items())
    assert set(PHOTO_SUFFIXES) == {*RESULT_SUFFIXES, *RAW_SUFFIXES}
