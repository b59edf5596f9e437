from __future__ import annotations

import hashlib
import io
import struct
import threading
import warnings
import zlib
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps, PngImagePlugin

from photostyle.errors import PhotoError
from photostyle.image import decode, read_photo

RNG = np.random.default_rng(0)


def scene(height=24, width=33):
    """A smooth picture, H W 3 uint8, that JPEG hardly changes and no symmetry leaves the same."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (x / width, y / height, (x + 2 * y) / (width + 2 * height))
    return np.round(20 + 215 * np.stack(channels, axis=-1)).astype(np.uint8)


def deep_scene(height=24, width=33):
    return RNG.integers(0, 65536, (height, width, 3), np.uint16)


def png16(samples, colour_type, *chunks):
    """A 16-bit PNG of any colour type, made by hand."""

    def chunk(kind, payload):
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(
            ">I", zlib.crc32(kind + payload)
        )  # fmt: skip

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))]
    parts += [chunk(*other) for other in chunks]
    parts += [chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(samples, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **options)
    return file.getvalue()


def save(path, picture, **options):
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(
        path, **options
    )
    return path


def read_bytes(tmp_path, data, name="photo.bin"):
    (tmp_path / name).write_bytes(data)
    return read_photo(tmp_path / name)


# Pixels


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 3), (24, 33)])
@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [("jpg", {"quality": 100, "subsampling": 0}, 4), ("png", {}, 0), ("tif", {}, 0),
     ("tif", {"compression": "tiff_lzw"}, 0), ("tif", {"compression": "tiff_deflate"}, 0),
     ("webp", {"lossless": True}, 0)],
)  # fmt: skip
def test_8_bit_photos_of_every_format(tmp_path, size, suffix, options, tolerance):
    path = save(tmp_path / f"ünïcode 写真.{suffix}", scene(*size), **options)
    photo = read_photo(path)
    assert (photo.bit_depth, photo.alpha, photo.warnings) == (8, None, ())
    assert photo.format == {"jpg": "JPEG", "png": "PNG", "tif": "TIFF", "webp": "WEBP"}[suffix]
    assert photo.pixels.flags.c_contiguous
    assert np.abs(photo.pixels * 255 - scene(*size)).max() <= tolerance + 1e-3
    np.testing.assert_array_equal(read_photo(str(path)).pixels, photo.pixels)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 3), (24, 33)])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    "encode",
    [
        lambda samples: png16(samples, 2),
        lambda samples: tiff(samples, photometric="rgb"),
        lambda samples: tiff(samples, photometric="rgb", byteorder=">"),
        lambda samples: tiff(samples, photometric="rgb", compression="zlib", predictor=True),
        lambda samples: tiff(samples, photometric="rgb", bigtiff=True),
        lambda samples: cv2.imencode(
            ".tif", samples[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5]
        )[1].tobytes(),
    ],
)  # fmt: skip
def test_16_bit_photos_keep_every_bit_even_dark_ones(tmp_path, size, dark, encode):
    samples = deep_scene(*size) // (1000 if dark else 1)
    photo = read_bytes(tmp_path, encode(samples))
    assert (photo.bit_depth, photo.warnings) == (16, ())
    np.testing.assert_array_equal(np.round(photo.pixels * 65535), samples)


def test_16_bit_grey_and_alpha(tmp_path):
    samples = RNG.integers(0, 65536, (6, 7, 4), np.uint16)
    grey, alpha = samples[..., 0], samples[..., 3]
    cases = {
        "grey png": (png16(grey, 0), grey, None),
        "grey alpha png": (png16(samples[..., [0, 3]], 4), grey, alpha),
        "rgb alpha png": (png16(samples, 6), samples[..., :3], alpha),
        "grey tiff": (tiff(grey, photometric="minisblack"), grey, None),
        "inverted tiff": (tiff(65535 - grey, photometric="miniswhite"), grey, None),
        "alpha tiff": (tiff(samples, photometric="rgb", extrasamples=["unassalpha"]),
                       samples[..., :3], alpha),
        "fourth channel": (tiff(samples, photometric="rgb", extrasamples=["unspecified"]),
                           samples[..., :3], None),
    }  # fmt: skip
    for name, (data, colours, opacity) in cases.items():
        photo = read_bytes(tmp_path, data)
        expected = colours if colours.ndim == 3 else colours[..., None].repeat(3, axis=2)
        assert photo.bit_depth == 16, name
        np.testing.assert_array_equal(np.round(photo.pixels * 65535), expected, err_msg=name)
        if opacity is None:
            assert photo.alpha is None, name
        else:
            np.testing.assert_array_equal(np.round(photo.alpha * 65535), opacity, err_msg=name)


def test_16_bit_alpha_that_was_multiplied_in_is_divided_out(tmp_path):
    samples = RNG.integers(0, 65536, (6, 7, 4), np.uint16)
    samples[..., 3] |= 1 << 15
    multiplied = samples.copy()
    multiplied[..., :3] = np.round(samples[..., :3] * (samples[..., 3:] / 65535))
    multiplied[0, 0] = 0
    photo = read_bytes(tmp_path, tiff(multiplied, photometric="rgb", extrasamples=["assocalpha"]))
    error = np.abs(photo.pixels * 65535 - samples[..., :3])
    error[0, 0] = 0
    assert error.max() < 2
    assert photo.pixels[0, 0].max() == photo.alpha[0, 0] == 0


def test_8_bit_modes_become_rgb(tmp_path):
    rgb = Image.fromarray(scene())
    palette = rgb.quantize(16)
    clear = palette.copy()
    clear.info["transparency"] = 3
    grey = rgb.convert("L")
    rgba = rgb.copy()
    rgba.putalpha(grey)
    for name, picture in {
        "grey": grey, "grey alpha": rgba.convert("LA"), "palette": palette, "rgba": rgba,
        "palette with a clear colour": clear, "bilevel": grey.point(lambda v: 255 * (v > 99), "1"),
    }.items():  # fmt: skip
        photo = read_photo(save(tmp_path / "a.png", picture))
        expected = np.asarray(picture.convert("RGBA"))
        np.testing.assert_array_equal(np.round(photo.pixels * 255), expected[..., :3], err_msg=name)
        if (expected[..., 3] == 255).all():
            assert photo.alpha is None, name
        else:
            np.testing.assert_array_equal(
                np.round(photo.alpha * 255), expected[..., 3], err_msg=name
            )


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_becomes_rgb_with_a_warning(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(scene()).convert("CMYK"))
    photo = read_photo(path)
    assert np.abs(photo.pixels * 255 - scene()).mean() < 3
    assert "CMYK" in photo.warnings[0]
    assert photo.icc_profile is None


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif", "png16", "tif16", "bigtiff16"])
def test_photos_come_upright_and_say_so(tmp_path, camera_exif, kind, orientation):
    block = camera_exif(orientation)
    xmp = f'<x:xmpmeta tiff:Orientation="{orientation}"/>'.encode()
    deep = deep_scene()
    if kind == "png16":
        data = png16(deep, 2, (b"eXIf", block), (b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + xmp))
    elif kind in ("tif16", "bigtiff16"):
        tags = [(274, "H", 1, orientation, True), (700, "B", len(xmp), xmp, True)]
        data = tiff(deep, photometric="rgb", extratags=tags, bigtiff=kind == "bigtiff16")
    else:
        options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}.get(
            kind, {}
        )
        if kind == "png":
            path = save(tmp_path / "a.png", scene(), exif=block)
        elif kind == "tif":
            path = save(tmp_path / "a.tif", scene(), tiffinfo={274: orientation, 700: xmp})
        else:
            path = save(
                tmp_path / f"a.{kind}", scene(), exif=b"Exif\0\0" + block, xmp=xmp, **options
            )
        data = path.read_bytes()
    photo = read_bytes(tmp_path, data)

    # Pillow's idea of upright, for 8-bit copies of either picture.
    stored = Image.fromarray(scene() if photo.bit_depth == 8 else (deep >> 8).astype(np.uint8))
    stored.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(stored))
    top = 255 if photo.bit_depth == 8 else 65535 / 256
    assert photo.pixels.shape == expected.shape
    assert np.abs(photo.pixels * top - expected).max() <= 4
    again = Image.Exif()
    again.load(photo.exif)
    assert again[274] == 1
    if kind != "png":
        assert photo.xmp == b'<x:xmpmeta tiff:Orientation="1"/>'


@pytest.mark.parametrize(
    "xmp", [b"<r tiff:Orientation='6'>", b"<tiff:Orientation>6</tiff:Orientation>"]
)
def test_orientation_from_xmp_counts_where_exif_has_none(tmp_path, camera_exif, xmp):
    for block, turned in ((b"", True), (camera_exif(None), True), (camera_exif(1), False)):
        photo = read_photo(save(tmp_path / "a.webp", scene(24, 33), exif=block, xmp=xmp))
        assert photo.pixels.shape == ((33, 24, 3) if turned else (24, 33, 3))
        assert photo.xmp == xmp.replace(b"6", b"1")


# Metadata


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_metadata_is_kept(tmp_path, camera_exif, profiles, suffix):
    path = tmp_path / f"a.{suffix}"
    options = {"icc_profile": profiles["sRGB"], "dpi": (300, 240)}
    if suffix == "tif":
        exif = Image.Exif()
        exif[0x010F] = "Kamera AG"
        exif[700] = b"<xmp/>"
        save(path, scene(), exif=exif, **options)
    else:
        prefix = b"" if suffix == "webp" else b"Exif\0\0"
        save(path, scene(), exif=prefix + camera_exif(), xmp=b"<xmp/>", **options)
    photo = read_photo(path)
    assert photo.icc_profile == profiles["sRGB"]
    assert photo.warnings == ()
    if suffix != "webp":
        assert photo.dpi == pytest.approx((300, 240), abs=0.1)
    if suffix != "png":  # Pillow writes no XMP into PNG files
        assert photo.xmp == b"<xmp/>"
    assert photo.exif[:2] in (b"II", b"MM")
    assert b"Kamera AG" in photo.exif
    assert b"how things were" not in photo.exif


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "avif", "heic", "jxl"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_the_resolution_in_exif_is_turned_with_the_photo(tmp_path, suffix, orientation):
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    if suffix == "jxl":
        pytest.importorskip("pillow_jxl")
        save(tmp_path / "a.jpg", scene(24, 24), exif=_of_two_resolutions(orientation))
        with Image.open(tmp_path / "a.jpg") as image:
            image.save(tmp_path / "a.jxl", lossless_jpeg=True)
    else:
        save(tmp_path / f"a.{suffix}", scene(24, 24), exif=_of_two_resolutions(orientation))
    photo = read_photo(tmp_path / f"a.{suffix}")
    values = Image.Exif()
    values.load(photo.exif)
    assert values.get(274, 1) == 1
    assert (values[282], values[283]) == ((240, 300) if orientation > 4 else (300, 240))
    assert photo.dpi == (values[282], values[283])


@pytest.mark.parametrize("value", [0.5, 70_000])
def test_a_resolution_in_exif_that_other_places_have_no_room_for_stays_there(tmp_path, value):
    block = Image.Exif()
    block[282], block[283], block[296] = value, value, 2
    photo = read_photo(save(tmp_path / "a.webp", scene(), exif=block.tobytes()))
    assert (photo.dpi, photo.warnings) == (None, ())
    again = Image.Exif()
    again.load(photo.exif)
    assert again[282] == value


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_sizes_and_resolutions_in_xmp_are_turned_with_the_photo(tmp_path, orientation):
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
        b' xmlns:exif="http://ns.adobe.com/exif/1.0/" tiff:Orientation="%d"'
        b' tiff:ImageWidth="33" tiff:ImageLength="24">'
        b"<tiff:XResolution>300/1</tiff:XResolution><tiff:YResolution>240/1</tiff:YResolution>"
        b"<exif:PixelXDimension>33</exif:PixelXDimension><exif:UserComment>tiff:ImageWidth."
        b"</exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    path = save(tmp_path / "a.webp", scene(24, 33), xmp=packet % orientation)
    expected = packet % 1
    if orientation == 6:
        for one, other in (
            (b'Width="33"', b'Width="24"'), (b'Length="24"', b'Length="33"'),
            (b"300/1", b"@"), (b"240/1", b"300/1"), (b"@", b"240/1"), (b"PixelX", b"PixelY"),
        ):  # fmt: skip
            expected = expected.replace(one, other)
    photo = read_photo(path)
    assert _properties(photo.xmp) == _properties(expected)
    assert b">tiff:ImageWidth.<" in photo.xmp


def _properties(packet):
    """Names and values of the photo's properties in a packet."""
    (description,) = ElementTree.fromstring(packet).iter(
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
    )
    return {**description.attrib, **{each.tag: each.text for each in description}}


def test_exif_whose_resolution_lies_over_its_directory_is_told(tmp_path):
    fields = [(274, 3, 1, 6), (282, 5, 1, 8), (283, 5, 1, 50)]
    block = b"II*\0\x08\0\0\0\x03\0" + b"".join(struct.pack("<HHII", *f) for f in fields)
    photo = read_photo(save(tmp_path / "a.webp", scene(24, 33), exif=block + b"\xff" * 12))
    assert photo.exif is None
    assert photo.warnings == ("its EXIF data is damaged and not kept",)
    assert photo.pixels.shape == (33, 24, 3)


def _of_two_resolutions(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    exif[282], exif[283], exif[296] = 300.0, 240.0, 2
    return exif.tobytes()


def test_iptc_is_kept(tmp_path):
    records = b"\x1c\x02\x78\x00\x07Caption"
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records
    payload = b"Photoshop 3.0\0" + resource + bytes(len(records) % 2)
    segment = b"\xff\xed" + struct.pack(">H", len(payload) + 2) + payload
    jpeg = save(tmp_path / "a.jpg", scene()).read_bytes()
    assert read_bytes(tmp_path, jpeg[:2] + segment + jpeg[2:]).iptc == records
    tags = [(0x83BB, "B", len(records), records, True)]
    assert read_bytes(tmp_path, tiff(scene(), photometric="rgb", extratags=tags)).iptc == records


RECORDS = b"\x1c\x02\x78\x00\x07Caption"
RESOURCES = (
    b"8BIM\x03\xed\x03res\0\0\0\x01\x01\0"  # one more, with a name and of odd length
    b"8BIM\x04\x04\0\0" + struct.pack(">I", len(RECORDS)) + RECORDS
)


@pytest.mark.parametrize(
    ("field", "resources", "expected", "told"),
    [(RECORDS[:5], RESOURCES, RECORDS, ""),  # as ImageMagick writes them
     (None, RESOURCES, RECORDS, ""),
     (RECORDS + bytes(3), b"rubbish", RECORDS, ""),
     (b"Photoshop 3.0\x008", None, None, "not kept"),  # as libvips does
     (RECORDS + RECORDS[:5], None, RECORDS, "in part")],
)  # fmt: skip
def test_iptc_of_a_tiff_that_has_it_elsewhere_or_damaged(
    tmp_path, field, resources, expected, told
):
    tags = [(tag, "B", len(value), value, True)
            for tag, value in ((0x83BB, field), (34377, resources)) if value]  # fmt: skip
    photo = read_bytes(tmp_path, tiff(scene(), photometric="rgb", extratags=tags))
    assert photo.iptc == expected
    assert told in " ".join(photo.warnings)
    assert len(photo.warnings) == bool(told)


def test_iptc_and_exif_that_other_programs_put_into_a_png_are_kept(tmp_path, camera_exif):
    info = PngImagePlugin.PngInfo()
    for name, content in (("iptc", RECORDS), ("exif", b"Exif\0\0" + camera_exif(6))):
        info.add_text(f"Raw profile type {name}", f"\n{name}\n{len(content):8}\n{content.hex()}\n")
    photo = read_photo(save(tmp_path / "a.png", scene(), pnginfo=info))
    assert photo.iptc == RECORDS
    assert photo.exif == read_photo(save(tmp_path / "b.png", scene(), exif=camera_exif(6))).exif
    assert photo.pixels.shape == (33, 24, 3)


def test_a_png_of_long_comments_packets_and_profiles_is_read(tmp_path, profiles):
    long = RNG.integers(32, 127, 3 << 19, np.uint8).tobytes()
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", long.decode(), zip=True)
    info.add_itxt("XML:com.adobe.xmp", long.decode(), zip=True)
    profile = profiles["Display P3"]
    profile = struct.pack(">I", len(profile) + len(long)) + profile[4:] + long
    for samples in (scene(), deep_scene()[..., 0]):
        path = save(tmp_path / "a.png", samples, pnginfo=info, icc_profile=profile)
        photo = read_photo(path)
        assert photo.xmp == long
        if samples.ndim == 3:
            assert photo.icc_profile == profile
            assert photo.warnings == ("its texts are not kept (Comment)",)


@pytest.mark.parametrize("kind", [b"iCCP", b"iTXt"])
def test_a_png_chunk_that_inflates_beyond_measure_costs_what_is_in_it(tmp_path, kind):
    start = {b"iCCP": b"ICC\0\0", b"iTXt": b"XML:com.adobe.xmp\0\1\0\0\0"}[kind]
    bomb = start + zlib.compress(bytes(1 << 25))
    photo = read_bytes(tmp_path, png16(deep_scene(), 2, (kind, bomb)))
    assert (photo.icc_profile, photo.xmp) == (None, None)
    (warning,) = photo.warnings
    assert "not kept" in warning


@pytest.mark.parametrize("dpi", [(4e9, 4e9), (70_000, 300), (0.5, 300)])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_resolution_out_of_range_is_told(tmp_path, suffix, dpi):
    if suffix == "png":
        unit = struct.pack(">IIB", *(min(round(value / 0.0254), 2**32 - 1) for value in dpi), 1)
        data = png16(deep_scene(), 2, (b"pHYs", unit))
    else:
        resolution = [
            (round(10 * value), 10) if value < 1e6 else (round(value), 1) for value in dpi
        ]
        data = tiff(scene(), photometric="rgb", resolution=resolution, resolutionunit=2)
    photo = read_bytes(tmp_path, data)
    assert photo.dpi is None
    (warning,) = photo.warnings
    assert "resolution" in warning


def test_warnings_of_decoders_become_one_sentence(tmp_path):
    # A directory whose first hundred fields lie beyond the end.
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 100)
    block += b"".join(struct.pack("<HHII", 0x9000 + i, 2, 500, 1 << 20) for i in range(100))
    path = save(tmp_path / "a.tif", scene())
    data = path.read_bytes()
    (start,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, start)
    fields = data[start + 2 : start + 2 + 12 * number]
    broken = data[:4] + struct.pack("<I", len(data)) + data[8:]
    broken += struct.pack("<H", number + 100) + fields + block[10:] + bytes(4)
    photo = read_bytes(tmp_path, broken)
    assert photo.warnings == ("parts of the file are damaged; what could be read is kept",)


EXTENSION_ID = b"http://ns.adobe.com/xmp/extension/\0"


def extended_jpeg(path, *, lost=None, spoiled=False, order=(2, 0, 1)):
    """A JPEG file whose XMP packet goes on in three segments that are out of order."""
    rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    extension = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + rdf + b' xmlns:dc="http://purl.org/dc/elements/1.1/">'
        b'<rdf:Description rdf:about=""><dc:source>' + b"long " * 20_000 + b"</dc:source>"
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )  # fmt: skip
    digest = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + rdf + b'><rdf:Description rdf:about=""'
        b' xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="' + digest + b'"'
        b' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/></rdf:RDF></x:xmpmeta>'
    )
    jpeg = save(path, scene(), xmp=packet).read_bytes()
    if spoiled:
        extension = extension.replace(b"long", b"lung", 1)
    step = len(extension) // 3 + 1
    parts = b""
    for i in order:
        if i != lost:
            part = extension[i * step : (i + 1) * step]
            part = digest + struct.pack(">II", len(extension), i * step) + part
            parts += b"\xff\xe1" + struct.pack(">H", len(EXTENSION_ID + part) + 2)
            parts += EXTENSION_ID + part
    scan = jpeg.index(b"\xff\xdb")
    return jpeg[:scan] + parts + jpeg[scan:]


def test_extended_xmp_is_joined(tmp_path):
    photo = read_bytes(tmp_path, extended_jpeg(tmp_path / "a.jpg"))
    assert photo.warnings == ()
    assert b"HasExtendedXMP" not in photo.xmp
    (rdf,) = ElementTree.fromstring(photo.xmp)
    assert rdf[0].get("{http://ns.adobe.com/xap/1.0/}Rating") == "5"
    assert rdf[1].findtext("{http://purl.org/dc/elements/1.1/}source") == "long " * 20_000


@pytest.mark.parametrize("damage", [{"lost": 1}, {"spoiled": True}, {"order": ()}])
def test_extended_xmp_that_is_not_whole_is_told(tmp_path, damage):
    photo = read_bytes(tmp_path, extended_jpeg(tmp_path / "a.jpg", **damage))
    assert photo.warnings == ("its extended XMP data is damaged or missing and not kept",)
    assert b"HasExtendedXMP" not in photo.xmp
    assert b'xmp:Rating="5"' in photo.xmp


def test_damaged_exif_costs_the_exif_not_the_photo(tmp_path):
    photo = read_photo(save(tmp_path / "a.jpg", scene(), exif=b"Exif\0\0II*\0rubbish"))
    assert photo.exif is None
    assert "EXIF" in " ".join(photo.warnings)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "avif"])
def test_of_several_pictures_the_first_is_read_with_a_warning(tmp_path, suffix):
    first, second = Image.fromarray(scene()), Image.fromarray(scene()[::-1].copy())
    options = {"webp": {"lossless": True}, "avif": {"quality": 100, "subsampling": "4:4:4"}}
    first.save(
        tmp_path / f"a.{suffix}", save_all=True, append_images=[second], **options.get(suffix, {})
    )
    photo = read_photo(tmp_path / f"a.{suffix}")
    assert np.abs(photo.pixels * 255 - scene()).max() < (9 if suffix == "avif" else 1e-3)
    assert photo.warnings == ("it holds several pictures: the first is kept, 1 left out",)


def test_a_second_picture_in_a_jpeg_is_told_too(tmp_path):
    first, second = Image.fromarray(scene()), Image.fromarray(scene()[::-1].copy())
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second], quality=100)
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.format == "JPEG"
    assert photo.warnings == ("it holds several pictures: the first is kept, 1 left out",)
    film = read_bytes(tmp_path, (tmp_path / "a.jpg").read_bytes() + b"\0\0\0\x10ftypmp42mdat")
    assert film.warnings[0] == photo.warnings[0]
    assert "behind the photo is not kept (a film; " in film.warnings[1]


def test_what_follows_the_picture_in_a_jpeg_is_told(tmp_path):
    data = save(tmp_path / "a.jpg", scene()).read_bytes()
    assert read_bytes(tmp_path, data + bytes(100)).warnings == ()
    photo = read_bytes(tmp_path, data + data)
    (warning,) = photo.warnings
    assert warning.endswith(f"not kept (a further picture; {len(data)} bytes in all)")
    assert np.array_equal(photo.pixels, read_photo(tmp_path / "a.jpg").pixels)


def test_comments_of_a_jpeg_are_read(tmp_path):
    photo = read_photo(save(tmp_path / "a.jpg", scene(), comment=b"Gr\xf6\xdfe"))
    assert (photo.comments, photo.warnings) == ((b"Gr\xf6\xdfe",), ())


PLACED = (33550, "d", 3, (0.5, 0.5, 0.0), True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_stays_on_its_map_unless_it_is_turned(tmp_path, dtype, capfd):
    samples = scene().astype(dtype)

    def read(*tags):
        return read_bytes(tmp_path, tiff(samples, photometric="rgb", extratags=[PLACED, *tags]))

    for photo in (read(), read((274, "H", 1, 1, True))):
        assert photo.georeference == ((33550, 12, [0.5, 0.5, 0.0]),)
        assert photo.warnings == ()
    for orientation in (2, 6):
        turned = read((274, "H", 1, orientation, True))
        assert turned.georeference == ()
        assert turned.warnings == (
            "its coordinates of a map (GeoTIFF) are not kept, because it was turned upright",
        )
    assert capfd.readouterr() == ("", "")


# Colour


def display_p3_to_srgb(values):
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    to_srgb = np.array(
        [[1.22494, -0.22494, 0], [-0.04206, 1.04206, 0], [-0.01964, -0.07864, 1.09827]]
    )
    linear = linear @ to_srgb.T
    size = np.abs(linear)
    encoded = np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return np.sign(linear) * encoded


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "avif"])
def test_the_embedded_profile_counts(tmp_path, profiles, suffix):
    path = save(tmp_path / f"a.{suffix}", scene(), icc_profile=profiles["Display P3"])
    with Image.open(path) as image:
        stored = np.asarray(image.convert("RGB")) / 255
    photo = read_photo(path)
    assert photo.icc_profile == profiles["Display P3"]
    np.testing.assert_allclose(photo.pixels, display_p3_to_srgb(stored), atol=2e-3)
    assert np.abs(photo.pixels - stored).max() > 0.02


def test_the_embedded_profile_of_a_16_bit_photo_is_applied_at_16_bits(tmp_path, profiles):
    ramp = np.linspace(20000, 20255, 256).astype(np.uint16).reshape(16, 16, 1).repeat(3, axis=2)
    profile = (b"iCCP", b"P3\0\0" + zlib.compress(profiles["Adobe RGB"]))
    photo = read_bytes(tmp_path, png16(ramp, 2, profile))
    assert photo.bit_depth == 16
    assert len(np.unique(photo.pixels[..., 0])) == 256


@pytest.mark.parametrize("floating", [False, True])
def test_colours_outside_of_srgb_are_not_clipped(tmp_path, profiles, floating):
    green = np.full((600, 400, 3), 128, np.uint8)
    green[400:, :, :] = (0, 255, 0)
    path = save(tmp_path / "a.png", green, icc_profile=profiles["Display P3"])
    photo = read_photo(path, floating=floating)
    assert photo.warnings == ()
    assert photo.pixels.dtype == np.float32
    np.testing.assert_allclose(photo.pixels[0, 0] * 255, 128, atol=0.01)
    expected = display_p3_to_srgb(np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(photo.pixels[-1, -1], expected, atol=2e-3)
    assert photo.pixels[-1, -1, 0] < -0.5


def test_a_grey_profile_is_applied_and_kept(tmp_path, profiles):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    photo = read_photo(save(tmp_path / "a.png", grey, icc_profile=profiles["grey"]))
    linear = (grey / 255) ** (461 / 256)
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    away = grey > 2  # where the curve is nearly flat it is made a little steeper
    expected = expected[..., None].repeat(3, axis=2)
    np.testing.assert_allclose(photo.pixels[away], expected[away], atol=1e-4)
    assert (photo.icc_profile, photo.grey, photo.warnings) == (profiles["grey"], True, ())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_profile_of_tables_without_a_way_back_is_replaced_by_srgb(tmp_path, make_profiles, dtype):
    # A table of the cube's eight corners, in Lab: lightness is the mean of the three values.
    corners = [(85 * (r + g + b), 128, 128) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
    head = b"mft1" + bytes(4) + bytes([3, 3, 2, 0]) + make_profiles.fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table = head + bytes(range(256)) * 3 + bytes(np.ravel(corners).tolist()) + bytes(range(256)) * 3
    profile = make_profiles.profile(b"RGB ", {b"A2B0": table}, b"Lab ")
    top = np.iinfo(dtype).max
    samples = np.array([[(0, 0, 0), (top, top, top), (top // 2, top // 2, top // 2)]], dtype)
    if dtype == np.uint8:
        data = save(tmp_path / "a.png", samples, icc_profile=profile).read_bytes()
    else:
        data = png16(samples, 2, (b"iCCP", b"x\0\0" + zlib.compress(profile)))
    photo = read_bytes(tmp_path, data)
    # Lightness 50 is 119 in sRGB.
    np.testing.assert_allclose(photo.pixels[0, :, 1] * 255, [0, 255, 119], atol=1.5)
    assert photo.icc_profile is None
    assert photo.bit_depth == 8 * np.dtype(dtype).itemsize
    assert photo.warnings == ("its colour profile is for reading only and was replaced by sRGB",)


@pytest.mark.parametrize("which", ["grey", "rubbish", "cut"])
def test_a_profile_that_does_not_fit_is_told_and_ignored(tmp_path, profiles, which):
    profile = {"grey": profiles["grey"], "rubbish": b"rubbish", "cut": profiles["sRGB"][:200]}[
        which
    ]
    photo = read_photo(save(tmp_path / "a.png", scene(), icc_profile=profile))
    assert photo.icc_profile is None
    assert "profile" in photo.warnings[0]
    np.testing.assert_array_equal(np.round(photo.pixels * 255), scene())


# Refusals


def test_what_is_not_there_or_no_photo_is_a_photo_error(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("Dear diary")
    (tmp_path / "cake.jpg").mkdir()
    Image.fromarray(scene()).save(tmp_path / "a.gif")
    Image.fromarray(scene()).save(tmp_path / "a.bmp")
    for name, reason in {
        "none.jpg": "no such file",
        "empty.jpg": "empty",
        "text.jpg": "no JPEG",
        "cake.jpg": "folder",
        "a.gif": "no JPEG, .* raw file",
        "a.bmp": "no JPEG",
        "nul\0.jpg": "cannot read",
        "empty.jpg/x": "cannot read",
        "x" * 300: "cannot read",
    }.items():
        with pytest.raises(PhotoError, match=reason) as caught:
            read_photo(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_file_that_may_not_be_read_is_a_photo_error(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", scene())

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(PhotoError, match="Permission denied"):
        read_photo(path)


def files_of_all_kinds(tmp_path, camera_exif):
    """Whole files by name, of about 10 kB."""
    picture = np.clip(scene(60, 50) + RNG.normal(0, 9, (60, 50, 3)), 0, 255).astype(np.uint8)
    exif = b"Exif\0\0" + camera_exif(3)
    deep = deep_scene(30, 40)
    return {
        "jpg": save(tmp_path / "a.jpg", picture, exif=exif).read_bytes(),
        "progressive": save(tmp_path / "p.jpg", picture, progressive=True).read_bytes(),
        "png": save(tmp_path / "a.png", picture, exif=exif).read_bytes(),
        "tif": save(tmp_path / "a.tif", picture).read_bytes(),
        "lzw": save(tmp_path / "l.tif", picture, compression="tiff_lzw").read_bytes(),
        "webp": save(tmp_path / "a.webp", picture, exif=camera_exif(3)).read_bytes(),
        "avif": save(tmp_path / "a.avif", picture, exif=camera_exif(3)).read_bytes(),
        "lossless": save(tmp_path / "l.webp", picture, lossless=True).read_bytes(),
        "png16": png16(deep, 2),
        "tif16": tiff(deep, photometric="rgb", rowsperstrip=7),
        "deflate16": tiff(deep, photometric="rgb", compression="zlib", rowsperstrip=7),
        "planar16": tiff(deep.transpose(2, 0, 1).copy(), photometric="rgb",
                         planarconfig="separate", compression="zlib", rowsperstrip=7),
        "float": tiff(deep.astype(np.float32), photometric="rgb", compression="zlib"),
    }  # fmt: skip


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_file_that_ends_early_is_a_photo_error(tmp_path, camera_exif, keep, capfd):
    for name, data in files_of_all_kinds(tmp_path, camera_exif).items():
        with pytest.raises(PhotoError, match="cannot read") as caught:
            read_bytes(tmp_path, data[: int(len(data) * keep)])
        assert "\n" not in str(caught.value), name
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_that_ends_early_but_has_an_end_marker_is_refused(tmp_path, mode):
    noisy = Image.fromarray((deep_scene(90, 80) >> 8).astype(np.uint8)).convert(mode)
    data = save(tmp_path / "a.jpg", noisy).read_bytes()
    for keep in (0.3, 0.6, 0.9):
        with pytest.raises(PhotoError, match="ends early"):
            read_bytes(tmp_path, data[: int(len(data) * keep)] + b"\xff\xd9")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_photo_of_a_grey_wall_is_not_taken_for_one_that_ends_early(tmp_path, mode):
    path = save(tmp_path / "a.jpg", Image.new(mode, (50, 60), (128,) * len(mode)))
    assert np.all(np.round(read_photo(path).pixels * 255) == 128)
    data = path.read_bytes()
    padded = data.replace(b"\xff\xda", b"\xff\xff\xff\xda", 1)
    for variant in (data + b"trailing", padded):
        assert read_bytes(tmp_path, variant).height == 60


def test_damage_of_any_kind_is_a_photo_error_or_no_error(tmp_path, camera_exif):
    rng = np.random.default_rng(1)
    messages = []
    for data in files_of_all_kinds(tmp_path, camera_exif).values():
        for _ in range(30):
            broken = bytearray(data)
            reach = len(broken) if rng.random() < 0.5 else 200
            for place in rng.integers(0, reach, 3):
                broken[place] = rng.integers(256)
            try:
                photo = read_bytes(tmp_path, bytes(broken))
            except PhotoError as error:
                messages.append(str(error))
            else:
                assert np.isfinite(photo.pixels).all()
    assert len(messages) > 50
    assert not any("\n" in message for message in messages)


def test_the_preview_in_a_camera_raw_file_is_not_taken_for_the_photo(tmp_path):
    preview = tiff(scene(), photometric="rgb", subfiletype=1)
    tags = [(50706, "B", 4, b"\x01\x04\0\0", True)]
    for data, name in (
        (preview, "a.nef"),
        (preview, "a.tif"),
        (tiff(scene(), photometric="rgb"), "a.ARW"),
        (tiff(scene(), photometric="rgb", extratags=tags), "a.tif"),
    ):
        with pytest.raises(PhotoError, match="raw data"):
            read_bytes(tmp_path, data, name)


# Size limit


def header_bombs():
    """Files of a few bytes that claim 30000 x 30000 pixels (WebP, which cannot: 16383 x 16383)."""
    size = struct.pack(">II", 30000, 30000)
    ihdr = b"IHDR" + size + b"\x08\x02\0\0\0"
    idat = b"IDAT" + zlib.compress(bytes(99))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (ihdr, idat, b"IEND")
    )
    tags = [
        (256, 30000),
        (257, 30000),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (278, 30000),
        (279, 9),
    ]
    tif = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags
    ) + bytes(4)  # fmt: skip
    frame = (
        b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, 30000, 30000, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    )
    jpg = b"\xff\xd8" + frame + b"\xff\xda" + struct.pack(">HB", 12, 3) + b"\1\0\2\0\3\0\0\x3f\0"
    canvas = struct.pack("<I", 16382)[:3] * 2
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    webp = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
    return {"png": png, "tif": tif, "jpg": jpg, "webp": webp}


@pytest.mark.parametrize("kind", ["png", "tif", "jpg", "webp"])
def test_a_header_that_claims_too_much_is_refused_before_decoding(tmp_path, monkeypatch, kind):
    def decoding(*_):
        raise AssertionError("decoding began")

    monkeypatch.setattr(decode, "_read_channels", decoding)
    (tmp_path / "a").write_bytes(header_bombs()[kind])
    options = {"max_pixels": 200_000_000} if kind == "webp" else {}
    # Some versions of Pillow find out first that this WebP file holds nothing but its header.
    reason = r"[24]00 megapixels.*--max-pixels" + ("|decoder" if kind == "webp" else "")
    with pytest.raises(PhotoError, match=reason):
        read_photo(tmp_path / "a", **options)


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "webp"])
def test_the_limit_is_exact_and_pillows_own_is_neither_in_the_way_nor_changed(
    tmp_path, monkeypatch, kind
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    path = tmp_path / f"a.{kind}"
    cv2.imwrite(str(path), scene(9, 11))
    assert read_photo(path, max_pixels=99).width == 11
    for limit in (98, 50, 49, 1):
        with pytest.raises(PhotoError, match="--max-pixels"):
            read_photo(path, max_pixels=limit)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_reading_in_threads_leaves_the_process_as_it_was(tmp_path):
    paths = [save(tmp_path / f"{i}.png", scene()) for i in range(4)]
    (tmp_path / "bad.png").write_bytes(paths[0].read_bytes()[:90])
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    level = cv2.utils.logging.getLogLevel()
    results = []

    def work(path):
        for _ in range(5):
            try:
                results.append(read_photo(path).width)
            except PhotoError:
                results.append(0)

    threads = [threading.Thread(target=work, args=(p,)) for p in (*paths, tmp_path / "bad.png")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0] * 5 + [33] * 20
    assert limit == Image.MAX_IMAGE_PIXELS
    assert warnings.filters == filters
    assert cv2.utils.logging.getLogLevel() == level


def test_real_photos(shared_data):
    paths = sorted(shared_data.glob("luan/*/content.*"))
    assert paths
    for path in paths[:5]:
        photo = read_photo(path)
        with Image.open(path) as image:
            expected = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(np.round(photo.pixels * 255), expected)
        assert photo.warnings == ()


@pytest.mark.parametrize(
    ("make", "suffix"), [(scene, ".jpg"), (scene, ".png"), (deep_scene, ".tif")]
)
def test_samples_as_they_are_in_the_file(tmp_path, make, suffix):
    path = tmp_path / f"photo{suffix}"
    samples = make()
    if samples.dtype == np.uint16:
        tifffile.imwrite(path, samples, photometric="rgb")
    else:
        Image.fromarray(samples).save(path, quality=95)
    photo, floating = read_photo(path, floating=False), read_photo(path)
    assert photo.pixels.dtype == samples.dtype
    np.testing.assert_array_equal(photo.floats(), floating.pixels)
    np.testing.assert_array_equal(photo.floats(slice(3, 7)), floating.pixels[3:7])


@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB", "grey"])
def test_samples_that_need_conversion_come_in_floating_point(tmp_path, profiles, name):
    path = tmp_path / "photo.png"
    dull = scene() // 8 + 100
    Image.fromarray(dull if name != "grey" else dull[..., 0]).save(path, icc_profile=profiles[name])
    photo, floating = read_photo(path, floating=False), read_photo(path)
    assert photo.pixels.dtype == np.float32
    np.testing.assert_array_equal(photo.pixels, floating.pixels)


def test_16_bit_samples_that_need_conversion_come_in_floating_point(tmp_path, profiles):
    dull = (deep_scene() // 8 + 20000).astype(np.uint16)
    data = tiff(dull, photometric="rgb", iccprofile=profiles["Adobe RGB"])
    (tmp_path / "a.tif").write_bytes(data)
    photo, floating = (read_photo(tmp_path / "a.tif", floating=each) for each in (False, True))
    assert photo.pixels.dtype == np.float32
    np.testing.assert_array_equal(photo.pixels, floating.pixels)


def test_a_grey_profile_of_srgbs_own_curve_is_no_loss(tmp_path, make_profiles):
    profile = make_profiles.profile(b"GRAY", {b"kTRC": make_profiles.SRGB_CURVE})
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    photo = read_photo(save(tmp_path / "a.png", grey, icc_profile=profile), floating=False)
    assert photo.warnings == ()
    np.testing.assert_array_equal(photo.pixels, grey[..., None].repeat(3, axis=2))


# Modes, against other readers


def test_a_clear_colour_of_a_16_bit_png(tmp_path):
    samples = RNG.integers(0, 3, (9, 8, 3), np.uint16) * 20000
    samples[4, 5] = 0, 20000, 0
    photo = read_bytes(tmp_path, png16(samples, 2, (b"tRNS", struct.pack(">3H", 0, 20000, 0))))
    clear = (samples == (0, 20000, 0)).all(axis=-1)
    assert clear.any()
    np.testing.assert_array_equal(photo.alpha, ~clear)
    grey = read_bytes(tmp_path, png16(samples[..., 0], 0, (b"tRNS", struct.pack(">H", 40000))))
    np.testing.assert_array_equal(grey.alpha, samples[..., 0] != 40000)


@pytest.mark.parametrize(("points", "told"), [((1, 13), False), ((12, 13), True), ((9, 16), True)])
def test_colours_that_a_png_states_by_numbers(tmp_path, points, told):
    data = png16(deep_scene(), 2, (b"cICP", bytes([*points, 0, 1])))
    warnings = read_bytes(tmp_path, data).warnings
    assert len(warnings) == told
    assert not told or "taken for sRGB" in warnings[0]


@pytest.mark.parametrize("stored_as", ["CMYK", "YCCK"])
def test_cmyk_jpegs_of_both_kinds(tmp_path, stored_as):
    imagecodecs = pytest.importorskip("imagecodecs")
    cmyk = np.asarray(Image.fromarray(scene()).convert("CMYK"))
    data = imagecodecs.jpeg8_encode(
        255 - cmyk, level=100, colorspace="CMYK", outcolorspace=stored_as, subsampling="444"
    )  # Adobe's JPEG files hold inverted CMYK
    photo = read_bytes(tmp_path, data)
    assert np.abs(photo.pixels * 255 - scene()).mean() < 3
    assert "CMYK" in photo.warnings[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("both_ways", [True, False])
def test_cmyk_with_a_profile_is_converted_by_it(tmp_path, press_profile, dtype, both_ways):
    profile = press_profile(both_ways=both_ways)
    inks = np.zeros((4, 4, 4), dtype)
    inks[:, 2:, 3] = np.iinfo(dtype).max // 2
    inks[:, :, 0] = np.iinfo(dtype).max // 5
    photo = read_bytes(tmp_path, tiff(inks, photometric="separated", iccprofile=profile))
    # Every ink takes nine tenths of the light, seen as sRGB; and what is darkest becomes black.
    np.testing.assert_allclose(photo.pixels[0, 0] * 255, (209, 255, 255), atol=1.5)
    np.testing.assert_allclose(photo.pixels[0, 3] * 255, (113, 140, 140), atol=3)
    assert photo.bit_depth == 8 * inks.itemsize
    if both_ways:
        assert (photo.icc_profile, photo.warnings) == (profile, ())
        np.testing.assert_array_equal(photo.inks, inks)
    else:
        assert (photo.icc_profile, photo.inks) == (None, None)
        (warning,) = photo.warnings
        assert warning == "its colour profile is for reading only and was replaced by sRGB"


def test_cmyk_of_16_bits_without_a_profile_keeps_them(tmp_path):
    cmyk = np.asarray(Image.fromarray(scene()).convert("CMYK")).astype(np.uint16) * 257
    data = tiff(cmyk, photometric="separated")
    photo = read_bytes(tmp_path, data)
    assert np.abs(photo.pixels * 255 - scene()).mean() < 3
    assert photo.bit_depth == 16
    (warning,) = photo.warnings
    assert warning.startswith("it was converted from CMYK without a profile")


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}])
def test_cmyk_of_16_bits_however_it_is_stored(tmp_path, planes, order, options):
    if options:
        pytest.importorskip("imagecodecs")  # to write them
    deep = np.zeros((4, 64, 4), np.uint16)
    deep[..., 0] = np.linspace(0, 65535, 256).reshape(4, 64)
    deep[..., 1] = 1000
    deep[..., 2] = 30_000
    left = 1 - deep / 65535
    if planes == "separate":
        deep = deep.transpose(2, 0, 1).copy()
    photo = read_bytes(
        tmp_path,
        tiff(deep, photometric="separated", planarconfig=planes, byteorder=order, **options),
    )
    np.testing.assert_allclose(photo.pixels, left[..., :3] * left[..., 3:], atol=1e-6)


@pytest.mark.parametrize(("channels", "kind"), [(5, np.uint16), (4, np.float32)])
def test_cmyk_of_other_kinds_is_refused(tmp_path, channels, kind):
    data = tiff(np.zeros((4, 6, channels), kind), photometric="separated", planarconfig="contig")
    with pytest.raises(PhotoError, match=r"CMYK TIFF is not supported; save it"):
        read_bytes(tmp_path, data)


def test_a_grey_profile_of_a_floating_point_photo(tmp_path, profiles):
    values = np.linspace(0, 2, 48, dtype=np.float32).reshape(6, 8)
    data = tiff(values, photometric="minisblack", iccprofile=profiles["grey"])
    photo = read_bytes(tmp_path, data)
    np.testing.assert_allclose(
        photo.pixels[values < 1][:, 0],
        read_bytes(tmp_path, tiff(np.round(values[values < 1] * 65535).astype(np.uint16)[None],
                   photometric="minisblack", iccprofile=profiles["grey"])).pixels[0, :, 0],
        atol=1e-4,
    )  # fmt: skip
    assert photo.pixels.max() > 1.2
    assert (photo.icc_profile, photo.warnings) == (profiles["grey"], ())


def test_what_photoshop_keeps_in_a_tiff_and_texts_of_a_png_are_told(tmp_path):
    path = b"8BIM" + struct.pack(">HHI", 2000, 0, 4) + b"Path"
    path += b"8BIM" + struct.pack(">HHI", 1034, 0, 1) + b"\1\0"
    tags = [(37724, "B", 4, b"Adob", True), (34377, "B", len(path), path, True)]
    photo = read_bytes(tmp_path, tiff(scene(), photometric="rgb", extratags=tags))
    assert photo.warnings == (
        "its Photoshop layers are not kept",
        "its clipping paths are not kept",
        "its copyright flag and URL, as Photoshop keeps them, are not kept",
    )
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A title")
    photo = read_photo(save(tmp_path / "a.png", scene(), pnginfo=info))
    assert photo.warnings == ("its texts are not kept (Title)",)


# AVIF


def deep_avif(samples, bits, exif=None):
    """Samples of so many bits, H W, H W 3 or H W 4, as OpenCV writes them."""
    options = [
        cv2.IMWRITE_AVIF_DEPTH,
        bits,
        cv2.IMWRITE_AVIF_SPEED,
        9,
        cv2.IMWRITE_AVIF_QUALITY,
        95,
    ]
    if samples.ndim == 3:
        samples = samples[..., [2, 1, 0, *range(3, samples.shape[2])]]
    if exif is None:
        return cv2.imencode(".avif", samples, options)[1].tobytes()
    # Like Pillow, OpenCV writes an orientation as turns of the picture.
    kinds, blocks = [cv2.IMAGE_METADATA_EXIF], [np.frombuffer(exif, np.uint8)]
    return cv2.imencodeWithMetadata(".avif", samples, kinds, blocks, options)[1].tobytes()


@pytest.mark.parametrize("floating", [False, True])
@pytest.mark.parametrize("bits", [10, 12])
def test_avif_of_more_than_8_bits(tmp_path, bits, floating):
    y, x = np.mgrid[0:1:48j, 0:1:64j]
    values = 0.05 + 0.9 * np.stack([x, y, (x + y) / 2, x], -1)
    codes = np.round(values * (2**bits - 1)).astype(np.uint16)
    (tmp_path / "a.avif").write_bytes(deep_avif(codes, bits))
    photo = read_photo(tmp_path / "a.avif", floating=floating)
    assert (photo.bit_depth, photo.warnings) == (16, ())
    found = photo.pixels if floating else photo.pixels / 65535
    assert np.abs(found - values[..., :3]).mean() < 0.004
    np.testing.assert_allclose(photo.alpha, values[..., 3], atol=0.01)
    # They are steps of that many bits, not of 8.
    steps = found * (2**bits - 1)
    np.testing.assert_allclose(steps, np.round(steps), atol=0.1)
    assert len(np.unique(np.round(steps))) > 300


@pytest.mark.parametrize("full", [True, False])
def test_grey_avif_of_more_than_8_bits(tmp_path, full):
    codes = np.linspace(0, 1, 48 * 64).reshape(48, 64)
    if not full:  # as video has it: the flag is in the file and in the codec's data
        codes = (64 + 876 * codes) / 1023
    data = deep_avif(np.round(codes * 1023).astype(np.uint16), 10)
    place = data.index(b"nclx") + 10
    data = data[:place] + bytes([0x80 * full]) + data[place + 1 :]
    photo = read_bytes(tmp_path, data)
    assert (photo.bit_depth, photo.grey, photo.warnings) == (16, True, ())
    expected = np.linspace(0, 1, 48 * 64).reshape(48, 64)
    np.testing.assert_allclose(photo.pixels[..., 0], expected, atol=0.004)


def test_avif_of_more_than_8_bits_comes_upright(tmp_path, camera_exif):
    if not hasattr(cv2, "imencodeWithMetadata"):
        pytest.skip("this OpenCV writes no metadata")
    pixels = scene(48, 64)
    data = deep_avif(pixels.astype(np.uint16) * 4, 10, camera_exif(6))
    photo = read_bytes(tmp_path, data)
    assert photo.pixels.shape == (64, 48, 3)
    assert np.abs(photo.pixels * 255 - np.rot90(pixels, -1)).mean() < 2


def test_avif_of_more_than_8_bits_that_become_8_is_told(tmp_path, monkeypatch):
    told = "its 10 bits a channel were reduced to 8"
    unstated = deep_avif(scene(48, 64)[..., 0].astype(np.uint16) * 4, 10).replace(b"nclx", b"none")
    grey = read_bytes(tmp_path, unstated)
    assert (grey.bit_depth, grey.warnings) == (8, (told,))
    deep = deep_avif(scene(48, 64).astype(np.uint16) * 4, 10)

    def refuses(_data):
        raise ValueError("the file is damaged")

    monkeypatch.setattr(decode, "decode_deep", refuses)  # an OpenCV without AVIF
    photo = read_bytes(tmp_path, deep)
    assert (photo.bit_depth, photo.warnings) == (8, (told,))
    assert np.abs(photo.pixels * 255 - scene(48, 64)).mean() < 3


def test_avif_comes_upright(tmp_path, camera_exif):
    path = save(tmp_path / "a.avif", scene(24, 33), quality=100, exif=camera_exif(6))
    photo = read_photo(path)
    assert photo.pixels.shape == (33, 24, 3)
    assert np.abs(photo.pixels * 255 - np.rot90(scene(24, 33), -1)).mean() < 3
    again = Image.Exif()
    again.load(photo.exif)
    assert (again[274], again[271]) == (1, "Kamera AG")
