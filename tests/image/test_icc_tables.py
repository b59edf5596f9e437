from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from photostyle.image import icc, profiles
from photostyle.image.icc_tables import parse_table_profile

RNG = np.random.default_rng(0)


def by_little_cms(samples, source, target, mode_before, mode_after):
    def opened(profile):
        if profile is None:
            return ImageCms.createProfile("sRGB")
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))

    converted = ImageCms.profileToProfile(
        Image.fromarray(samples, mode_before),
        opened(source),
        opened(target),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode=mode_after,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return np.asarray(converted).astype(float)


def press(inks):
    """What the profile of the fixture says: every ink takes nine tenths of the light."""
    return (1 - 0.9 * inks[..., :3]) * (1 - 0.9 * inks[..., 3:])


def test_a_press_prints_as_it_says(press_profile):
    profile = parse_table_profile(press_profile())
    inks = RNG.integers(0, 200, (20, 30, 4), np.uint8)
    pixels = profile.to_srgb(inks)
    assert pixels.shape == (20, 30, 3)
    assert pixels.dtype == np.float32
    # The darkest that is printed, a hundredth of the light, becomes black.
    black = profile.black
    linear = (icc.srgb_to_linear(press(inks / 255)) - black) / (1 - black)
    assert np.abs(pixels - icc.linear_to_srgb(linear)).mean() < 2 / 255
    white = profile.to_srgb(np.zeros((1, 1, 4), np.uint8))
    np.testing.assert_allclose(white, 1, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_mean_what_floating_point_values_do(press_profile, dtype):
    profile = parse_table_profile(press_profile())
    inks = RNG.integers(0, np.iinfo(dtype).max, (5, 6, 4), dtype)
    values = (inks / np.iinfo(dtype).max).astype(np.float32)
    np.testing.assert_allclose(profile.to_srgb(inks), profile.to_srgb(values), atol=1e-5)


def test_little_cms_agrees(press_profile):
    made = press_profile()
    profile = parse_table_profile(made)
    inks = RNG.integers(0, 256, (40, 50, 4), np.uint8)
    expected = by_little_cms(inks, made, None, "CMYK", "RGB")
    difference = np.abs(np.clip(profile.to_srgb(inks), 0, 1) * 255 - expected)
    assert difference.mean() < 1
    assert np.percentile(difference, 99) < 4
    colours = RNG.integers(0, 256, (40, 50, 3), np.uint8)
    expected = by_little_cms(colours, None, made, "RGB", "CMYK")
    difference = np.abs(profile.from_srgb((colours / 255).astype(np.float32)) * 255 - expected)
    assert difference.mean() < 2


def test_colours_that_can_be_printed_come_back(press_profile):
    profile = parse_table_profile(press_profile())
    colours = RNG.uniform(0.3, 0.9, (30, 40, 3)).astype(np.float32)
    again = profile.to_srgb(profile.from_srgb(colours))
    assert np.abs(again - colours).mean() < 1 / 255
    assert np.abs(again - colours).max() < 12 / 255


def test_profiles_that_make_no_sense_are_refused(press_profile, make_profiles):
    whole = press_profile()
    one_way = parse_table_profile(press_profile(both_ways=False))
    with pytest.raises(ValueError, match="only be read"):
        one_way.from_srgb(np.zeros((1, 1, 3), np.float32))
    for element in (b"", b"mft2" + bytes(100), b"mft1" + bytes(4) + bytes([4, 3, 1, 0] * 20),
                    b"mAB " + bytes(4) + bytes([4, 3]) + bytes(40), b"rubbish" * 9):  # fmt: skip
        profile = make_profiles.profile(b"CMYK", {b"A2B0": element}, b"Lab ")
        with pytest.raises(ValueError, match="profile"):
            parse_table_profile(profile)
    with pytest.raises(ValueError, match="not a profile of tables"):
        parse_table_profile(whole[:20] + b"Luv " + whole[24:])
    for cut in range(200, len(whole), 997):
        with pytest.raises(ValueError, match=r".*"):
            parse_table_profile(whole[:cut])


def test_the_kind_of_profile_is_found(press_profile, make_profiles):
    grey = make_profiles.profile(b"GRAY", {b"kTRC": make_profiles.gamma_curve(1.8)})
    srgb = make_profiles.matrix_profile(make_profiles.ICC_SRGB, make_profiles.SRGB_CURVE)
    assert isinstance(profiles.parse_profile(grey), icc.GreyProfile)
    assert isinstance(profiles.parse_profile(srgb), icc.MatrixProfile)
    assert not profiles.parse_profile(press_profile()).is_srgb
    assert profiles.is_reversible(grey)
    assert profiles.is_reversible(press_profile())
    assert not profiles.is_reversible(press_profile(both_ways=False))


def test_tables_of_version_4(make_profiles):
    """Curves, table, curves, matrix, curves: here such that they change nothing but by halving."""
    straight = b"curv" + bytes(8)
    corners = np.array([(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)], ">u2") * 65535
    table = bytes([2, 2, 2] + [0] * 13) + bytes([2, 0, 0, 0]) + corners.astype(">u2").tobytes()
    matrix = make_profiles.fixed(0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5, 0, 0, 0)
    parts, places = [straight * 3, matrix, straight * 3, table, straight * 3], []
    body = b""
    for part in parts:
        places.append(32 + len(body))
        body += part + bytes(-len(part) % 4)
    head = bytes(4) + bytes([3, 3, 0, 0]) + np.array(places, ">u4").tobytes()
    tags = {b"A2B0": b"mAB " + head + body, b"B2A0": b"mBA " + head + body}
    profile = parse_table_profile(make_profiles.profile(b"RGB ", tags))
    values = np.array([[[0.5, 0.5, 0.5], [1, 0, 0]]], np.float32)
    xyz = icc.srgb_to_xyz(profile.to_srgb(values).reshape(-1, 3))
    np.testing.assert_allclose(xyz, values[0] * 0.5 * 65535 / 32768, atol=1e-4)
    again = profile.from_srgb(profile.to_srgb(values))
    np.testing.assert_allclose(again, values * 0.25, atol=1e-4)
