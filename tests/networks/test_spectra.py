"""Mean spectra of windows: what they show, and which windows they are of."""

from __future__ import annotations

import pytest
import torch

from photostyle.networks.spectra import MOST, WINDOW, mean_spectra, window_step, windows


def test_windows_cover_a_small_photo_with_overlap() -> None:
    photo = torch.rand(2, 3, 120, 96)
    cut = windows(photo)
    assert cut.shape == (2, 4 * 3, WINDOW, WINDOW)
    torch.testing.assert_close(cut[:, 5], photo.mean(dim=1)[:, 24:72, 48:96])


@pytest.mark.parametrize("size", [(1, 1), (47, 200), (48, 48)])
def test_there_is_a_window_in_any_photo(size: tuple[int, int]) -> None:
    cut = windows(torch.rand(1, 3, *size))
    assert cut.shape[1] >= 1
    assert mean_spectra(cut).isfinite().all()


def test_large_photos_have_no_more_windows_than_needed() -> None:
    height, width = 4000, 6000
    step = window_step(height, width)
    assert 0.9 * MOST < (height / step) * (width / step) < 1.1 * MOST


def test_the_power_of_noise_is_its_variance() -> None:
    torch.manual_seed(0)
    sigma = 0.05
    found = mean_spectra(sigma * torch.randn(1, 400, WINDOW, WINDOW))
    # The mean logarithm of an exponential variable is that of its mean, less Euler's constant.
    expected = (2 * torch.tensor(sigma).log() - 0.5772) / 4 + 2
    inner = found[0, :, 4:20, 4:20]
    assert inner.mean().item() == pytest.approx(expected.item(), abs=0.02)


def test_lively_windows_are_apart_from_calm_ones() -> None:
    torch.manual_seed(0)
    calm = 0.01 * torch.randn(1, 60, WINDOW, WINDOW)
    lively = 0.2 * torch.randn(1, 40, WINDOW, WINDOW)
    found = mean_spectra(torch.cat([calm, lively], dim=1)).mean(dim=(2, 3))[0]
    alone = mean_spectra(lively).mean().item()
    assert found[0].item() == pytest.approx(alone, abs=0.2)
    assert found[2].item() < alone - 0.5


def test_the_order_of_windows_does_not_matter() -> None:
    cut = torch.rand(1, 30, WINDOW, WINDOW)
    torch.testing.assert_close(mean_spectra(cut), mean_spectra(cut.flip(1)))
