from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile

from photostyle.image.geotiff import georeference
from photostyle.image.tiff import encode_tiff
from photostyle.image.tiff_directory import first_directory

KEYS = (1, 1, 0, 3, 1024, 0, 1, 1, 1026, 34737, 9, 0, 3072, 0, 1, 32633)
EXTRA = [
    (33550, "d", 3, (0.5, 0.25, 0.0), True),
    (33922, "d", 6, (0, 0, 0, 440_720.125, 100_000.0, 0), True),
    (34264, "d", 16, tuple(float(i) / 3 for i in range(16)), True),
    (34735, "H", len(KEYS), KEYS, True),
    (34736, "d", 2, (6_378_137.0, 298.25), True),
    (34737, "s", 0, "WGS84 33|", True),
]
PIXELS = np.zeros((5, 6, 3), np.uint8)


def tiff(extra, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, PIXELS, photometric="rgb", extratags=extra, metadata=None, **options)
    return file.getvalue()


def fields_of(data: bytes, notes=None):
    return georeference(first_directory(data), [] if notes is None else notes)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("written", ["<", ">"])
def test_every_field_goes_round(camera_exif, order, big, written):
    notes = []
    fields = fields_of(tiff(EXTRA, byteorder=order, bigtiff=big), notes)
    data = bytes(encode_tiff(PIXELS, exif_block=camera_exif(order=written), further=fields))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.byteorder == written
        tags = file.pages[0].tags
        for number, _, _, value, _ in EXTRA:
            assert tags[number].value == value
        assert [tags[number].dtype for number in (33550, 34735, 34736, 34737)] == [12, 3, 12, 2]
        assert list(tags.keys()) == sorted(tags.keys())
    assert fields_of(data, notes) == fields
    assert notes == []


def test_a_file_that_is_not_on_a_map_has_none():
    notes = []
    assert fields_of(tiff([]), notes) == ()
    assert notes == []


@pytest.mark.parametrize(
    "damaged",
    [
        (33550, "s", 0, "abc", True),
        (34735, "I", 4, (1, 1, 0, 70_000), True),
        (34735, "d", 4, (1.0, 1.0, 0.0, 1.0), True),
        (34735, "h", 4, (1, 1, 0, -1), True),
        (34737, "H", 2, (1, 2), True),
    ],
)
def test_of_damaged_ones_none_is_kept(damaged):
    notes = []
    others = [extra for extra in EXTRA if extra[0] != damaged[0]]
    assert fields_of(tiff([*others, damaged]), notes) == ()
    assert notes == ["its coordinates of a map (GeoTIFF) are damaged and not kept"]


def test_a_single_value_is_kept():
    assert fields_of(tiff([(34736, "d", 1, 298.25, True)])) == ((34736, 12, [298.25]),)


@pytest.mark.parametrize("number", [42112, 42113])
def test_what_gdal_says_of_values_is_told(number):
    notes = []
    assert len(fields_of(tiff([*EXTRA, (number, "s", 0, "0", True)]), notes)) == len(EXTRA)
    assert notes == ["its GDAL metadata, which tell of its values before, are not kept"]
