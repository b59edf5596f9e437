"""The main job on made-up and, where present, real photographs."""

import dataclasses

import cv2
import numpy as np
import pytest

from photostyle import Photo, read_photo, transfer
from photostyle.errors import DeviceError, PhotoError, UsageError
from photostyle.transfers import LossWeights, TransferConfig

QUICK = TransferConfig(size=96, iterations=25)


@pytest.fixture(scope="module")
def day(landscape):
    return landscape(96, 144)


@pytest.fixture(scope="module")
def dusk(landscape):
    return landscape(90, 120, sky="dusk", seed=1)


def lab_mean(pixels):
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).reshape(-1, 3).mean(0)


def test_the_look_moves_to_the_style_and_edges_stay(day, dusk):
    result = transfer(day, dusk, config=QUICK)
    pixels = result.photo.pixels
    assert pixels.shape == day.shape
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    before = np.linalg.norm(lab_mean(day) - lab_mean(dusk))
    assert np.linalg.norm(lab_mean(pixels) - lab_mean(dusk)) < 0.2 * before
    ours, theirs = (cv2.Laplacian(p.mean(-1), cv2.CV_32F) for p in (pixels, day))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.6
    assert result.device in ("cpu", "cuda", "mps")
    assert result.seconds > 0


def test_the_same_seed_gives_the_same_photo(day, dusk):
    config = dataclasses.replace(QUICK, device="cpu", seed=3, iterations=8)
    first, second = (transfer(day, dusk, config=config).photo.pixels for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = transfer(day, dusk, config=dataclasses.replace(config, seed=4)).photo.pixels
    assert not np.array_equal(first, other)


def test_style_equal_to_content_changes_next_to_nothing(day):
    result = transfer(day, day, config=QUICK).photo.pixels
    assert np.abs(result - day).mean() < 0.03


def test_strength_blends(day, dusk):
    full = transfer(day, dusk, config=QUICK).photo.pixels
    half = transfer(day, dusk, config=dataclasses.replace(QUICK, strength=0.5)).photo.pixels
    none = transfer(day, dusk, config=dataclasses.replace(QUICK, strength=0)).photo.pixels
    np.testing.assert_array_equal(none, day)
    inside = (full > 0.01) & (full < 0.99)
    np.testing.assert_allclose(half[inside], ((full + day) / 2)[inside], atol=1e-5)


def test_full_size_is_kept_and_agrees_with_the_small_fit(day, dusk):
    whole = dataclasses.replace(QUICK, segment="none")  # more pixels may show more segments
    large = cv2.resize(day, (1003, 701), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    full = transfer(large, dusk, config=whole).photo.pixels
    assert full.shape == large.shape
    small = cv2.resize(large, (96, 67), interpolation=cv2.INTER_AREA)
    same = transfer(small, dusk, config=whole).photo.pixels
    shrunk = cv2.resize(full, (96, 67), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk - same).mean() < 0.02


def test_masks_send_each_segment_to_its_own_style(day):
    content_mask = np.zeros((96, 144, 3), np.float32)
    content_mask[56:] = 1
    style = np.zeros((60, 60, 3), np.float32)
    style[:, :30], style[:, 30:] = (0.8, 0.3, 0.2), (0.1, 0.2, 0.5)
    style += np.random.default_rng(0).normal(0, 0.03, style.shape).astype(np.float32)
    style_mask = np.zeros((60, 60, 3), np.float32)
    style_mask[:, 30:] = 1
    out = transfer(
        day, style.clip(0, 1), content_mask=content_mask, style_mask=style_mask, config=QUICK
    ).photo.pixels
    np.testing.assert_allclose(out[:40].mean((0, 1)), (0.8, 0.3, 0.2), atol=0.06)
    np.testing.assert_allclose(out[70:].mean((0, 1)), (0.1, 0.2, 0.5), atol=0.06)


def test_paths_photos_and_arrays_are_all_taken(photo_file, day, dusk):
    config = dataclasses.replace(QUICK, iterations=4, device="cpu")
    path = photo_file("day.png", 96, 144)
    from_path = transfer(path, dusk, config=config).photo
    from_photo = transfer(read_photo(path), Photo.from_array(dusk), config=config).photo
    np.testing.assert_array_equal(from_path.pixels, from_photo.pixels)
    eight_bit = np.round(day * 255).astype(np.uint8)
    np.testing.assert_array_equal(
        transfer(eight_bit, dusk, config=config).photo.pixels, from_path.pixels
    )


def test_alpha_and_bit_depth_come_through(day, dusk):
    alpha = np.linspace(0, 1, day[..., 0].size, dtype=np.float32).reshape(day.shape[:2])
    photo = dataclasses.replace(Photo.from_array(day, bit_depth=16), alpha=alpha)
    result = transfer(photo, dusk, config=dataclasses.replace(QUICK, iterations=2)).photo
    np.testing.assert_array_equal(result.alpha, alpha)
    assert result.bit_depth == 16


@pytest.mark.parametrize("flat", ["content", "style", "both"])
def test_flat_photos_are_no_trouble(day, flat):
    grey = np.full((64, 64, 3), 0.4, np.float32)
    content = grey if flat in ("content", "both") else day
    style = grey if flat in ("style", "both") else day
    assert np.isfinite(transfer(content, style, config=QUICK).photo.pixels).all()


@pytest.mark.parametrize("refine", [0, 4])
def test_black_and_white_takes_all_colours_away(day, dusk, refine):
    style = np.repeat(dusk.mean(-1, keepdims=True), 3, -1)
    config = dataclasses.replace(QUICK, refine=refine)
    result = transfer(day, style, config=config).photo.pixels
    assert np.ptp(result, axis=-1).max() < 1 / 255
    assert result.std() > 0.5 * style.std()


def test_panoramas_and_small_photos_are_no_trouble(landscape, dusk):
    for size in ((16, 900), (700, 20), (16, 16)):
        content = landscape(*size)
        result = transfer(content, dusk, config=QUICK).photo.pixels
        assert result.shape == content.shape
        assert np.isfinite(result).all()


def test_refining_comes_closer_to_the_style(day, dusk):
    config = dataclasses.replace(QUICK, iterations=10, device="cpu")
    plain = transfer(day, dusk, config=config).photo.pixels
    reports = []
    refined = transfer(
        day, dusk, config=dataclasses.replace(config, refine=8), progress=reports.append
    ).photo.pixels

    def distance(pixels):
        ours, theirs = (
            np.quantile(
                cv2.cvtColor(p, cv2.COLOR_RGB2LAB).reshape(-1, 3), np.arange(0.05, 1, 0.05), 0
            )
            for p in (pixels, dusk)
        )
        return np.abs(ours - theirs).mean()

    assert distance(refined) < distance(plain)
    assert [r.done for r in reports if r.stage == "refine"] == list(range(1, 9))


def test_progress_counts_up_in_two_stages(day, dusk):
    reports = []
    transfer(day, dusk, config=dataclasses.replace(QUICK, iterations=5), progress=reports.append)
    fit = [r.done for r in reports if r.stage == "fit"]
    assert fit == [1, 2, 3, 4, 5]
    assert reports[-1].stage == "apply"
    assert reports[-1].done == reports[-1].total == 96


def test_bad_requests_are_refused_in_one_line(day, dusk, tmp_path):
    tiny = np.zeros((1, 1, 3), np.float32)
    cases = [
        (PhotoError, "content photo is 1x1", lambda: transfer(tiny, dusk)),
        (PhotoError, "style photo is 1x1", lambda: transfer(day, tiny)),
        (PhotoError, "nothing.jpg", lambda: transfer(tmp_path / "nothing.jpg", dusk)),
        (UsageError, "both masks", lambda: transfer(day, dusk, content_mask=day)),
        (
            UsageError,
            "style mask is 144x96 but the style photo is 120x90",
            lambda: transfer(day, dusk, content_mask=day, style_mask=day),
        ),
        (
            UsageError,
            "unknown device 'gpu'",
            lambda: transfer(day, dusk, config=TransferConfig(device="gpu")),
        ),
        (
            DeviceError,
            "cuda:9",
            lambda: transfer(day, dusk, config=TransferConfig(device="cuda:9")),
        ),
    ]
    for error, message, call in cases:
        with pytest.raises(error, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [
        {"strength": 1.1},
        {"strength": -0.1},
        {"size": 63},
        {"size": 4096},
        {"iterations": 0},
        {"refine": -1},
        {"seed": -1},
    ],
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        TransferConfig(**bad)


def test_weights_steer_the_result(day, dusk):
    free = transfer(day, dusk, config=QUICK).photo.pixels
    bound = transfer(
        day, dusk, config=dataclasses.replace(QUICK, weights=LossWeights(style=0.0))
    ).photo.pixels
    free_miss, bound_miss = (np.linalg.norm(lab_mean(p) - lab_mean(dusk)) for p in (free, bound))
    assert free_miss < bound_miss + 1
    assert not np.allclose(free, bound, atol=0.01)


@pytest.mark.parametrize("term", ["texture", "content"])
def test_features_of_the_bundled_encoder_take_part(day, dusk, term):
    config = dataclasses.replace(QUICK, iterations=10)
    weights = LossWeights(**{term: 30.0})
    plain = transfer(day, dusk, config=config).photo.pixels
    other = transfer(day, dusk, config=dataclasses.replace(config, weights=weights)).photo.pixels
    assert np.abs(other - plain).mean() > 0.002
    if term == "content":
        assert np.abs(other - day).mean() < np.abs(plain - day).mean()


def test_a_real_pair_with_masks(shared_data):
    pair = shared_data / "luan" / "14"
    result = transfer(
        pair / "content.jpg",
        pair / "style.jpg",
        content_mask=pair / "content_mask.png",
        style_mask=pair / "style_mask.png",
        config=TransferConfig(size=160, iterations=40),
    )
    style = read_photo(pair / "style.jpg").pixels
    content = read_photo(pair / "content.jpg").pixels
    sky, wanted = (lab_mean(np.ascontiguousarray(p[:60])) for p in (result.photo.pixels, style))
    untouched = lab_mean(np.ascontiguousarray(content[:60]))
    assert np.linalg.norm(sky - wanted) < 0.6 * np.linalg.norm(untouched - wanted)


def test_a_colour_without_a_place_makes_no_patch_unless_masks_ask_for_it():
    rows, columns = np.mgrid[:72, :96].astype(np.float32)
    wall = 0.5 + 0.1 * rows / 72 + 0.02 * np.sin(columns / 5) * np.cos(rows / 4)
    content = np.stack([wall, wall, wall], -1).astype(np.float32)
    style = content * np.float32([0.9, 0.95, 1.0])
    style[20:44, 40:64] = [0.8, 0.1, 0.1]
    mask = np.zeros((72, 96, 3), np.float32)
    config = TransferConfig(size=96, segment="none", device="cpu")

    def reddest(**masks):
        pixels = transfer(content, style, config=config, **masks).photo.pixels
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[..., 1].max()

    assert reddest() < 5
    assert reddest(content_mask=mask, style_mask=mask) > 50
