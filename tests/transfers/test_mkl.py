import numpy as np
import pytest

from photostyle.transfers.mkl import fit_mkl
from photostyle.transfers.segments import segments_from_masks, single_segment


def applied(look, content):
    return np.concatenate([block for _, block in look.blocks(content, 1.0)])


def test_mean_and_covariance_become_the_style_s():
    random = np.random.default_rng(0)
    mix = 0.02 * random.normal(size=(2, 3, 3)) + 0.05 * np.eye(3)
    content = (0.5 + random.normal(size=(60, 50, 3)) @ mix[0]).astype(np.float32)
    style = (0.4 + random.normal(size=(40, 70, 3)) @ mix[1]).astype(np.float32)
    result = applied(fit_mkl(content, style, single_segment(content, style)), content)
    assert result.min() > 0  # or else clipping would change both
    assert result.max() < 1
    ours, theirs = (image.reshape(-1, 3).astype(float) for image in (result, style))
    np.testing.assert_allclose(ours.mean(0), theirs.mean(0), atol=1e-5)
    np.testing.assert_allclose(np.cov(ours.T), np.cov(theirs.T), rtol=0.01, atol=2e-6)


def test_segments_have_maps_of_their_own(landscape):
    content = landscape(48, 60)
    mask = np.zeros((48, 60, 3), np.float32)
    mask[:, 30:] = 1
    style = np.where(mask > 0, np.float32(0.7), np.float32(0.2)) + content / 20
    look = fit_mkl(content, style, segments_from_masks(content, style, mask, mask))
    result = applied(look, content)
    assert look.grid.shape == (2, 1, 1, 1, 3, 4)
    np.testing.assert_allclose(result[:, :20].mean((0, 1)), style[:, :20].mean((0, 1)), atol=0.02)
    np.testing.assert_allclose(result[:, 40:].mean((0, 1)), style[:, 40:].mean((0, 1)), atol=0.02)


@pytest.mark.parametrize("flat", ["content", "style"])
def test_flat_photos_are_no_trouble(landscape, flat):
    photos = {"content": landscape(20, 20), "style": landscape(20, 20, sky="dusk")}
    photos[flat] = np.full((20, 20, 3), 0.4, np.float32)
    content, style = photos.values()
    result = applied(fit_mkl(content, style, single_segment(content, style)), content)
    np.testing.assert_allclose(result.mean((0, 1)), style.mean((0, 1)), atol=0.01)
