"""The mean cepstrum of a photo's windows, from which its blur can be read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW = 48
"""Side of the windows in pixels: two pixels of blur more or less show in spectra of so many."""

MOST = 2000
"""Windows that are looked at, about; there would be more to read than to repair."""

GROUPS = (0.25, 0.35, 0.4)
"""Shares of the windows that are averaged together, from the liveliest to the calmest. The first
show the blur, the last the noise."""

ROUNDING = 1 / (12 * 255**2)
"""Variance of rounding to 8 bits; of less, spectra say nothing."""

SCALE = 20.0
"""Brings what differs between blurs to about 1."""

LARGEST = 6.0
"""The few values at the origin, of the power itself, are cut off here."""


def window_step(height: int, width: int) -> int:
    """Distance from one window to the next, in pixels, in a photo of this size."""
    return max(WINDOW // 2, round(math.sqrt(height * width / MOST)))


def windows(photos: Tensor, step: int | None = None) -> Tensor:
    """Cut photos into windows.

    Args:
        photos: `B 3 H W`.
        step: Pixels from one window to the next; `window_step` when None.

    Returns:
        Their luma, `B N WINDOW WINDOW`.
    """
    luma = photos.float().mean(dim=1)
    height, width = luma.shape[1:]
    lacking = max(0, WINDOW - height), max(0, WINDOW - width)
    if any(lacking):
        luma = F.pad(luma, (0, lacking[1], 0, lacking[0]), mode="replicate")
    step = step or window_step(height, width)
    return luma.unfold(1, WINDOW, step).unfold(2, WINDOW, step).flatten(1, 2)


def mean_cepstra(luma: Tensor) -> Tensor:
    """Average the windows' cepstra: inverse Fourier transforms of logarithms of power spectra.

    A cepstrum says the same as a spectrum, but of what is blurred along a line it says it in a few
    pixels of the line, which is much faster to learn.

    Args:
        luma: `B N WINDOW WINDOW`.

    Returns:
        `B G WINDOW WINDOW/2+1`, one for each of `GROUPS`, with the origin in the middle of the
        last column; the other half is the same. In `[-LARGEST, LARGEST]`.
    """
    hann = torch.hann_window(WINDOW, device=luma.device)
    taper = hann[:, None] * hann
    tapered = (luma - luma.mean(dim=(2, 3), keepdim=True)) * taper
    power = torch.fft.rfft2(tapered).abs().square() / taper.square().sum()
    order = tapered.square().sum(dim=(2, 3)).argsort(dim=1, descending=True)
    logarithms = (power + ROUNDING).log()
    ordered = logarithms.gather(1, order[:, :, None, None].expand_as(logarithms))
    means = torch.stack([group.mean(dim=1) for group in _groups(ordered)], dim=1)
    cepstra: Tensor = torch.fft.irfft2(means / 4 + 2, s=(WINDOW, WINDOW))
    half: Tensor = torch.fft.fftshift(cepstra, dim=(2, 3))[..., : WINDOW // 2 + 1]
    return (SCALE * half).clamp(-LARGEST, LARGEST)


def _groups(ordered: Tensor) -> Iterator[Tensor]:
    """Parts of the windows; of a single window, each is that one."""
    count = ordered.shape[1]
    share = 0.0
    for part in GROUPS:
        start = min(round(share * count), count - 1)
        share += part
        yield ordered[:, start : max(round(share * count), start + 1)]
