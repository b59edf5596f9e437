from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from photostyle.errors import UsageError
from photostyle.image import PHOTO_SUFFIXES, format_of
from photostyle.image.formats import FORMATS, FormatName


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "JPEG"),
        ("a.b.JPEG", "JPEG"),
        ("ä.PNG", "PNG"),
        ("a.TiF", "TIFF"),
        ("a.webp", "WEBP"),
    ],
)
def test_the_suffix_decides_in_any_case(name, expected):
    assert format_of(name).name == expected
    assert format_of(Path("folder.png") / name).name == expected


@pytest.mark.parametrize("name", ["a", "a.gif", "a.jpg.txt", ".png", "a.heic", ""])
def test_other_names_are_a_usage_error_that_lists_the_known_ones(name):
    with pytest.raises(UsageError, match=r"\.jpg, .*\.webp"):
        format_of(name)


def test_every_format_has_its_name_and_no_suffix_belongs_to_two():
    assert tuple(FORMATS) == get_args(FormatName)
    assert len(set(PHOTO_SUFFIXES)) == len(PHOTO_SUFFIXES)
    assert all(name == format_.name for name, format_ in FORMATS.items())
