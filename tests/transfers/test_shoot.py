from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from photostyle import Photo, read_photo
from photostyle.affine.luma_curve import apply_luma_curve
from photostyle.errors import PhotoError
from photostyle.transfers import TransferConfig, fit_shoot, frame_of, read_frames
from photostyle.transfers.shoot import mosaic

QUICK = TransferConfig(size=64, iterations=12, device="cpu")


def lab(pixels):
    return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2LAB)


def changed(look, pixels):
    curve = look.maps.numpy()
    return np.clip(apply_luma_curve(curve, pixels.reshape(-1, 3)), 0, 1).reshape(pixels.shape)


def test_the_colours_of_all_frames_together_move_to_the_style(landscape):
    frames = [landscape(seed=seed) * gain for seed, gain in ((0, 1.0), (1, 0.7), (2, 0.9))]
    style = landscape(90, 120, sky="dusk", seed=3)
    look = fit_shoot(frames, style, QUICK)
    before, after = (
        np.concatenate([lab(image).reshape(-1, 3) for image in images])
        for images in (frames, [changed(look, frame) for frame in frames])
    )
    wanted = lab(style).reshape(-1, 3)
    for statistic in (np.mean, np.std):
        apart = [np.linalg.norm(statistic(c, 0) - statistic(wanted, 0)) for c in (before, after)]
        assert apart[1] < 0.35 * apart[0]


def test_the_same_seed_gives_the_same_look_and_strength_fades_it(landscape):
    frames, style = [landscape(), landscape(seed=1)], landscape(sky="dusk")
    full, again = (fit_shoot(frames, style, QUICK).maps for _ in range(2))
    assert (full == again).all()
    config = dataclasses.replace(QUICK, strength=0.25)
    faded = fit_shoot(frames, style, config).maps.numpy()
    np.testing.assert_allclose(faded, 0.25 * full.numpy() + 0.75 * np.eye(3, 4), atol=1e-6)


def test_black_and_white_takes_all_colours_away(landscape):
    style = np.repeat(landscape(sky="dusk").mean(-1, keepdims=True), 3, -1)
    frame = landscape(seed=1)
    result = changed(fit_shoot([landscape(), frame], style, QUICK), frame)
    assert np.ptp(result, axis=-1).max() < 1 / 255


def test_without_frames_there_is_no_look(landscape):
    with pytest.raises(PhotoError, match="no photo that a look could be fitted to"):
        fit_shoot([], landscape())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 12, 16])
def test_every_photo_has_the_same_share_of_a_mosaic(count):
    frames = [np.full((30 + 3 * n, 60, 3), n / 16, np.float32) for n in range(count)]
    result = mosaic(frames, 352)
    values, areas = np.unique(result.round(4), return_counts=True)
    np.testing.assert_allclose(values, np.arange(count) / 16)
    assert areas.min() > 0.9 * areas.max()
    assert max(result.shape) == (60 if count == 1 else 498)
    assert result.flags.c_contiguous


def test_a_frame_keeps_a_small_copy_and_colours_as_they_are(landscape):
    pixels = np.round(landscape(600, 800) * 65535).astype(np.uint16)
    frame = frame_of(Photo(pixels, bit_depth=16))
    assert frame.small.shape == (264, 352, 3)
    assert abs(frame.small.mean() - pixels.mean() / 65535) < 0.002
    some = {tuple(colour) for colour in np.round(frame.colours * 65535).astype(np.uint16)}
    assert some <= {tuple(colour) for colour in pixels.reshape(-1, 3)}
    assert 30_000 < len(frame.colours) < 130_000


def test_the_frames_of_a_shoot_are_spread_over_it(photo_file, tmp_path):
    paths = [photo_file(f"{n:02}.png", 20, 30, seed=n) for n in range(9)]
    frames = read_frames(paths, most=3)
    for frame, path in zip(frames, (paths[0], paths[4], paths[8]), strict=True):
        assert (frame.small == read_photo(path).pixels).all()
    paths[4].write_bytes(b"no photo")
    others = read_frames(paths, most=3, jobs=1)
    for frame, path in zip(others, (paths[0], paths[1], paths[8]), strict=True):
        assert (frame.small == read_photo(path).pixels).all()
    assert read_frames([tmp_path / "gone.jpg"]) == []


def test_frames_of_a_real_camera_agree_better_than_when_each_is_fitted(shared_data):
    paths = sorted((shared_data / "train" / "webcam" / "640x372" / "day").glob("*.jpg"))[:3]
    frames = [cv2.resize(frame.small, (96, 56)) for frame in read_frames(paths)]
    style = read_photo(shared_data / "luan" / "07" / "style.jpg").floats()
    quick = TransferConfig(size=96, iterations=15, device="cpu")
    together = fit_shoot(frames, style, quick)
    alone = [fit_shoot([frame], style, quick) for frame in frames]

    def drift(looks):
        results = [changed(look, frames[0]) for look in looks]
        return np.abs(lab(results[0]) - lab(results[1])).mean()

    assert drift([together, together]) == 0
    assert drift(alone) > 0.5
