from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from photostyle.image import tiff_directory

SAMPLES = np.zeros((5, 6, 3), np.uint16)


def tiff(*pictures, **options):
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=options.pop("bigtiff", False)) as writer:
        for subfiletype in pictures:
            writer.write(
                SAMPLES, photometric="rgb", subfiletype=subfiletype, metadata=None, **options
            )
    return file.getvalue()


@pytest.mark.parametrize("bigtiff", [False, True])
def test_pictures_are_counted_but_for_small_copies(bigtiff):
    for pictures, number in (((0,), 1), ((0, 0, 0), 3), ((0, 1), 1), ((1,), 1), ((0, 1, 2), 2)):
        assert tiff_directory.number_of_pictures(tiff(*pictures, bigtiff=bigtiff)) == number


def test_directories_that_lead_in_a_circle_end_somewhere():
    data = bytearray(tiff(0))
    tags = tiff_directory.first_directory(bytes(data))
    end = int.from_bytes(data[4:8], "little") + 2 + 12 * len(tags)
    data[end : end + 4] = data[4:8]
    assert tiff_directory.number_of_pictures(bytes(data)) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"resolution": (300, 150), "resolutionunit": "inch"}, (300, 150)),
        ({"resolution": (100, 200), "resolutionunit": "centimeter"}, (254, 508)),
        ({"resolution": (1, 1), "resolutionunit": "none"}, None),
    ],
)
def test_resolution(options, expected):
    tags = tiff_directory.first_directory(tiff(0, **options))
    assert tiff_directory.resolution(tags) == (expected and pytest.approx(expected))


def test_resolution_without_a_unit_is_in_inches_as_the_standard_says():
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "TIFF", x_resolution=72, y_resolution=72)
    tags = dict(tiff_directory.first_directory(file.getvalue()))
    tags.pop(296, None)
    assert tiff_directory.resolution(tags) == (72, 72)


def test_raw_data_are_told_by_their_directory():
    assert not tiff_directory.is_raw(tiff_directory.first_directory(tiff(0)))
    assert tiff_directory.is_raw(tiff_directory.first_directory(tiff(1)))
    mosaic = io.BytesIO()
    tifffile.imwrite(mosaic, SAMPLES[..., 0], photometric="cfa", metadata=None)
    assert tiff_directory.is_raw(tiff_directory.first_directory(mosaic))


def test_damage_is_a_value_error():
    data = tiff(0)
    tags = tiff_directory.first_directory(data)
    with pytest.raises(ValueError, match="ends early"):
        tiff_directory.check_complete(data[:40], {**tags, 279: (10**6,)})
    for broken in (data[:6], b"text" + data[4:]):
        with pytest.raises(ValueError, match="damaged"):
            tiff_directory.first_directory(broken)
