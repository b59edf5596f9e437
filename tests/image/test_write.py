from __future__ import annotations

import dataclasses
import io
import os

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from photostyle.errors import PhotoError, UsageError
from photostyle.image import Photo, read_photo, write, write_photo
from photostyle.image.stored import Coding

RNG = np.random.default_rng(0)
LOSSLESS = ["png", "tif"]
ALL = ["jpg", "png", "tif", "webp", "avif"]


def smooth(height=24, width=33, channels=3):
    y, x = np.mgrid[0:height, 0:width]
    parts = (x / width, y / height, (x + 2 * y) / (width + 2 * height), (x + y) / (width + height))
    return (0.1 + 0.8 * np.stack(parts[:channels], axis=-1)).astype(np.float32)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Round trips


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 3), (24, 33)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_give_back_every_sample(tmp_path, suffix, channels, dtype, size):
    top = np.iinfo(dtype).max
    samples = RNG.integers(0, top, (*size, channels), dtype, endpoint=True)
    path = tmp_path / f"ünïcode 写真.{suffix}"
    assert write_photo(Photo.from_array(samples), path) == ()
    photo = read_photo(path)
    assert photo.bit_depth == 8 * samples.itemsize
    np.testing.assert_array_equal(np.round(photo.pixels * top), samples[..., :3])
    assert (photo.alpha is None) == (channels == 3)
    if channels == 4:
        np.testing.assert_array_equal(np.round(photo.alpha * top), samples[..., 3])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 3), (24, 33)])
@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp", "avif"])
def test_lossy_formats_come_close(tmp_path, suffix, size):
    pixels = smooth(*size)
    assert write_photo(Photo.from_array(pixels), tmp_path / f"a.{suffix}") == ()
    photo = read_photo(tmp_path / f"a.{suffix}")
    assert np.abs(photo.pixels - pixels).mean() < (0.02 if suffix != "webp" else 0.05)


def test_jpeg_is_not_subsampled_and_quality_counts(tmp_path):
    photo = Photo.from_array(RNG.random((64, 64, 3)))
    sizes = []
    for quality in (1, 50, 95, 100):
        write_photo(photo, tmp_path / "a.jpg", quality=quality, overwrite=True)
        sizes.append((tmp_path / "a.jpg").stat().st_size)
        with Image.open(tmp_path / "a.jpg") as image:
            assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3
    assert sizes == sorted(sizes)
    with Image.open(tmp_path / "a.jpg") as image:
        assert all(set(table) == {1} for table in image.quantization.values())


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (24, 33)])
def test_floating_point_values_stay_what_they_are_in_a_tiff(tmp_path, size, channels):
    values = RNG.uniform(-2, 9, (*size, channels)).astype(np.float32)
    values[..., 3:] = RNG.random((*size, channels - 3))
    assert write_photo(Photo.from_array(values, bit_depth=32), tmp_path / "a.tif") == ()
    for floating in (False, True):
        photo = read_photo(tmp_path / "a.tif", floating=floating)
        assert photo.bit_depth == 32
        np.testing.assert_array_equal(photo.pixels, values[..., :3])
        if channels == 4:
            np.testing.assert_array_equal(photo.alpha, values[..., 3])


def test_avif_keeps_alpha_and_the_exif_block_byte_by_byte(tmp_path, camera_exif):
    block = camera_exif(size=(33, 24), thumbnail=b"")
    photo = dataclasses.replace(Photo.from_array(smooth(channels=4)), exif=block)
    assert write_photo(photo, tmp_path / "a.avif") == ()
    again = read_photo(tmp_path / "a.avif")
    np.testing.assert_allclose(again.alpha, photo.alpha, atol=0.01)
    assert sum(a != b for a, b in zip(again.exif, block, strict=True)) <= 2  # the height
    sizes = []
    for quality in (30, 60, 95):
        write_photo(photo, tmp_path / "a.avif", quality=quality, overwrite=True)
        sizes.append((tmp_path / "a.avif").stat().st_size)
    assert sizes == sorted(sizes)


def test_webp_keeps_alpha_without_loss(tmp_path):
    samples = RNG.integers(0, 256, (24, 33, 4), np.uint8)
    assert write_photo(Photo.from_array(samples), tmp_path / "a.webp") == ()
    np.testing.assert_array_equal(
        np.round(read_photo(tmp_path / "a.webp").alpha * 255), samples[..., 3]
    )


def test_values_are_rounded_and_those_out_of_range_clipped(tmp_path):
    values = np.array([-1, -0.001, 0.4999 / 255, 0.5001 / 255, 100.4 / 255, 1.001, 9], np.float32)
    photo = Photo.from_array(values[None])
    before = photo.pixels.copy()
    write_photo(photo, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 0, 1, 100, 255, 255]
    np.testing.assert_array_equal(photo.pixels, before)


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize("name", ["sRGB", "Display P3", "Adobe RGB"])
def test_the_profile_is_embedded_and_the_samples_are_in_it(tmp_path, profiles, suffix, name):
    stored = np.round(80 + 50 * smooth()).astype(np.uint8)
    Image.fromarray(stored).save(tmp_path / "in.png", icc_profile=profiles[name])
    photo = read_photo(tmp_path / "in.png")
    write_photo(photo, tmp_path / f"out.{suffix}")
    with Image.open(tmp_path / f"out.{suffix}") as image:
        assert image.info["icc_profile"] == profiles[name]
        error = np.abs(np.asarray(image).astype(int) - stored)
    if suffix in LOSSLESS:
        assert error.max() == 0
    else:
        assert error.mean() < 2
    again = read_photo(tmp_path / f"out.{suffix}")
    assert np.abs(again.pixels - photo.pixels).mean() < (1e-6 if suffix in LOSSLESS else 0.01)


def test_16_bits_survive_a_profile(tmp_path, profiles):
    samples = RNG.integers(20000, 30000, (24, 33, 3), np.uint16)
    photo = dataclasses.replace(Photo.from_array(samples), icc_profile=profiles["Adobe RGB"])
    write_photo(photo, tmp_path / "a.tif")
    again = read_photo(tmp_path / "a.tif")
    assert np.abs(again.pixels - photo.pixels).max() < 1.5 / 65535


@pytest.mark.parametrize("floating", [False, True])
@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB", "ProPhoto RGB"])
@pytest.mark.parametrize(
    ("dtype", "most"), [(np.uint8, 0), (np.uint16, 2), (np.float32, 1e-4)]
)  # fmt: skip
def test_the_most_saturated_colours_come_back(tmp_path, profiles, name, dtype, most, floating):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    samples = (RNG.random((40, 50, 3)) * top).astype(dtype)
    samples[:9] = RNG.choice([0, top], (9, 50, 3))
    tifffile.imwrite(
        tmp_path / "in.tif", samples, photometric="rgb", iccprofile=profiles[name], metadata=None
    )
    photo = read_photo(tmp_path / "in.tif", floating=floating)
    assert photo.warnings == ()
    assert photo.pixels.min() < -0.3
    assert write_photo(photo, tmp_path / "out.tif") == ()
    again = tifffile.imread(tmp_path / "out.tif")
    assert again.dtype == dtype
    assert np.abs(again.astype(np.float64) - samples).max() <= most
    assert read_photo(tmp_path / "out.tif").icc_profile == profiles[name]


def test_srgb_on_request(tmp_path, profiles):
    stored = np.zeros((20, 30, 3), np.uint8) + np.uint8(90)
    stored[:10, :, 1] = 255
    Image.fromarray(stored).save(tmp_path / "in.png", icc_profile=profiles["Display P3"])
    photo = read_photo(tmp_path / "in.png")
    (warning,) = write_photo(photo, tmp_path / "out.png", color="srgb")
    assert "50.0% of the pixels have colours outside of sRGB" in warning
    again = read_photo(tmp_path / "out.png")
    assert again.icc_profile is None
    np.testing.assert_allclose(again.pixels, photo.pixels.clip(0, 1), atol=0.51 / 255)


def test_srgb_on_request_of_a_photo_in_srgb_changes_no_pixel(tmp_path, profiles):
    stored = RNG.integers(0, 256, (9, 8, 3), np.uint8)
    Image.fromarray(stored).save(tmp_path / "in.png", icc_profile=profiles["sRGB"])
    photo = read_photo(tmp_path / "in.png", floating=False)
    assert write_photo(photo, tmp_path / "out.png", color="srgb") == ()
    with Image.open(tmp_path / "out.png") as image:
        assert "icc_profile" not in image.info
        np.testing.assert_array_equal(np.asarray(image), stored)


def test_what_an_edit_pushes_out_of_srgb_is_no_loss_to_be_told(tmp_path):
    assert write_photo(Photo.from_array(smooth() * 2 - 0.5), tmp_path / "a.png") == ()


# Metadata


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", ALL)
def test_metadata_is_written_and_the_size_in_it_is_right(
    tmp_path, camera_exif, profiles, suffix, order
):
    photo = dataclasses.replace(
        Photo.from_array(smooth(24, 33)),
        exif=camera_exif(order=order, size=(999, 888), thumbnail=b""),
        xmp=b"<x:xmpmeta/>",
        icc_profile=profiles["sRGB"],
        dpi=(300, 240),
    )
    path = tmp_path / f"a.{suffix}"
    assert write_photo(photo, path) == ()
    with Image.open(path) as image:
        image.load()
        exif = image.getexif()
        assert exif[ExifTags.Base.Make] == "Kamera AG"
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert details[ExifTags.Base.DateTimeOriginal] == "2024:05:06 07:08:09"
        assert details[ExifTags.Base.MakerNote].startswith(b"CAMERA")
        assert (details[0xA002], details[0xA003]) == (33, 24)
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
        assert image.info["xmp"].rstrip(b"\0") == b"<x:xmpmeta/>"
        dpi = (exif[282], exif[283]) if suffix in ("webp", "avif") else image.info["dpi"]
        assert tuple(map(float, dpi)) == pytest.approx((300, 240), abs=0.1)
    again = read_photo(path)
    assert (again.xmp, again.icc_profile) == (photo.xmp, photo.icc_profile)
    # In a TIFF file it has to be gathered; in WebP and AVIF it got the resolution.
    if suffix in ("jpg", "png"):
        expected = camera_exif(order=order, size=(999, 888), thumbnail=b"")
        assert len(again.exif) == len(expected)
        assert sum(a != b for a, b in zip(again.exif, expected, strict=True)) <= 6
    assert again.warnings == ()


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_photo_is_not_turned_twice(tmp_path, orientation, suffix):
    source = tmp_path / f"in.{suffix}"
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100}}.get(suffix, {})
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray((smooth() * 255).astype(np.uint8)).save(source, exif=exif, **options)
    photo = read_photo(source)
    write_photo(photo, tmp_path / f"out.{suffix}")
    again = read_photo(tmp_path / f"out.{suffix}")
    assert again.pixels.shape == photo.pixels.shape
    assert np.abs(again.pixels - photo.pixels).mean() < 0.02
    with Image.open(tmp_path / f"out.{suffix}") as image:
        assert image.getexif()[274] == 1


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("length", [9, 10])
def test_iptc_is_kept_where_there_is_a_place_for_it(tmp_path, suffix, length):
    records = b"\x1c\x02\x78\x00" + bytes([length]) + b"x" * length
    photo = dataclasses.replace(Photo.from_array(smooth()), iptc=records, dpi=(72, 72), xmp=b"<x/>")
    assert write_photo(photo, tmp_path / f"a.{suffix}") == ()
    again = read_photo(tmp_path / f"a.{suffix}")
    assert (again.iptc, again.xmp) == (records, b"<x/>")


@pytest.mark.parametrize("comments", [(b"one",), (b"Gr\xf6\xdfe", b"\0" * 65_533)])
def test_comments_of_a_jpeg_are_kept_in_a_jpeg_and_told_elsewhere(tmp_path, camera_exif, comments):
    photo = dataclasses.replace(
        Photo.from_array(smooth()),
        comments=comments, iptc=b"\x1c\x02\x05\0\1x", exif=camera_exif(thumbnail=b""),
    )  # fmt: skip
    assert write_photo(photo, tmp_path / "a.jpg") == ()
    again = read_photo(tmp_path / "a.jpg")
    assert (again.comments, again.warnings, again.iptc) == (comments, (), photo.iptc)
    for suffix in ("png", "tif"):
        (warning,) = write_photo(photo, tmp_path / f"a.{suffix}")
        assert "no place for comments of a JPEG, which are not kept" in warning
        assert read_photo(tmp_path / f"a.{suffix}").comments == ()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_place_on_a_map_is_kept_in_a_tiff_and_told_elsewhere(tmp_path, dtype):
    place = ((33550, 12, [0.5, 0.25, 0.0]), (34735, 3, (1, 1, 0, 0)), (34737, 2, b"UTM|\0"))
    depth = 8 * np.dtype(dtype).itemsize
    photo = dataclasses.replace(Photo.from_array(smooth(), depth), georeference=place)
    assert write_photo(photo, tmp_path / "a.tif") == ()
    again = read_photo(tmp_path / "a.tif")
    assert (again.georeference, again.warnings, again.bit_depth) == (place, (), depth)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages[0].tags[33550].value == (0.5, 0.25, 0.0)
        assert file.pages[0].tags[34737].value == "UTM|"
    for suffix in ("jpg", "png", "webp"):
        warnings = write_photo(photo, tmp_path / f"a.{suffix}")
        assert sum("(GeoTIFF), which are not kept" in warning for warning in warnings) == 1


def test_a_photo_from_any_format_goes_to_any_other(tmp_path, camera_exif, profiles):
    photo = dataclasses.replace(
        Photo.from_array(smooth()),
        exif=camera_exif(thumbnail=b""),
        icc_profile=profiles["Display P3"],
    )
    for first in ALL:
        write_photo(photo, tmp_path / f"first.{first}", overwrite=True)
        for second in ALL:
            read = read_photo(tmp_path / f"first.{first}")
            assert read.warnings == ()
            write_photo(read, tmp_path / f"second.{second}", overwrite=True)
            again = read_photo(tmp_path / f"second.{second}")
            assert np.abs(again.pixels - photo.pixels).mean() < 0.02
            assert again.icc_profile == photo.icc_profile
            block = Image.Exif()
            block.load(again.exif)
            assert block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote].startswith(b"CAMERA")


# What cannot be kept


def test_a_metadata_block_in_an_avif_file_is_not_taken_apart(tmp_path):
    # The blank that stands in for the block while the file is made must be found whatever it is.
    for length in (14, 15, 200):
        block = (b"II*\0\x08\0\0\0\0\0" + bytes(length))[:length]
        photo = dataclasses.replace(Photo.from_array(smooth()), exif=block)
        try:
            write_photo(photo, tmp_path / "a.avif", overwrite=True)
        except PhotoError:
            continue
        assert read_photo(tmp_path / "a.avif").height == 24


@pytest.mark.parametrize(("suffix", "depth"), [("png", 16), ("jpg", 8), ("webp", 8)])
def test_less_than_floating_point_is_told(tmp_path, suffix, depth):
    photo = Photo.from_array(smooth() * 2, bit_depth=32)
    warnings = write_photo(photo, tmp_path / f"a.{suffix}")
    assert f"{depth} bits a channel, the photo had 32" in warnings[0]
    assert "outside of sRGB" in warnings[1]
    assert read_photo(tmp_path / f"a.{suffix}").bit_depth == depth


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_less_than_16_bits_is_told(tmp_path, suffix):
    photo = Photo.from_array(smooth(), bit_depth=16)
    (warning,) = write_photo(photo, tmp_path / f"a.{suffix}")
    assert "8 bits" in warning
    assert read_photo(tmp_path / f"a.{suffix}").bit_depth == 8


def test_transparency_becomes_white_in_a_jpeg_and_is_told(tmp_path):
    pixels = np.zeros((16, 16, 4), np.float32)
    pixels[:8, :, 3] = 0.5
    pixels[8:, 8:, 3] = 1
    (warning,) = write_photo(Photo.from_array(pixels), tmp_path / "a.jpg")
    assert "white" in warning
    result = read_photo(tmp_path / "a.jpg").pixels
    np.testing.assert_allclose(result[:8], 0.5, atol=0.02)
    np.testing.assert_allclose(result[8:, :8], 1, atol=0.02)
    np.testing.assert_allclose(result[8:, 8:], 0, atol=0.02)


@pytest.mark.parametrize("suffix", ["webp", "avif"])
def test_iptc_without_a_place_is_told(tmp_path, suffix):
    photo = dataclasses.replace(Photo.from_array(smooth()), iptc=b"\x1c\x02\x05\0\1x")
    (warning,) = write_photo(photo, tmp_path / f"a.{suffix}")
    assert "IPTC" in warning


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("dpi", [(4e9, 4e9), (70_000, 300), (300, 0.5), (-1, -1)])
def test_a_resolution_that_formats_have_no_room_for_is_told(tmp_path, suffix, dpi):
    photo = dataclasses.replace(Photo.from_array(smooth()), dpi=dpi)
    (warning,) = write_photo(photo, tmp_path / f"a.{suffix}")
    assert "resolution" in warning
    assert read_photo(tmp_path / f"a.{suffix}").dpi is None


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("dpi", [(1, 1), (65_535, 65_535)])
def test_the_lowest_and_the_highest_resolution_are_kept(tmp_path, suffix, dpi):
    photo = dataclasses.replace(Photo.from_array(smooth()), dpi=dpi)
    assert write_photo(photo, tmp_path / f"a.{suffix}") == ()
    assert read_photo(tmp_path / f"a.{suffix}").dpi == pytest.approx(dpi, rel=0.01)


WITHOUT_A_PLACE = ["webp", "avif", "heic", "jxl"]
"""Formats that have the resolution in EXIF only."""


def needed_by(suffix):
    """Skip where a format's package is not there."""
    if suffix in ("heic", "jxl"):
        pytest.importorskip({"heic": "pillow_heif", "jxl": "pillow_jxl"}[suffix])


def resolution_in(block):
    exif = Image.Exif()
    exif.load(block)
    return float(exif[282]), float(exif[283]), exif[296]


@pytest.mark.parametrize("suffix", WITHOUT_A_PLACE)
@pytest.mark.parametrize("dpi", [(300, 240), (299.72, 1), (65_535, 0.9906)])
def test_a_resolution_without_another_place_goes_into_exif(tmp_path, suffix, dpi):
    needed_by(suffix)
    photo = dataclasses.replace(Photo.from_array(smooth()), dpi=dpi)
    assert write_photo(photo, tmp_path / f"a.{suffix}") == ()
    again = read_photo(tmp_path / f"a.{suffix}")
    assert resolution_in(again.exif) == pytest.approx((*dpi, 2), rel=1e-6)
    assert write_photo(again, tmp_path / f"b.{suffix}") == ()
    assert read_photo(tmp_path / f"b.{suffix}").exif == again.exif


@pytest.mark.parametrize("suffix", WITHOUT_A_PLACE)
def test_without_a_resolution_no_exif_is_made(tmp_path, suffix):
    needed_by(suffix)
    write_photo(Photo.from_array(smooth()), tmp_path / f"a.{suffix}")
    assert read_photo(tmp_path / f"a.{suffix}").exif is None


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_a_resolution_with_a_place_of_its_own_makes_no_exif_block(tmp_path, suffix):
    photo = dataclasses.replace(Photo.from_array(smooth()), dpi=(300, 240))
    write_photo(photo, tmp_path / f"a.{suffix}")
    block = read_photo(tmp_path / f"a.{suffix}").exif
    assert (block is None) == (suffix != "tif")  # whose directory is one


def test_a_resolution_is_kept_where_exif_is_damaged(tmp_path):
    photo = dataclasses.replace(Photo.from_array(smooth()), exif=b"II*\0\xff", dpi=(300, 240))
    (warning,) = write_photo(photo, tmp_path / "a.webp")
    assert "EXIF" in warning
    assert resolution_in(read_photo(tmp_path / "a.webp").exif) == (300, 240, 2)


def test_metadata_too_long_for_a_jpeg_is_told(tmp_path):
    photo = dataclasses.replace(Photo.from_array(smooth()), xmp=b"<" + b"x" * 70000 + b">")
    (warning,) = write_photo(photo, tmp_path / "a.jpg")
    assert "XMP" in warning
    assert write_photo(photo, tmp_path / "a.png") == ()
    assert read_photo(tmp_path / "a.png").xmp == photo.xmp


def described(*titles):
    """An XMP packet with one description for each title."""
    about = b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    parts = (about + b"<dc:title>" + title + b"</dc:title></rdf:Description>" for title in titles)
    return (
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + rdf + b"".join(parts) + b"</rdf:RDF></x:xmpmeta>"
    )


def test_a_long_packet_is_divided_in_a_jpeg(tmp_path, camera_exif):
    photo = dataclasses.replace(
        Photo.from_array(smooth()),
        xmp=described(b"short", b"long " * 50_000),
        exif=camera_exif(thumbnail=b""),
        iptc=b"\x1c\x02\x78\x00\x01x",
    )
    assert write_photo(photo, tmp_path / "a.jpg") == ()
    with Image.open(tmp_path / "a.jpg") as image:
        assert b"short" in image.info["xmp"]
        assert b"long" not in image.info["xmp"]
    again = read_photo(tmp_path / "a.jpg")
    assert again.warnings == ()
    assert again.iptc == photo.iptc
    assert b"Kamera AG" in again.exif
    assert b"short" in again.xmp
    assert b"long " * 50_000 in again.xmp
    write_photo(again, tmp_path / "b.jpg")
    assert len(read_photo(tmp_path / "b.jpg").xmp) - len(again.xmp) < 10


def test_metadata_just_short_enough_for_a_jpeg_is_kept(tmp_path, camera_exif):
    block = camera_exif(thumbnail=b"")
    block += bytes(65500 - len(block))
    photo = dataclasses.replace(
        Photo.from_array(smooth()), xmp=b"x" * 65500, exif=block, iptc=b"\x1c" * 65500
    )
    assert write_photo(photo, tmp_path / "a.jpg") == ()
    again = read_photo(tmp_path / "a.jpg")
    assert (len(again.xmp), len(again.exif), again.iptc) == (65500, 65500, photo.iptc)


@pytest.mark.parametrize("suffix", ALL)
def test_a_damaged_exif_block_is_told(tmp_path, suffix):
    photo = dataclasses.replace(Photo.from_array(smooth()), exif=b"rubbish")
    (warning,) = write_photo(photo, tmp_path / f"a.{suffix}")
    assert "EXIF" in warning
    assert read_photo(tmp_path / f"a.{suffix}").exif is None


# Refusals


@pytest.mark.parametrize(
    ("name", "options", "error", "reason"),
    [
        ("a.gif", {}, UsageError, r"\.jpg"),
        ("a.nef", {}, UsageError, "raw data"),
        ("a", {}, UsageError, r"\.jpg"),
        ("a.jpg", {"quality": 0}, UsageError, "quality"),
        ("a.jpg", {"quality": 101}, UsageError, "quality"),
        ("none/a.jpg", {}, PhotoError, "no folder"),
        ("folder.png", {}, PhotoError, "is a folder"),
        ("folder.png", {"overwrite": True}, PhotoError, "is a folder"),
        ("old.png", {}, PhotoError, "--overwrite"),
        ("x" * 300 + ".png", {}, PhotoError, "cannot write"),
    ],
)
def test_refusals_come_in_one_line_and_leave_nothing_behind(tmp_path, name, options, error, reason):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "old.png").write_bytes(b"old")
    with pytest.raises(error, match=reason) as caught:
        write_photo(Photo.from_array(smooth()), tmp_path / name, **options)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value) or "quality" in options
    assert names(tmp_path) == ["folder.png", "old.png"]
    assert (tmp_path / "old.png").read_bytes() == b"old"


def test_an_existing_file_is_replaced_only_on_request(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    write_photo(Photo.from_array(smooth()), tmp_path / "a.png", overwrite=True)
    assert read_photo(tmp_path / "a.png").width == 33
    assert names(tmp_path) == ["a.png"]


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    real = write.write_atomically

    def slow(path, data, *, overwrite):
        path.write_bytes(b"theirs")
        real(path, data, overwrite=overwrite)

    monkeypatch.setattr(write, "write_atomically", slow)
    with pytest.raises(PhotoError, match="--overwrite"):
        write_photo(Photo.from_array(smooth()), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"theirs"


@pytest.mark.parametrize("how", ["same", "other spelling", "symlink", "hard link"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_protected_file_is_never_replaced(tmp_path, how, overwrite):
    source = tmp_path / "in.png"
    write_photo(Photo.from_array(smooth()), source)
    before = source.read_bytes()
    target = {"same": source, "other spelling": tmp_path / ".." / tmp_path.name / "in.png"}.get(
        how, tmp_path / "out.png"
    )
    if how == "symlink":
        target.symlink_to(source)
    elif how == "hard link":
        os.link(source, target)
    others = [tmp_path / "missing.png", source]
    for protect in (others, [str(other) for other in others]):
        with pytest.raises(PhotoError, match="is an input"):
            write_photo(read_photo(source), target, overwrite=overwrite, protect=protect)
    assert source.read_bytes() == before


def test_protecting_one_file_does_not_forbid_others(tmp_path):
    photo = Photo.from_array(smooth())
    write_photo(photo, tmp_path / "in.png")
    for _ in range(2):
        write_photo(photo, tmp_path / "out.png", overwrite=True, protect=[tmp_path / "in.png"])
    assert names(tmp_path) == ["in.png", "out.png"]


@pytest.mark.parametrize(("suffix", "side"), [("jpg", 65501), ("webp", 16384), ("avif", 32769)])
def test_a_photo_too_large_for_the_format_is_refused(tmp_path, suffix, side):
    photo = Photo.from_array(np.zeros((1, side), np.uint8))
    with pytest.raises(PhotoError, match=str(side - 1)):
        write_photo(photo, tmp_path / f"a.{suffix}")
    write_photo(photo.with_pixels(photo.pixels[:, 1:]), tmp_path / f"a.{suffix}")
    assert read_photo(tmp_path / f"a.{suffix}").width == side - 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(tmp_path, value):
    pixels = smooth()
    pixels[5, 5, 1] = value
    for suffix in ALL:
        with pytest.raises(PhotoError, match="no numbers"):
            write_photo(Photo.from_array(pixels), tmp_path / f"a.{suffix}")
    assert names(tmp_path) == []


def test_a_profile_that_cannot_be_written_into_is_refused(tmp_path, press_profile):
    one_way = press_profile(both_ways=False)
    photo = dataclasses.replace(Photo.from_array(smooth()), icc_profile=one_way)
    with pytest.raises(PhotoError, match="profile"):
        write_photo(photo, tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("error", "expected", "reason"),
    [
        (OSError(28, "No space left on device"), PhotoError, "No space left on device"),
        (PermissionError(13, "Permission denied"), PhotoError, "Permission denied"),
        (MemoryError(), PhotoError, "memory"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
@pytest.mark.parametrize("stage", ["encode", "write"])
def test_failures_half_way_leave_the_old_file_alone(
    tmp_path, monkeypatch, stage, error, expected, reason
):
    path = tmp_path / "a.png"
    write_photo(Photo.from_array(smooth()), path)
    before = path.read_bytes()

    def fail(*_args, **_options):
        raise error

    if stage == "encode":
        monkeypatch.setitem(write.ENCODERS, "PNG", fail)
    else:
        monkeypatch.setattr(type(path), "replace", fail)
    with pytest.raises(expected, match=reason):
        write_photo(Photo.from_array(smooth()), path, overwrite=True)
    assert names(tmp_path) == ["a.png"]
    assert path.read_bytes() == before


def test_a_real_photo_goes_round(tmp_path, shared_data):
    path = shared_data / "luan_highres" / "2" / "content.jpg"
    photo = read_photo(path)
    write_photo(photo, tmp_path / "a.tif")
    again = read_photo(tmp_path / "a.tif")
    np.testing.assert_array_equal(again.pixels, photo.pixels)
    with (
        Image.open(path) as original,
        Image.open(io.BytesIO((tmp_path / "a.tif").read_bytes())) as ours,
    ):
        assert ours.getexif().get(ExifTags.Base.Make) == original.getexif().get(ExifTags.Base.Make)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integer_pixels_are_written_as_they_are(tmp_path, dtype):
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, top, (9, 14, 3), dtype, endpoint=True)
    photo = Photo(pixels, bit_depth=8 if dtype == np.uint8 else 16)
    write_photo(photo, tmp_path / "photo.png")
    back = read_photo(tmp_path / "photo.png", floating=False)
    np.testing.assert_array_equal(back.pixels, pixels)


def test_integer_pixels_of_more_bits_than_the_file_are_rounded(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 14, 3), np.uint16)
    write_photo(Photo(pixels, bit_depth=8), tmp_path / "photo.png")
    back = read_photo(tmp_path / "photo.png", floating=False)
    assert np.abs(back.pixels - pixels / 257.0).max() <= 0.501


# Kinds of colours


def grey_ramp(dtype=np.float32):
    ramp = np.linspace(0, 1, 24 * 33, dtype=np.float32).reshape(24, 33, 1).repeat(3, axis=2)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return np.round(ramp * top).astype(dtype) if top > 1 else ramp


def mode_of(path):
    with Image.open(path) as image:
        return image.mode


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "avif"])
@pytest.mark.parametrize("name", [None, "grey"])
def test_grey_stays_grey_with_its_profile(tmp_path, profiles, suffix, name):
    pixels = grey_ramp()
    profile = profiles.get(name)
    photo = dataclasses.replace(Photo.from_array(pixels), grey=True, icc_profile=profile)
    assert write_photo(photo, tmp_path / f"a.{suffix}") == ()
    if suffix != "avif":  # of which Pillow makes RGB
        assert mode_of(tmp_path / f"a.{suffix}") == "L"
    again = read_photo(tmp_path / f"a.{suffix}")
    assert (again.grey, again.icc_profile, again.warnings) == (True, profile, ())
    assert np.abs(again.pixels - pixels).max() < 0.04


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("alpha", [False, True])
def test_grey_files_come_back_sample_by_sample(tmp_path, profiles, suffix, dtype, alpha):
    bits = 8 * np.dtype(dtype).itemsize
    if suffix == "png" and bits == 32:
        bits = 16
    photo = dataclasses.replace(
        Photo.from_array(grey_ramp()),
        bit_depth=bits,
        grey=True,
        icc_profile=profiles["grey"],
        alpha=grey_ramp()[::-1, :, 0].copy() if alpha else None,
    )
    write_photo(photo, tmp_path / f"a.{suffix}")
    first = (tmp_path / f"a.{suffix}").read_bytes()
    for floating in (True, False):
        again = read_photo(tmp_path / f"a.{suffix}", floating=floating)
        assert (again.bit_depth, again.grey) == (bits, True)
        assert (again.alpha is not None) == alpha
        write_photo(again, tmp_path / f"a.{suffix}", overwrite=True)
        if bits < 32:
            assert (tmp_path / f"a.{suffix}").read_bytes() == first


def test_grey_that_gets_colour_becomes_rgb_and_that_is_told(tmp_path, profiles):
    pixels = grey_ramp() * np.array([1, 0.9, 0.8], np.float32)
    photo = dataclasses.replace(Photo.from_array(pixels), grey=True)
    assert write_photo(photo, tmp_path / "a.png") == ()  # nothing is lost
    assert mode_of(tmp_path / "a.png") == "RGB"
    photo = dataclasses.replace(photo, icc_profile=profiles["grey"])
    (warning,) = write_photo(photo, tmp_path / "b.png")
    assert warning == "it is not grey any more; it became sRGB, without its grey profile"
    again = read_photo(tmp_path / "b.png")
    assert (again.icc_profile, again.grey) == (None, False)
    np.testing.assert_allclose(again.pixels, pixels, atol=0.51 / 255)


def test_webp_has_no_grey_and_that_is_told_of_a_profile(tmp_path, profiles):
    photo = dataclasses.replace(Photo.from_array(grey_ramp()), grey=True)
    assert write_photo(photo, tmp_path / "a.webp") == ()
    photo = dataclasses.replace(photo, icc_profile=profiles["grey"])
    (warning,) = write_photo(photo, tmp_path / "b.webp")
    assert "became sRGB" in warning


def inked(dtype):
    inks = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (24, 33, 4), dtype)
    inks[:4] = (0, 0, 0, np.iinfo(dtype).max)  # black of one ink, where profiles take four
    return inks


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("floating", [False, True])
def test_cmyk_that_is_not_changed_keeps_every_amount_of_ink(
    tmp_path, press_profile, dtype, floating
):
    inks, profile = inked(dtype), press_profile()
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", iccprofile=profile)
    photo = read_photo(tmp_path / "a.tif", floating=floating)
    assert write_photo(photo, tmp_path / "b.tif") == ()
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        np.testing.assert_array_equal(file.asarray(), inks)
        assert file.pages[0].photometric == 5
        assert file.pages[0].iccprofile == profile


def test_cmyk_in_a_jpeg_stays_cmyk(tmp_path, press_profile):
    inks = np.zeros((24, 33, 4), np.uint8)
    inks[..., :] = np.linspace(0, 200, 33).astype(np.uint8)[:, None]
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.jpg", quality=100, icc_profile=press_profile())
    assert write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "b.jpg") == ()
    with Image.open(tmp_path / "b.jpg") as image:
        assert (image.mode, image.info["icc_profile"]) == ("CMYK", press_profile())
        assert np.abs(np.asarray(image).astype(int) - inks).max() <= 3


@pytest.mark.parametrize("share", [0.003, 0.02, 0.3])
def test_cmyk_that_is_changed_has_the_new_colours(tmp_path, press_profile, share):
    tifffile.imwrite(
        tmp_path / "a.tif", inked(np.uint16) // 2, photometric="separated",
        iccprofile=press_profile(),
    )  # fmt: skip
    photo = read_photo(tmp_path / "a.tif")
    wanted = photo.pixels * np.float32(1 - share) + np.float32(0.5 * share)
    write_photo(photo.with_pixels(wanted), tmp_path / "b.tif")
    again = read_photo(tmp_path / "b.tif").pixels
    assert np.abs(again - wanted).mean() < 1.5 / 255
    assert np.abs(again - wanted).max() < 12 / 255


def test_cmyk_becomes_srgb_elsewhere_and_on_request(tmp_path, press_profile):
    tifffile.imwrite(
        tmp_path / "a.tif", inked(np.uint8), photometric="separated", iccprofile=press_profile()
    )
    photo = read_photo(tmp_path / "a.tif")
    warnings = write_photo(photo, tmp_path / "b.png")
    assert warnings[0] == "PNG has no CMYK; it became sRGB"
    assert all("CMYK" not in each for each in write_photo(photo, tmp_path / "c.tif", color="srgb"))
    for name in ("b.png", "c.tif"):
        again = read_photo(tmp_path / name)
        assert (again.icc_profile, again.inks) == (None, None)
        np.testing.assert_allclose(again.pixels, np.clip(photo.pixels, 0, 1), atol=0.51 / 255)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("suffix", ["avif", "heic"])
def test_10_and_12_bits_stay_so_with_all_metadata(
    tmp_path, camera_exif, profiles, suffix, bits, channels
):
    if suffix == "heic":
        pytest.importorskip("pillow_heif")
    pixels = smooth(96, 128) if channels > 2 else smooth(96, 128)[..., 2:]
    photo = Photo.from_array(pixels, bit_depth=16)
    photo = dataclasses.replace(
        photo,
        coding=Coding(bits, subsampled=True),
        grey=channels < 3,
        alpha=smooth(96, 128)[..., 1].copy() if channels % 2 == 0 else None,
        exif=camera_exif(size=(128, 96), thumbnail=b""),
        xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        icc_profile=profiles["Display P3"] if channels > 2 else None,
    )
    assert write_photo(photo, tmp_path / f"a.{suffix}") == ()
    again = read_photo(tmp_path / f"a.{suffix}")
    assert (again.bit_depth, again.coding.bits, again.warnings) == (16, bits, ())
    assert (again.exif, again.xmp, again.icc_profile) == (photo.exif, photo.xmp, photo.icc_profile)
    assert np.abs(again.pixels - photo.pixels).mean() < 2 / 1023
    assert len(np.unique(np.round(again.pixels * 1023))) > 256
    if photo.alpha is not None:
        np.testing.assert_allclose(again.alpha, photo.alpha, atol=0.01)


@pytest.mark.parametrize(("depth", "held"), [(16, 16), (32, 32)])
def test_more_bits_become_10_in_an_avif_and_that_is_told(tmp_path, depth, held):
    photo = Photo.from_array(smooth(), bit_depth=depth)
    warnings = write_photo(photo, tmp_path / "a.avif")
    assert warnings == (
        f"AVIF has 10 bits a channel, the photo had {held}",
        "AVIF of 10 bits has colours at half the resolution, but at --quality 100",
    )
    assert read_photo(tmp_path / "a.avif").coding == Coding(10, subsampled=True)
    assert len(write_photo(photo, tmp_path / "b.avif", quality=100)) == 1
    assert read_photo(tmp_path / "b.avif").coding == Coding(10)
