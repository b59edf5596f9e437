"""Mean cepstra of windows: what they show, and which windows they are of."""

from __future__ import annotations

import pytest
import torch

from photostyle.networks.cepstra import (
    LARGEST,
    MOST,
    SCALE,
    WINDOW,
    mean_cepstra,
    window_step,
    windows,
)


def test_windows_cover_a_small_photo_with_overlap() -> None:
    photo = torch.rand(2, 3, 120, 96)
    cut = windows(photo)
    assert cut.shape == (2, 4 * 3, WINDOW, WINDOW)
    torch.testing.assert_close(cut[:, 5], photo.mean(dim=1)[:, 24:72, 48:96])


@pytest.mark.parametrize("size", [(1, 1), (47, 200), (48, 48)])
def test_there_is_a_window_in_any_photo(size: tuple[int, int]) -> None:
    cut = windows(torch.rand(1, 3, *size))
    assert cut.shape[1] >= 1
    assert mean_cepstra(cut).isfinite().all()


def test_large_photos_have_no_more_windows_than_needed() -> None:
    height, width = 4000, 6000
    step = window_step(height, width)
    assert 0.9 * MOST < (height / step) * (width / step) < 1.1 * MOST


ORIGIN = WINDOW // 2


def test_of_noise_there_is_its_power_at_the_origin_and_nothing_else() -> None:
    torch.manual_seed(0)
    sigma = 0.02
    found = mean_cepstra(sigma * torch.randn(1, 1600, WINDOW, WINDOW))[0]
    # The mean logarithm of an exponential variable is that of its mean, less Euler's constant.
    power = (2 * torch.tensor(sigma).log() - 0.5772) / 4 + 2
    assert found[:, ORIGIN, -1].mean().item() == pytest.approx(SCALE * power.item(), abs=0.4)
    found[:, ORIGIN - 3 : ORIGIN + 4, -4:] = 0  # what the taper does to the mean
    assert found.abs().max() < 0.1


def test_an_echo_is_seen_at_its_distance() -> None:
    torch.manual_seed(0)
    noise = 0.1 * torch.randn(1, 900, WINDOW, WINDOW + 9)
    found = mean_cepstra(noise[..., 9:] + 0.7 * noise[..., :-9])[0].mean(dim=0)
    found[ORIGIN - 3 : ORIGIN + 4, -4:] = 0
    row, column = divmod(int(found.argmax()), found.shape[1])
    assert (row, found.shape[1] - 1 - column) == (ORIGIN, 9)


def test_values_are_limited() -> None:
    assert mean_cepstra(torch.zeros(1, 4, WINDOW, WINDOW)).abs().max() == LARGEST


def test_lively_windows_are_apart_from_calm_ones() -> None:
    torch.manual_seed(0)
    calm = 0.01 * torch.randn(1, 60, WINDOW, WINDOW)
    lively = 0.2 * torch.randn(1, 40, WINDOW, WINDOW)
    found = mean_cepstra(torch.cat([calm, lively], dim=1))[0]
    first, last = (mean_cepstra(part)[0, 0] for part in (lively, calm))
    torch.testing.assert_close(found[0], first, atol=0.5, rtol=0)
    torch.testing.assert_close(found[2], last, atol=0.5, rtol=0)
    assert (first - last).abs().max() > 5


def test_the_order_of_windows_does_not_matter() -> None:
    cut = torch.rand(1, 30, WINDOW, WINDOW)
    torch.testing.assert_close(mean_cepstra(cut), mean_cepstra(cut.flip(1)))
