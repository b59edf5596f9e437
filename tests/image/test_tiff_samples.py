from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest
import tifffile

from photostyle.errors import PhotoError
from photostyle.image import read_photo, tiff_samples

RNG = np.random.default_rng(0)
HEIGHT, WIDTH = 70, 90
NEEDS_THE_EXTRA = ("zstd", "lzma")


def picture(kind, channels=3):
    if kind == "float":
        return RNG.normal(0.5, 0.4, (HEIGHT, WIDTH, channels)).astype(np.float32)
    top = np.iinfo(kind).max
    return RNG.integers(0, top, (HEIGHT, WIDTH, channels), kind, endpoint=True)


def tiff(samples, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **options)
    return file.getvalue()


@pytest.fixture
def read(tmp_path):
    def read(data):
        (tmp_path / "a.tif").write_bytes(data)
        return read_photo(tmp_path / "a.tif", floating=False)

    return read


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (32, 48)])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("compression", "predictor"),
    [(None, False), ("lzw", False), ("lzw", True), ("zlib", True), ("packbits", False),
     ("zstd", True), ("lzma", False)],
)  # fmt: skip
def test_every_way_to_store_the_same_samples(
    read, capfd, kind, planes, tile, order, compression, predictor
):
    pytest.importorskip("imagecodecs")  # to write them
    samples = picture(kind)
    data = tiff(
        samples if planes == "contig" else samples.transpose(2, 0, 1).copy(),
        photometric="rgb", planarconfig=planes, tile=tile, byteorder=order,
        compression=compression, predictor=predictor, rowsperstrip=None if tile else 13,
    )  # fmt: skip
    photo = read(data)
    assert photo.warnings == ()
    assert photo.bit_depth == 8 * samples.itemsize
    np.testing.assert_array_equal(photo.pixels, samples)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_big_tiff(read, planes):
    samples = picture("uint16")
    stored = samples if planes == "contig" else samples.transpose(2, 0, 1).copy()
    photo = read(tiff(stored, photometric="rgb", planarconfig=planes, bigtiff=True))
    np.testing.assert_array_equal(photo.pixels, samples)


@pytest.mark.parametrize("kind", ["uint16", "float"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_alpha(read, kind, planes):
    samples = picture(kind, 4)
    stored = samples if planes == "contig" else samples.transpose(2, 0, 1).copy()
    photo = read(tiff(stored, photometric="rgb", planarconfig=planes, extrasamples=["unassalpha"]))
    np.testing.assert_array_equal(photo.pixels, samples[..., :3])
    top = 1 if kind == "float" else 65535
    np.testing.assert_allclose(photo.alpha * top, samples[..., 3], atol=0.01)


def test_floating_point_alpha_that_was_multiplied_in_is_divided_out(read):
    samples = picture("float", 4)
    samples[..., 3] = RNG.uniform(0.1, 1, (HEIGHT, WIDTH))
    samples[0, 0] = 0
    multiplied = samples.copy()
    multiplied[..., :3] *= samples[..., 3:]
    photo = read(tiff(multiplied, photometric="rgb", extrasamples=["assocalpha"]))
    np.testing.assert_allclose(photo.pixels, samples[..., :3], atol=1e-6)


def test_grey_of_every_kind(read):
    pytest.importorskip("imagecodecs")
    deep, values = picture("uint16", 2), picture("float", 1)[..., 0]
    cases = {
        "floating point": (tiff(values, photometric="minisblack"), values),
        "inverted": (tiff(1 - values, photometric="miniswhite"), values),
        "inverted integers": (tiff(65535 - deep[..., 0], photometric="miniswhite"), deep[..., 0]),
        "with alpha": (
            tiff(deep, photometric="minisblack", planarconfig="contig",
                 extrasamples=["unassalpha"]),
            deep[..., 0],
        ),
    }  # fmt: skip
    for name, (data, expected) in cases.items():
        photo = read(data)
        for channel in range(3):
            np.testing.assert_allclose(
                photo.pixels[..., channel], expected, atol=1e-6, err_msg=name
            )
        assert (photo.alpha is not None) == (name == "with alpha")


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_floating_point_of_other_lengths(read, dtype):
    pytest.importorskip("imagecodecs")
    samples = picture("float").astype(dtype)
    photo = read(tiff(samples, photometric="rgb"))
    assert photo.bit_depth == 32
    np.testing.assert_array_equal(photo.pixels, samples.astype(np.float32))


def test_further_channels_are_told(read):
    pytest.importorskip("imagecodecs")
    samples = picture("uint16", 5)
    photo = read(tiff(samples, photometric="rgb", extrasamples=["unassalpha", "unspecified"]))
    np.testing.assert_array_equal(photo.pixels, samples[..., :3])
    assert photo.warnings == ("it has 5 channels, of which only the first 4 are kept",)


def test_too_many_channels_are_refused_before_they_are_decoded(tmp_path, read, monkeypatch):
    monkeypatch.setattr(tiff_samples, "read_tiff_samples", None)
    for number in (9, 50_690):
        data = bytearray(tiff(picture("uint16"), photometric="rgb"))
        at = data.index(struct.pack("<HHI", 277, 3, 1))
        struct.pack_into("<H", data, at + 8, number)
        with pytest.raises(PhotoError, match=f"{number} channels"):
            read(bytes(data))
    data = tiff(picture("uint16", 8), photometric="rgb")
    (tmp_path / "b.tif").write_bytes(data)
    with pytest.raises(PhotoError, match="megapixels"):
        read_photo(tmp_path / "b.tif", max_pixels=HEIGHT * WIDTH)


def test_numbers_too_large_for_single_precision_become_black(read):
    pytest.importorskip("imagecodecs")
    samples = picture("float").astype(np.float64)
    samples[3, 4, 1] = 1e300
    for planes in ("contig", "separate"):
        stored = samples if planes == "contig" else samples.transpose(2, 0, 1).copy()
        photo = read(tiff(stored, photometric="rgb", planarconfig=planes))
        assert photo.pixels[3, 4, 1] == 0
        (warning,) = photo.warnings
        assert "no numbers" in warning


def test_values_that_are_no_numbers_become_black_and_are_told(read):
    samples = picture("float")
    samples[3, 4, 1], samples[5, 6, 2] = np.nan, -np.inf
    photo = read(tiff(samples, photometric="rgb"))
    assert photo.pixels[3, 4, 1] == photo.pixels[5, 6, 2] == 0
    assert photo.pixels[0, 0, 0] == samples[0, 0, 0]
    assert "no numbers" in photo.warnings[0]


def test_without_the_extra_the_error_says_how_to_get_it(read, monkeypatch):
    pytest.importorskip("imagecodecs")
    data = tiff(picture("uint16"), photometric="rgb", compression="zstd")
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(PhotoError, match=r"pip install 'photostyle\[tiff\]'") as caught:
        read(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("compression", ["webp", "jpeg2000", "jpegxl", "lerc"])
def test_rare_compressions_of_8_bits(read, compression):
    pytest.importorskip("imagecodecs")
    samples = picture("uint16") >> 8
    arguments = {"webp": {"lossless": True}, "jpegxl": {"lossless": True}}.get(compression, {})
    data = tiff(
        samples.astype(np.uint8), photometric="rgb", compression=compression,
        compressionargs=arguments,
    )  # fmt: skip
    photo = read(data)
    assert (photo.bit_depth, photo.warnings) == (8, ())
    np.testing.assert_array_equal(photo.pixels, samples)


def test_other_kinds_are_refused(read):
    samples = picture("uint16")
    for data in (
        tiff(samples[..., 0].astype(np.int32), photometric="minisblack"),
        tiff(samples.astype(np.uint32), photometric="rgb"),
        tiff(samples, photometric="cielab"),
    ):
        with pytest.raises(PhotoError, match="save it as"):
            read(data)
