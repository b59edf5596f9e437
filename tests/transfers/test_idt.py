import numpy as np
import pytest

from photostyle.transfers import TransferConfig
from photostyle.transfers.idt import distribution_transfer, fit_idt
from photostyle.transfers.segments import segments_from_masks, single_segment

CONFIG = TransferConfig(solver="idt")


def fitted(content, style, segments=None, config=CONFIG):
    return fit_idt(
        content, style, segments or single_segment(content, style), config, lambda _: None
    )


def applied(look, content, strength=1.0):
    return np.concatenate([block for _, block in look.blocks(content, strength)])


def sliced_wasserstein(first, second):
    """Mean distance of quantiles along 40 directions."""
    directions = np.random.default_rng(0).normal(size=(3, 40))
    directions /= np.linalg.norm(directions, axis=0)
    levels = np.linspace(0, 1, 101)
    ours, theirs = (
        np.quantile(colours.reshape(-1, 3) @ directions, levels, axis=0)
        for colours in (first, second)
    )
    return np.abs(ours - theirs).mean()


@pytest.fixture(scope="module")
def day(landscape):
    return landscape(60, 80)


@pytest.fixture(scope="module")
def dusk(landscape):
    return landscape(50, 90, sky="dusk", seed=1)


def test_the_distribution_moves_onto_the_style_s(day, dusk):
    random = np.random.default_rng(0)
    source, target = day.reshape(-1, 3), dusk.reshape(-1, 3)
    left = [
        sliced_wasserstein(distribution_transfer(source, target, n, random).apply(source), target)
        for n in (1, 4, 20)
    ]
    before = sliced_wasserstein(source, target)
    assert left[2] < left[1] < left[0] < before
    assert left[2] < 0.02 * before


def test_one_step_matches_the_histograms_of_red_green_and_blue(day, dusk):
    source, target = day.reshape(-1, 3), dusk.reshape(-1, 3)
    moved = distribution_transfer(source, target, 1, np.random.default_rng(0)).apply(source)
    levels = np.linspace(0, 0.95, 50)  # above, the sun is clipped: equal values stay equal
    np.testing.assert_allclose(
        np.quantile(moved, levels, axis=0), np.quantile(target, levels, axis=0), atol=0.004
    )


def test_a_shifted_copy_is_a_shift_also_beyond_the_colours_seen(day):
    source = 0.5 * day.reshape(-1, 3)
    found = distribution_transfer(source, source + np.float32(0.1), 5, np.random.default_rng(0))
    colours = np.array([[-0.5, 0.2, 0.3], [1.5, 0.9, 2.0]], np.float32)
    np.testing.assert_allclose(found.apply(colours), colours + 0.1, atol=1e-3)


def test_segments_have_maps_of_their_own(day, dusk):
    mask = np.zeros((60, 80, 3), np.float32)
    mask[:30] = 1
    style_mask = np.zeros((50, 90, 3), np.float32)
    style_mask[:25] = 1
    segments = segments_from_masks(day, dusk, mask, style_mask)
    result = applied(fitted(day, dusk, segments), day)
    changed = dusk.copy()
    changed[28:] = np.random.default_rng(0).uniform(0, 1, (22, 90, 3))
    other = applied(fitted(day, changed, segments_from_masks(day, changed, mask, style_mask)), day)
    np.testing.assert_allclose(result[:24], other[:24], atol=0.02)
    assert np.abs(result[36:] - other[36:]).mean() > 0.1
    for rows, style_rows in ((slice(24), slice(25)), (slice(36, None), slice(25, None))):
        near, far = (sliced_wasserstein(image[rows], dusk[style_rows]) for image in (result, day))
        assert near < 0.2 * far


def test_blocks_agree_at_any_size_and_strength_blends(day, dusk):
    look = fitted(day, dusk)
    large = np.repeat(np.repeat(day, 2, 0), 2, 1)
    full = applied(look, large)
    np.testing.assert_allclose(full[::2, ::2], applied(look, day), atol=1e-6)
    np.testing.assert_allclose(
        applied(look, day, 0.25), (applied(look, day) + 3 * day) / 4, atol=1e-6
    )
    np.testing.assert_array_equal(applied(look, day, 0), day)


def test_the_same_seed_gives_the_same_look(day, dusk):
    tables = [
        fitted(day, dusk, config=TransferConfig(solver="idt", seed=seed)).maps[0].tables
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(tables[0], tables[1])
    assert not np.array_equal(tables[0], tables[2])


@pytest.mark.parametrize("flat", ["content", "style"])
def test_flat_photos_are_no_trouble(day, dusk, flat):
    grey = np.full((20, 20, 3), 0.4, np.float32)
    content, style = (grey, dusk) if flat == "content" else (day, grey)
    result = applied(fitted(content, style), content)
    assert np.isfinite(result).all()
    if flat == "content":
        np.testing.assert_allclose(result.mean((0, 1)), style.mean((0, 1)), atol=0.01)
    else:
        np.testing.assert_allclose(result, np.full_like(day, 0.4), atol=2e-3)
