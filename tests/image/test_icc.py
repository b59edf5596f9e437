from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from photostyle.image import icc

# Linear RGB to linear sRGB, both under D65, as the standards' primaries give it.
P3_TO_SRGB = np.array(
    [[1.22494, -0.22494, 0], [-0.04206, 1.04206, 0], [-0.01964, -0.07864, 1.09827]]
)
ADOBE_TO_SRGB = np.array([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]])


def srgb_decode(x):
    return np.where(x <= 0.04045, x / 12.92, ((np.asarray(x, float) + 0.055) / 1.055) ** 2.4)


def srgb_encode(x):
    size = np.abs(x)
    return np.sign(x) * np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)


EXPECTED = {
    "Display P3": lambda x: srgb_encode(srgb_decode(x) @ P3_TO_SRGB.T),
    "Adobe RGB": lambda x: srgb_encode((x ** (563 / 256)) @ ADOBE_TO_SRGB.T),
}


def every_grey(dtype):
    top = np.iinfo(dtype).max
    return np.arange(top + 1, dtype=dtype).reshape(-1, 16, 1).repeat(3, axis=2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB"])
def test_colours_come_out_as_the_standards_say(profiles, name, dtype):
    top = np.iinfo(dtype).max
    samples = np.random.default_rng(0).integers(0, top, (40, 50, 3), dtype, endpoint=True)
    pixels = icc.parse_matrix_profile(profiles[name]).to_srgb(samples)
    expected = EXPECTED[name](samples / top)
    assert pixels.dtype == np.float32
    far = np.abs(expected) > 0.02  # nearer to black the rounding of the primaries shows
    np.testing.assert_allclose(pixels[far], expected[far], atol=2e-3)
    assert pixels.min() < -0.3
    assert pixels.max() > 1.05


@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB", "ProPhoto RGB"])
def test_floating_point_values_mean_what_integers_do(profiles, name):
    profile = icc.parse_matrix_profile(profiles[name])
    samples = np.random.default_rng(3).integers(0, 65536, (20, 30, 3), np.uint16)
    values = (samples / 65535).astype(np.float32)
    np.testing.assert_allclose(profile.to_srgb(values), profile.to_srgb(samples), atol=2e-6)
    beyond = np.random.default_rng(4).uniform(-0.5, 3, (20, 30, 3)).astype(np.float32)
    np.testing.assert_allclose(profile.from_srgb(profile.to_srgb(beyond)), beyond, atol=1e-4)


def test_a_linear_profile_is_linear_beyond_white(make_profiles):
    identity = b"curv" + bytes(8)
    profile = make_profiles.matrix_profile(make_profiles.ICC_SRGB, identity)
    values = np.array([[[-0.5, 0.25, 9.0]]], np.float32)
    pixels = icc.parse_matrix_profile(profile).to_srgb(values)
    np.testing.assert_allclose(pixels, srgb_encode(values.astype(float)), rtol=1e-4)


@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB"])
def test_little_cms_agrees(profiles, name):
    samples = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    pixels = icc.parse_matrix_profile(profiles[name]).to_srgb(samples).clip(0, 1)
    reference = ImageCms.profileToProfile(
        Image.fromarray(samples),
        ImageCms.ImageCmsProfile(io.BytesIO(profiles[name])),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert np.abs(pixels * 255 - np.asarray(reference)).max() < 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB", "ProPhoto RGB", "sRGB"])
def test_there_and_back_gives_the_same_samples(profiles, name, dtype):
    profile = icc.parse_matrix_profile(profiles[name])
    top = np.iinfo(dtype).max
    rng = np.random.default_rng(2)
    of_all_kinds = rng.integers(0, top, (60, 60, 3), dtype, endpoint=True)
    # The most saturated colours, and the darkest values, are the hardest to give back.
    edges = np.array([0, 1, 2, 5, top // 1000, top // 200, top // 2, top - 1, top], dtype)
    for samples in (of_all_kinds, rng.choice(edges, (60, 60, 3)), every_grey(dtype)):
        pixels = profile.to_srgb(samples)
        back = np.floor(profile.from_srgb(pixels) * np.float32(top) + np.float32(0.5)).astype(int)
        error = np.abs(back - samples)
        assert error.max() <= (0 if dtype == np.uint8 else 2)
        assert (error == 0).mean() > 0.9


@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB"])
def test_greys_stay_grey_and_white_stays_white(profiles, name):
    pixels = icc.parse_matrix_profile(profiles[name]).to_srgb(every_grey(np.uint16))
    assert np.ptp(pixels, axis=-1).max() < 2e-6
    np.testing.assert_allclose(pixels[-1, -1], 1, atol=1e-6)
    assert pixels.min() >= 0


def test_srgb_is_recognised_by_what_it_says(profiles):
    made_elsewhere = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert icc.parse_matrix_profile(profiles["sRGB"]).is_srgb
    assert icc.parse_matrix_profile(made_elsewhere).is_srgb
    assert not icc.parse_matrix_profile(profiles["Display P3"]).is_srgb
    assert not icc.parse_matrix_profile(profiles["Adobe RGB"]).is_srgb


def test_srgb_stored_as_a_table_is_recognised_too(make_profiles):
    table = make_profiles.sampled_curve(srgb_decode(np.linspace(0, 1, 1024)))
    profile = make_profiles.matrix_profile(make_profiles.ICC_SRGB, table)
    assert icc.parse_matrix_profile(profile).is_srgb


def test_srgb_primaries_with_another_curve_are_not_srgb(make_profiles):
    profile = make_profiles.matrix_profile(make_profiles.ICC_SRGB, make_profiles.gamma_curve(2.2))
    assert not icc.parse_matrix_profile(profile).is_srgb


CURVES = {
    "identity": (lambda _: b"curv" + bytes(8), lambda x: x),
    "gamma": (lambda make: make.gamma_curve(1.8), lambda x: x ** (461 / 256)),
    "table": (
        lambda make: make.sampled_curve([0, 0.1, 1]),
        lambda x: np.interp(x, [0, 0.5, 1], [0, 0.1, 1]),
    ),
    "para 0": (lambda make: make.parametric_curve(0, 2.0), lambda x: x**2),
    "para 1": (
        lambda make: make.parametric_curve(1, 2.0, 1.25, -0.25),
        lambda x: np.maximum(1.25 * x - 0.25, 0) ** 2,
    ),
    "para 2": (
        lambda make: make.parametric_curve(2, 2.0, 1.0, -0.25, 0.125),
        lambda x: np.maximum(x - 0.25, 0) ** 2 + 0.125,
    ),
    "para 3": (lambda make: make.SRGB_CURVE, srgb_decode),
    "para 4": (
        lambda make: make.parametric_curve(4, 2.0, 0.75, 0.125, 0.5, 0.25, 0.03125, 0.0),
        lambda x: np.where(x >= 0.25, (0.75 * x + 0.125) ** 2 + 0.03125, 0.5 * x),
    ),
}


@pytest.mark.parametrize("name", CURVES)
def test_every_kind_of_curve(make_profiles, name):
    make, expected = CURVES[name]
    profile = make_profiles.profile(b"GRAY", {b"kTRC": make(make_profiles)})
    curve = icc.parse_grey_profile(profile).curve
    steps = np.linspace(0, 1, icc.CODES)
    assert curve.shape == (icc.CODES,)
    # Coefficients are stored in steps of 1 / 65536.
    # Curves never rise by less than a 256th, or there would be no way back.
    np.testing.assert_allclose(curve, np.maximum(expected(steps), steps / 256), atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_greys_come_back_from_srgb(make_profiles, dtype):
    top = np.iinfo(dtype).max
    samples = np.arange(top + 1, dtype=dtype)[:, None]
    for gamma in (1, 1.8, 2.2):
        made = make_profiles.profile(b"GRAY", {b"kTRC": make_profiles.gamma_curve(gamma)})
        profile = icc.parse_grey_profile(made)
        again = profile.from_srgb(profile.to_srgb(samples))
        np.testing.assert_array_equal(np.round(again * top), samples)
    beyond = np.array([-0.5, 1.5], np.float32)
    np.testing.assert_allclose(profile.from_srgb(profile.to_srgb(beyond)), beyond, atol=1e-5)


def test_the_curve_of_a_grey_profile_may_give_lightness(make_profiles):
    straight = make_profiles.gamma_curve(1)
    profile = make_profiles.profile(b"GRAY", {b"kTRC": straight}, b"Lab ")
    # Lightness 50 is 119 in sRGB.
    grey = icc.parse_grey_profile(profile).to_srgb(np.array([[0.5]], np.float32))
    np.testing.assert_allclose(grey * 255, 119, atol=0.5)


def test_profiles_of_other_kinds_are_refused(make_profiles, profiles):
    tables = make_profiles.profile(b"RGB ", {b"A2B0": b"mft2" + bytes(100)}, b"Lab ")
    assert icc.has_tables(tables)
    assert not icc.has_tables(profiles["sRGB"])
    for profile in (tables, profiles["grey"], make_profiles.profile(b"RGB ", {})):
        with pytest.raises(ValueError, match="matrix"):
            icc.parse_matrix_profile(profile)
    with pytest.raises(ValueError, match="grey"):
        icc.parse_grey_profile(profiles["sRGB"])
    assert icc.colour_space(profiles["grey"]) == "GRAY"


@pytest.mark.parametrize(
    "curve",
    [
        b"",
        b"curv" + struct.pack(">II", 0, 10),
        b"curv" + struct.pack(">II", 0, 0xFFFFFFFF),
        b"para" + struct.pack(">IHH", 0, 9, 0),
        b"para" + struct.pack(">IHH3i", 0, 1, 0, 65536, 0, 0),
        b"para" + struct.pack(">IHH3i", 0, 1, 0, 32767 << 16, 30 << 16, 0),  # it overflows
        b"para" + struct.pack(">IHHi", 0, 0, 0, -1 << 16),  # it divides by zero
        b"curv" + struct.pack(">IIHHH", 0, 3, 0, 65535, 0),
        b"curv" + struct.pack(">IIHH", 0, 2, 9, 9),
        b"rubbish!",
    ],
)
def test_curves_that_make_no_sense_are_refused(make_profiles, curve):
    with pytest.raises(ValueError, match="curve"):
        icc.parse_grey_profile(make_profiles.profile(b"GRAY", {b"kTRC": curve}))


def test_primaries_that_make_no_sense_are_refused(make_profiles):
    profile = make_profiles.matrix_profile([(0.3, 0.3, 0.3)] * 3, make_profiles.SRGB_CURVE)
    with pytest.raises(ValueError, match="primaries"):
        icc.parse_matrix_profile(profile)


def test_damage_is_a_value_error_and_nothing_else(profiles):
    rng = np.random.default_rng(0)
    profile = profiles["Adobe RGB"]
    for length in (0, 10, 127, 131, 140, 300):
        with pytest.raises(ValueError, match=r"profile|curve"):
            icc.parse_matrix_profile(profile[:length])
    for _ in range(200):
        broken = bytearray(profile)
        for place in rng.integers(0, len(broken), 4):
            broken[place] = rng.integers(256)
        try:
            icc.parse_matrix_profile(bytes(broken))
        except ValueError:
            continue
