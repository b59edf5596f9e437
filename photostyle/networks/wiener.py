"""Wiener's filter: a known blur undone, as far as noise allows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

REACH = 10
"""Pixels from the centre of a blur to its ends: it is drawn on 2 REACH + 1 pixels a side."""

GAP = 64
"""Pixels between the ends of a photo, which the Fourier transform takes to be neighbours."""

FACTORS = 2, 3, 5, 7
"""Fourier transforms of lengths without other prime factors are fast."""


@dataclass(frozen=True, slots=True)
class Blur:
    """What is thought to have happened to photos: a blur, and noise."""

    kernel: Tensor
    """`B K K` with K = 2 REACH + 1, of sum 1, the same when turned half around."""

    noise: Tensor
    """`B 2`, logarithms of ratios of noise to signal in power: one that grows with the square of
    the frequency, as it does in photos, given at half of the pixels' frequency; one that is the
    same everywhere."""


def wiener(photos: Tensor, blur: Blur) -> Tensor:
    """Undo a blur (Wiener 1949, Extrapolation, Interpolation and Smoothing of Time Series).

    Args:
        photos: `B 3 H W`.
        blur: Theirs.

    Returns:
        `B 3 H W`, with the noise grown, and with ripples where the blur is not quite that.
    """
    with torch.autocast(photos.device.type, enabled=False):  # of Fourier transforms 8 bits are none
        return _wiener(photos.float(), blur.kernel.float(), blur.noise.float())


def _wiener(photos: Tensor, kernel: Tensor, ratios: Tensor) -> Tensor:
    height, width = photos.shape[2:]
    rows, columns = _fast(height + GAP), _fast(width + GAP)
    endless = photos.new_empty(*photos.shape[:2], rows, columns)
    endless[:, :, :height, :width] = photos
    endless[:, :, :height, width:] = _between_ends(photos, columns - width)
    endless[:, :, height:] = _between_ends(endless[:, :, :height].mT, rows - height).mT
    spectrum = torch.fft.rfft2(endless)
    gain = transfer(kernel, rows, columns)
    growing, constant = ratios.exp()[:, :, None, None].unbind(1)
    down, right = _frequencies(rows, columns, photos.device)
    noise = growing * 4 * (down[:, None].square() + right.square()) + constant
    inverse = gain / (gain.square() + noise)
    sharp: Tensor = torch.fft.irfft2(spectrum * inverse[:, None], s=(rows, columns))
    return sharp[:, :, :height, :width]


def _between_ends(photos: Tensor, gap: int) -> Tensor:
    """What comes after the last column until the first: a mirrored end fading to a mirrored start.

    With a step from one to the other, ripples would run into the photo.
    """
    width = photos.shape[-1]
    distance = torch.arange(gap, device=photos.device)
    behind, before = (width - 2 - distance) % width, (gap - distance) % width
    if gap >= width:  # there is too little to mirror
        behind, before = torch.full_like(distance, width - 1), torch.zeros_like(distance)
    fade = (distance + 1) / (gap + 1)
    return torch.lerp(photos[..., behind], photos[..., before], fade)


def transfer(kernel: Tensor, rows: int, columns: int) -> Tensor:
    """What a blur does to the waves in a picture: its kernel's Fourier transform.

    Args:
        kernel: As `Blur.kernel`.
        rows: Of the picture.
        columns: Of the picture.

    Returns:
        `B rows columns/2+1`, to be multiplied with what `torch.fft.rfft2` returns. It is real, as
        the kernel is symmetric.
    """
    steps = torch.arange(-REACH, REACH + 1.0, device=kernel.device)
    angles = (
        2 * torch.pi * frequencies[:, None] * steps
        for frequencies in _frequencies(rows, columns, kernel.device)
    )
    y, x = angles
    return y.cos() @ kernel @ x.cos().T - y.sin() @ kernel @ x.sin().T


def _frequencies(rows: int, columns: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Those of `torch.fft.rfft2`, in waves a pixel."""
    down = torch.fft.fftfreq(rows, device=device)
    return down, torch.fft.rfftfreq(columns, device=device)


def _fast(length: int) -> int:
    """Smallest even number not below `length` whose prime factors are `FACTORS`."""
    length += length % 2
    while not _is_fast(length):
        length += 2
    return length


def _is_fast(length: int) -> bool:
    for factor in FACTORS:
        while length % factor == 0:
            length //= factor
    return length == 1
