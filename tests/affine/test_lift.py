"""Affine fields: exact where the target is affine, edge-aware where it is enlarged."""

import cv2
import numpy as np
import pytest

from photostyle.affine import fit_affine
from photostyle.affine.monge_kantorovich import monge_kantorovich


def test_an_affine_target_is_reproduced_at_any_size():
    rng = np.random.default_rng(0)
    large = cv2.GaussianBlur(rng.random((120, 161, 3), dtype=np.float32), (0, 0), 3)
    large = (large - large.min()) / (large.max() - large.min())
    small = cv2.resize(large, (40, 30), interpolation=cv2.INTER_AREA)
    matrix = rng.normal(size=(2, 4)).astype(np.float32)

    def target(image):
        return image @ matrix[:, :3].T + matrix[:, 3]

    field = fit_affine(small, target(small), radius=1, epsilon=1e-9)
    np.testing.assert_allclose(field.apply(large), target(large), atol=5e-3)
    assert field.coefficients.shape == (30, 40, 2, 4)


def test_rows_are_the_whole():
    rng = np.random.default_rng(1)
    guide = rng.random((9, 14, 3), dtype=np.float32)
    field = fit_affine(guide, rng.random((9, 14, 1), dtype=np.float32), radius=2, epsilon=1e-3)
    large = rng.random((31, 40, 3), dtype=np.float32)
    parts = [field.apply(large[i : i + 7], first=i, height=31) for i in range(0, 31, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), field.apply(large))


def test_an_edge_stays_sharp_when_enlarged():
    small = np.full((20, 20, 3), 0.2, np.float32)
    small[:, 10:] = 0.8
    large = cv2.resize(small, (200, 200), interpolation=cv2.INTER_NEAREST)
    step = (small[..., :1] > 0.5).astype(np.float32)
    out = fit_affine(small, step, radius=2, epsilon=1e-4).apply(large)[..., 0]
    assert out[:, :99].max() < 0.1
    assert out[:, 101:].min() > 0.9


def test_a_flat_guide_gives_the_mean():
    guide = np.full((8, 8, 3), 0.5, np.float32)
    target = np.random.default_rng(2).random((8, 8, 1), dtype=np.float32)
    out = fit_affine(guide, target, radius=9, epsilon=1e-3).apply(guide)
    assert np.isfinite(out).all()
    assert np.ptp(out) < np.ptp(target)


def test_monge_kantorovich_matches_mean_and_covariance():
    rng = np.random.default_rng(3)
    source = rng.normal(size=(4000, 3)) @ rng.normal(size=(3, 3)) * 0.1 + 0.4
    target = rng.normal(size=(3000, 3)) @ rng.normal(size=(3, 3)) * 0.1 + 0.6
    matrix = monge_kantorovich(source, target, ridge=1e-12)
    moved = source @ matrix[:, :3].T + matrix[:, 3]
    np.testing.assert_allclose(moved.mean(0), target.mean(0), atol=1e-9)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(target.T), rtol=2e-3)
    np.testing.assert_allclose(matrix[:, :3], matrix[:, :3].T, atol=1e-9)
    assert np.linalg.eigvalsh(matrix[:, :3]).min() > 0


@pytest.mark.parametrize("count", [1, 2, 50])
def test_monge_kantorovich_of_the_same_colours_is_the_identity(count):
    colours = np.random.default_rng(4).random((count, 3))
    np.testing.assert_allclose(monge_kantorovich(colours, colours), np.eye(3, 4), atol=1e-9)
