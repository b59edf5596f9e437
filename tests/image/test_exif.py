from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from photostyle.image import exif


def parsed(block: bytes) -> Image.Exif:
    result = Image.Exif()
    result.load(block)
    return result


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read_and_set_to_one_without_touching_anything_else(
    camera_exif, order, orientation
):
    block = camera_exif(orientation, order=order)
    assert exif.byte_order(block) == order
    assert exif.orientation(block) == orientation
    assert exif.upright(block) == camera_exif(1, order=order)


@pytest.mark.parametrize("senseless", [None, 0, 9, 65535])
def test_a_missing_or_senseless_orientation_is_none(camera_exif, senseless):
    assert exif.orientation(camera_exif(senseless)) is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_thumbnail_goes_and_the_rest_stays_where_it_was(camera_exif, order):
    block = camera_exif(order=order)
    without = exif.without_thumbnail(block)
    assert parsed(block).get_ifd(ExifTags.IFD.IFD1)
    assert not parsed(without).get_ifd(ExifTags.IFD.IFD1)
    assert b"how things were" not in without
    changed = [i for i in range(len(without)) if without[i] != block[i]]
    assert len(changed) <= 4  # the link to the second directory
    assert parsed(without).get_ifd(0x8769) == parsed(block).get_ifd(0x8769)
    assert exif.without_thumbnail(without) == without


def test_a_thumbnail_that_claims_to_lie_in_front_of_its_directory_is_only_unlinked(camera_exif):
    block = camera_exif(thumbnail=b"x" * 20)
    start = (len(block) - 20).to_bytes(4, "little")
    lying = block[:-40].replace(start, bytes(4)) + block[-40:].replace(start, bytes(4))
    assert lying != block
    without = exif.without_thumbnail(lying)
    assert len(without) == len(lying)
    assert parsed(without)[0x010F] == "Kamera AG"


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_fields_that_tell_the_size_follow_the_photo(camera_exif, order):
    block = exif.with_size(camera_exif(order=order, size=(10, 20)), 70000, 333)
    assert parsed(block)[0x0100] == 70000
    assert parsed(block).get_ifd(0x8769)[0xA002] == 70000
    assert parsed(block).get_ifd(0x8769)[0xA003] == 333


def test_a_size_too_large_for_its_field_is_left_alone(camera_exif):
    block = exif.with_size(camera_exif(size=(10, 20)), 5, 70000)
    assert parsed(block).get_ifd(0x8769)[0xA003] == 20


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_files_own_directories_become_a_block(order, big):
    file = io.BytesIO()
    pixels = np.zeros((5, 6, 3), np.uint8)
    tags = [(0x010F, "s", 0, "Kamera AG", True), (0x0112, "H", 1, 6, True)]
    tifffile.imwrite(file, pixels, byteorder=order, bigtiff=big, extratags=tags, metadata=None)
    data = file.getvalue()
    assert exif.orientation(data) == 6
    assert exif.raw_value(data, 0x010F).rstrip(b"\0") == b"Kamera AG"
    assert exif.raw_value(data, 0x0110) is None
    block = exif.from_tiff(exif.upright(data))
    assert exif.byte_order(block) == order
    assert parsed(block)[0x010F] == "Kamera AG"
    assert parsed(block)[0x0112] == 1
    assert 0x0100 not in parsed(block)  # the width: how the file stores its pixels
    assert len(block) < 300


@pytest.mark.parametrize("order", ["<", ">"])
def test_directories_below_the_main_one_are_taken_along(camera_exif, order):
    block = camera_exif(order=order)  # a block is a TIFF file
    copy = exif.from_tiff(block)
    for tag in (0x8769, 0x8825):
        assert parsed(copy).get_ifd(tag) == parsed(block).get_ifd(tag)
        assert parsed(copy).get_ifd(tag)


def test_a_block_with_nothing_to_tell_is_none():
    file = io.BytesIO()
    tifffile.imwrite(
        file, np.zeros((5, 6), np.uint8), metadata=None, software=False, resolution=None
    )
    data = file.getvalue()
    for tag in (b"\x1a\x01", b"\x1b\x01", b"\x28\x01"):  # resolution, which tifffile insists on
        data = data.replace(tag + b"\x05\0", b"\xff\xff\x05\0").replace(
            tag + b"\x03\0", b"\xff\xff\x03\0"
        )
    assert exif.from_tiff(data) is None


READERS = (
    exif.byte_order, exif.orientation, exif.upright, exif.without_thumbnail, exif.from_tiff,
    exif.descriptive_records,
    lambda block: exif.with_size(block, 3, 4), lambda block: exif.raw_value(block, 0x0112),
)  # fmt: skip


@pytest.mark.parametrize("read", READERS)
def test_a_damaged_block_is_a_value_error_and_nothing_else(camera_exif, read):
    block = camera_exif(6, order=">")
    rng = np.random.default_rng(0)
    for broken in (b"", b"II", b"II*\0", b"JJ*\0\x08\0\0\0", b"II,\0\x08\0\0\0"):
        with pytest.raises(ValueError, match=r"header|beyond"):
            read(broken)
    for _ in range(300):
        broken = bytearray(block[: rng.integers(len(block))] if rng.random() < 0.5 else block)
        for place in rng.integers(0, max(1, min(len(broken), 200)), 3):
            broken[place : place + 1] = bytes([rng.integers(256)])
        try:
            read(bytes(broken))
        except ValueError:
            continue
