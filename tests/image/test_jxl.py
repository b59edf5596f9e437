from __future__ import annotations

import dataclasses
import io
import struct
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from photostyle.errors import PhotoError
from photostyle.image import Photo, jxl, read_photo, write_photo
from photostyle.image.profiles import parse_profile

pytest.importorskip("pillow_jxl")


def scene(height=64, width=80, channels=3):
    y, x = np.mgrid[0:height, 0:width]
    parts = (x / width, y / height, (x + 2 * y) / (width + 2 * height), 1 - x / width)
    return (0.1 + 0.8 * np.stack(parts[:channels], axis=-1)).astype(np.float32)


def needed_for(depth):
    """The package that files of more than 8 bits need, skipping where it is not there."""
    return depth == 8 or pytest.importorskip("imagecodecs")


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (64, 80)])
def test_round_trip(tmp_path, camera_exif, size, channels, depth):
    needed_for(depth)
    photo = dataclasses.replace(
        Photo.from_array(scene(*size, channels), depth),
        exif=camera_exif(thumbnail=b"", size=size[::-1]),
        xmp=b"<x:xmpmeta/>",
    )
    assert write_photo(photo, tmp_path / "a.jxl") == ()
    again = read_photo(tmp_path / "a.jxl")
    assert (again.format, again.bit_depth, again.warnings) == ("JXL", depth, ())
    assert np.abs(again.pixels - photo.pixels).mean() < 0.03
    assert again.xmp == photo.xmp
    assert sum(a != b for a, b in zip(again.exif, photo.exif, strict=True)) <= 2
    if channels == 4:
        np.testing.assert_allclose(again.alpha, photo.alpha, atol=0.01)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 200), (24, 33)])
def test_quality_100_is_lossless(tmp_path, size, channels, dtype):
    needed_for(8 * np.dtype(dtype).itemsize)
    top = np.iinfo(dtype).max
    samples = np.random.default_rng(0).integers(0, top + 1, (*size, channels), dtype)
    photo = dataclasses.replace(Photo.from_array(samples), grey=channels < 3)
    assert write_photo(photo, tmp_path / "a.jxl", quality=100) == ()
    again = read_photo(tmp_path / "a.jxl", floating=False)
    assert (again.pixels.dtype, again.grey) == (dtype, channels < 3)
    np.testing.assert_array_equal(again.floats(), photo.pixels)
    if channels in (2, 4):
        np.testing.assert_array_equal(again.alpha, photo.alpha)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_files_of_16_bits_are_in_srgb_for_other_readers(tmp_path, channels):
    imagecodecs = needed_for(16)
    samples = (scene(channels=4)[..., :channels] * 65535).astype(np.uint16)
    photo = dataclasses.replace(Photo.from_array(samples), grey=channels < 3)
    for quality in (95, 100):
        write_photo(photo, tmp_path / "a.jxl", quality=quality, overwrite=True)
        data = (tmp_path / "a.jxl").read_bytes()
        decoded = imagecodecs.jpegxl_decode(data).reshape(samples.shape)
        off = np.abs(decoded.astype(float) - samples).mean()
        assert off == 0 if quality == 100 else 0 < off < 600
        with Image.open(io.BytesIO(data)) as image:
            profile = image.info["icc_profile"]
        assert parse_profile(profile).is_srgb


def test_quality_means_the_same_for_all_depths(tmp_path):
    needed_for(16)
    noise = np.random.default_rng(0).normal(0, 0.02, (64, 80, 3)).astype(np.float32)
    sizes, off = {}, {}
    for depth in (8, 16):
        photo = Photo(np.clip(scene() + noise, 0, 1), bit_depth=depth)
        for quality in (30, 80, 95):
            path = tmp_path / f"{depth}-{quality}.jxl"
            write_photo(photo, path, quality=quality)
            sizes[depth, quality] = path.stat().st_size
            off[depth, quality] = np.square(read_photo(path).pixels - photo.pixels).mean()
    for quality in (30, 80, 95):
        assert abs(sizes[16, quality] - sizes[8, quality]) < 100  # its boxes
        assert off[16, quality] == pytest.approx(off[8, quality], rel=0.1)
    assert sizes[16, 30] < sizes[16, 80] < sizes[16, 95] / 2
    assert off[16, 30] > off[16, 80] > 1.3 * off[16, 95]


@pytest.mark.parametrize("depth", [8, 16])
def test_colours_are_written_in_srgb_and_that_is_told(tmp_path, profiles, depth):
    needed_for(depth)
    photo = Photo.from_array(scene(), depth)
    photo = dataclasses.replace(photo, icc_profile=profiles["Display P3"])
    (warning,) = write_photo(photo, tmp_path / "a.jxl")
    assert "without a colour profile" in warning
    in_srgb = dataclasses.replace(photo, icc_profile=profiles["sRGB"])
    assert write_photo(in_srgb, tmp_path / "b.jxl") == ()
    again = read_photo(tmp_path / "a.jxl")
    assert np.abs(again.pixels - photo.pixels).mean() < 0.02


def test_a_jpeg_within_comes_out_as_it_was(tmp_path, profiles, camera_exif):
    samples = (scene() * 255).astype(np.uint8)
    jpeg = tmp_path / "a.jpg"
    Image.fromarray(samples).save(
        jpeg, icc_profile=profiles["Display P3"], exif=b"Exif\0\0" + camera_exif(6),
        dpi=(300, 240), comment=b"a comment",
    )  # fmt: skip
    records = b"\x1c\2\x78\0\7Caption"
    resource = b"8BIM\4\4\0\0" + struct.pack(">I", len(records)) + records
    payload = b"Photoshop 3.0\0" + resource + bytes(len(records) % 2)
    data = jpeg.read_bytes()
    jpeg.write_bytes(
        data[:2] + b"\xff\xed" + struct.pack(">H", len(payload) + 2) + payload + data[2:]
    )
    with Image.open(jpeg) as image:
        image.save(tmp_path / "a.jxl", lossless_jpeg=True)
    photo, expected = read_photo(tmp_path / "a.jxl"), read_photo(jpeg)
    np.testing.assert_array_equal(photo.pixels, expected.pixels)
    assert (photo.icc_profile, photo.exif) == (expected.icc_profile, expected.exif)
    assert (photo.iptc, photo.dpi) == (records, (240, 300))
    assert (photo.format, photo.warnings) == ("JXL", ())
    assert photo.comments == (b"a comment",)
    of_iptc, of_comments = write_photo(
        dataclasses.replace(photo, icc_profile=None), tmp_path / "b.jxl"
    )
    assert "IPTC" in of_iptc
    assert "comments" in of_comments


def test_what_follows_the_picture_in_a_jpeg_within_is_told(tmp_path):
    jpeg = tmp_path / "a.jpg"
    Image.fromarray((scene() * 255).astype(np.uint8)).save(jpeg)
    jpeg.write_bytes(jpeg.read_bytes() + b"\0\0\0\x10ftypmp42mdat")
    with Image.open(jpeg) as image:
        image.save(tmp_path / "a.jxl", lossless_jpeg=True)
    assert read_photo(tmp_path / "a.jxl").warnings == read_photo(jpeg).warnings != ()


def encoded_srgb(linear):
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("bits", [9, 10, 12, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_more_than_8_bits_a_channel_become_16(tmp_path, channels, bits):
    imagecodecs = needed_for(16)
    samples = np.random.default_rng(0).integers(0, 1 << bits, (24, 33, channels), np.uint16)
    (tmp_path / "a.jxl").write_bytes(
        imagecodecs.jpegxl_encode(
            samples if channels > 1 else samples[..., 0], lossless=True, bitspersample=bits
        )
    )
    photo = read_photo(tmp_path / "a.jxl")
    values = samples / ((1 << bits) - 1)
    colours = values[..., : channels - (channels in (2, 4))]
    expected = encoded_srgb(colours)  # this encoder takes them for linear
    assert np.abs(photo.pixels - expected).max() < 1e-3
    assert (photo.bit_depth, photo.grey, photo.warnings) == (16, channels < 3, ())
    if channels in (2, 4):
        assert np.abs(photo.alpha - values[..., -1]).max() < 1e-5


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_floating_point_values_are_read_as_such(tmp_path, channels, dtype):
    imagecodecs = needed_for(16)
    samples = (scene(channels=4)[..., :channels] * 1.5 - 0.1).astype(dtype)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(samples.squeeze(), lossless=True))
    photo = read_photo(tmp_path / "a.jxl")
    assert (photo.bit_depth, photo.grey, photo.warnings) == (32, channels == 1, ())
    linear = samples[..., :3].astype(np.float64)
    expected = np.copysign(encoded_srgb(np.abs(linear)), linear)
    assert np.abs(photo.pixels - expected).max() < 1e-3
    if channels == 4:
        np.testing.assert_array_equal(photo.alpha, samples[..., 3])
        return
    (of_bits, *_) = write_photo(photo, tmp_path / "b.jxl")
    assert of_bits == "JXL has 16 bits a channel, the photo had 32"
    assert read_photo(tmp_path / "b.jxl").bit_depth == 16


def test_values_that_are_no_numbers_become_black(tmp_path):
    imagecodecs = needed_for(16)
    samples = scene()
    samples[2, 3] = np.nan, np.inf, -np.inf
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(samples, lossless=True))
    photo = read_photo(tmp_path / "a.jxl")
    assert photo.warnings == ("it has values that are no numbers, which became black",)
    assert (photo.pixels[2, 3] == 0).all()
    assert (photo.pixels[3, 3] > 0).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_where_the_deep_samples_cannot_be_had_it_is_told(tmp_path, dtype, monkeypatch):
    imagecodecs = needed_for(16)
    samples = (scene() * (1 if dtype == np.float32 else 65535)).astype(dtype)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(samples, lossless=True))

    def fails(*_, **__):
        raise imagecodecs.JpegxlError("JxlDecoder", None)

    for decode in (fails, lambda *_, **__: samples[1:], lambda *_, **__: np.zeros((64, 80, 3))):
        monkeypatch.setattr(imagecodecs, "jpegxl_decode", decode)
        photo = read_photo(tmp_path / "a.jxl")
        if photo.bit_depth == 32:  # of a type that is not known here
            continue
        assert photo.bit_depth == 8
        assert photo.warnings == (f"its {samples.itemsize * 8} bits a channel were reduced to 8",)


def test_further_channels_are_left_out(tmp_path):
    imagecodecs = needed_for(16)
    grey = (scene()[..., 0] * 65535).astype(np.uint16)
    planes = np.stack([grey, 65535 - grey, np.zeros_like(grey)])
    (tmp_path / "a.jxl").write_bytes(
        imagecodecs.jpegxl_encode(planes, planar=True, photometric="gray", lossless=True)
    )
    photo = read_photo(tmp_path / "a.jxl")
    assert (photo.bit_depth, photo.grey, photo.alpha) == (16, True, None)
    assert np.abs(photo.pixels[..., 0] - encoded_srgb(grey / 65535)).max() < 1e-3


def test_channels_count_for_the_size_limit(tmp_path):
    imagecodecs = needed_for(16)
    planes = np.zeros((9, 64, 80), np.uint8)  # one of grey, and eight
    (tmp_path / "a.jxl").write_bytes(
        imagecodecs.jpegxl_encode(planes, planar=True, photometric="gray", lossless=True)
    )
    pixels = 80 * 11 // 4 * 64
    assert read_photo(tmp_path / "a.jxl", max_pixels=pixels).width == 80
    with pytest.raises(PhotoError, match="--max-pixels"):
        read_photo(tmp_path / "a.jxl", max_pixels=pixels - 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_animation_is_told(tmp_path, dtype):
    imagecodecs = pytest.importorskip("imagecodecs")
    first = (scene() * np.iinfo(dtype).max).astype(dtype)
    (tmp_path / "a.jxl").write_bytes(
        imagecodecs.jpegxl_encode(np.stack([first, np.zeros_like(first)]), photometric="rgb")
    )
    photo = read_photo(tmp_path / "a.jxl")
    assert (photo.pixels.shape, photo.bit_depth) == ((64, 80, 3), 8 * first.itemsize)
    assert photo.pixels.mean() > 0.3
    assert "several pictures" in photo.warnings[0]


@pytest.mark.parametrize("depth", [8, 16])
def test_the_size_limit_counts(tmp_path, depth):
    needed_for(depth)
    write_photo(Photo.from_array(scene(), depth), tmp_path / "a.jxl")
    assert read_photo(tmp_path / "a.jxl", max_pixels=64 * 80).width == 80
    with pytest.raises(PhotoError, match="--max-pixels"):
        read_photo(tmp_path / "a.jxl", max_pixels=64 * 80 - 1)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("quality", [95, 100])
def test_a_damaged_file_is_a_photo_error(tmp_path, depth, quality):
    needed_for(depth)
    write_photo(Photo.from_array(scene(), depth), tmp_path / "a.jxl", quality=quality)
    data = (tmp_path / "a.jxl").read_bytes()
    for length in (3, 20, 40, 60, len(data) // 2, len(data) - 20):
        (tmp_path / "cut.jxl").write_bytes(data[:length])
        with pytest.raises(PhotoError, match=r"cannot read.*damaged") as caught:
            read_photo(tmp_path / "cut.jxl")
        assert "\n" not in str(caught.value)


def of_another_curve(_samples, **_options):
    imagecodecs = pytest.importorskip("imagecodecs")
    return imagecodecs.jpegxl_encode(np.zeros((8, 8, 3), np.uint8), lossless=True)


def of_no_picture(_samples, **_options):
    return b"\0\0\0\x0cJXL \r\n\x87\n"


def failing(_samples, **_options):
    imagecodecs = pytest.importorskip("imagecodecs")
    raise imagecodecs.JpegxlError("JxlEncoder", None)


@pytest.mark.parametrize("encode", [of_another_curve, of_no_picture, failing])
def test_an_encoder_that_fails_is_a_photo_error(tmp_path, monkeypatch, encode):
    fake = SimpleNamespace(jpegxl_encode=encode)
    monkeypatch.setattr(jxl, "_other_package", lambda: fake)
    with pytest.raises(PhotoError, match="JPEG XL encoding failed"):
        write_photo(Photo.from_array(scene(), 16), tmp_path / "a.jxl")
    assert not (tmp_path / "a.jxl").exists()


@pytest.mark.parametrize(("module", "depth"), [("pillow_jxl", 8), ("imagecodecs", 16)])
def test_without_the_extra_the_error_says_how_to_get_it(tmp_path, monkeypatch, module, depth):
    needed_for(depth)
    photo = Photo.from_array(scene(), depth)
    write_photo(photo, tmp_path / "a.jxl")
    monkeypatch.setitem(sys.modules, module, None)
    for action in (
        lambda: read_photo(tmp_path / "a.jxl"),
        lambda: write_photo(photo, tmp_path / "b.jxl"),
    ):
        with pytest.raises(PhotoError, match=r"pip install 'photostyle\[jxl\]'"):
            action()
