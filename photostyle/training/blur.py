"""Blur, as lenses out of focus and unsteady hands make it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.training.compression import compressed
from photostyle.training.exposure import from_linear, to_linear

Image = NDArray[np.float32]

SHARP_SHARE = 0.1
"""So many photos stay sharp: a repair must also learn to keep its hands off."""

LARGEST_SIGMA = 0.02
"""Of the noise, which a repair of blur would amplify if it had never seen any."""

JPEG_SHARE = 0.3
"""So many photos were compressed after that, whose blocks must not be sharpened."""

LOWEST_QUALITY = 75


def blur(photo: Image, random: np.random.Generator) -> Image:
    """Blur a photo by lack of focus or by motion, and add the noise and the JPEG that come after.

    Cameras blur linear light, and half of the photos are blurred so. The others are blurred in
    encoded values, as the usual synthetic test sets and lens software do.

    Args:
        photo: `H W 3`, sRGB in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `H W 3`, not clipped.
    """
    if random.random() >= SHARP_SHARE:
        kernel = draw_kernel(random)
        photo = convolve(photo, kernel, linear=random.random() < 0.5)
    sigma = LARGEST_SIGMA * random.random() ** 2
    photo = photo + np.float32(sigma) * random.standard_normal(photo.shape, np.float32)
    if random.random() >= JPEG_SHARE:
        return photo
    quality = int(random.integers(LOWEST_QUALITY, 100))
    return compressed(photo, quality, half_colour=random.random() < 0.5)


def convolve(photo: Image, kernel: Image, *, linear: bool) -> Image:
    """Blur by a kernel, with the photo mirrored at its borders.

    Args:
        photo: `H W 3`, sRGB in `[0, 1]`.
        kernel: `K K`, of sum 1.
        linear: Blur the light; encoded values otherwise.

    Returns:
        `H W 3` in `[0, 1]`.
    """
    values = to_linear(photo) if linear else photo
    blurred = cv2.filter2D(values, -1, kernel, borderType=cv2.BORDER_REFLECT)
    # Large kernels go through a Fourier transform, which leaves the range by rounding errors.
    clipped = np.asarray(np.clip(blurred, 0, 1), np.float32)
    return from_linear(clipped) if linear else clipped


def draw_kernel(random: np.random.Generator) -> Image:
    """Draw a blur: lack of focus (disc or Gaussian) or motion (straight or shaken).

    Two of three are motion, whose direction a network must find out first.

    Args:
        random: Source of all random numbers.

    Returns:
        `K K` with odd K, centred on its centroid, of sum 1.
    """
    kind = random.integers(6)
    if kind == 0:
        return disc(random.uniform(0.5, 4))
    if kind == 1:
        return gaussian(random.uniform(0.3, 2.5))
    return draw_motion(random)


def draw_motion(random: np.random.Generator) -> Image:
    """Draw the blur of a motion.

    Half of them are along rows, columns or diagonals. They are what a network learns to undo first:
    from directions of all kinds alone it learns next to nothing in the same time. Of the others,
    one in four is shaken.

    Args:
        random: Source of all random numbers.

    Returns:
        `K K` with odd K, centred on its centroid, of sum 1.
    """
    length = random.uniform(3, 15)
    if random.random() < 0.5:
        return kernel_of(straight_path(length, random.integers(4) * np.pi / 4))
    if random.random() < 0.75:
        return kernel_of(straight_path(length, random.uniform(0, np.pi)))
    return kernel_of(shaken_path(length, random))


def disc(radius: float) -> Image:
    """Image of a point out of focus: a disc of even light, with a soft edge one pixel wide.

    Args:
        radius: In pixels.

    Returns:
        `K K`, of sum 1.
    """
    kernel = np.clip(radius + 0.5 - np.sqrt(_squared_distances(radius + 0.5)), 0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)


def gaussian(sigma: float) -> Image:
    """Gaussian blur, cut off where it is below 1 % of its peak.

    Args:
        sigma: In pixels.

    Returns:
        `K K`, of sum 1.
    """
    kernel = np.exp(_squared_distances(3 * sigma) / (-2 * sigma**2))
    return np.asarray(kernel / kernel.sum(), np.float32)


def straight_path(length: float, angle: float) -> NDArray[np.float64]:
    """Positions of a point of light that moves evenly along a line.

    Args:
        length: In pixels.
        angle: In radians; 0 is horizontal.

    Returns:
        `N 2`: x and y in pixels.
    """
    along = np.linspace(-0.5, 0.5, 16 * int(np.ceil(length)) + 1) * length
    return np.asarray(along[:, None] * [np.cos(angle), np.sin(angle)], np.float64)


def shaken_path(length: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Positions of a point of light seen from a hand that trembles while the shutter is open.

    Its velocity is smoothed noise, with inertia that differs from hand to hand.

    Args:
        length: Diagonal of the box around the path, in pixels.
        random: Source of all random numbers.

    Returns:
        `N 2`: x and y in pixels, evenly spaced in time.
    """
    jerks = random.standard_normal((256, 2))
    velocity = cv2.GaussianBlur(jerks, (1, 0), sigmaX=1, sigmaY=random.uniform(8, 60))
    path = np.cumsum(np.asarray(velocity, np.float64), axis=0)
    extent = np.linalg.norm(path.max(axis=0) - path.min(axis=0))
    return np.asarray(path * length / max(float(extent), 1e-9))


def kernel_of(path: NDArray[np.float64]) -> Image:
    """Draw the light of a moving point, each position spread over the four pixels around it.

    Args:
        path: `N 2`: x and y in pixels, evenly spaced in time.

    Returns:
        `K K` with odd K, centred on the path's centroid, of sum 1.
    """
    centred = path - path.mean(axis=0)
    half = int(np.ceil(np.abs(centred).max())) + 1
    side = 2 * half + 1
    corner = np.floor(centred).astype(np.intp)
    right, down = (centred - corner).T
    kernel = np.zeros(side * side)
    first = (corner[:, 1] + half) * side + corner[:, 0] + half
    for offset, share in (
        (0, (1 - right) * (1 - down)),
        (1, right * (1 - down)),
        (side, (1 - right) * down),
        (side + 1, right * down),
    ):
        kernel += np.bincount(first + offset, share, side * side)
    return np.asarray(kernel / kernel.sum(), np.float32).reshape(side, side)


def _squared_distances(reach: float) -> NDArray[np.float64]:
    """Squared distances from the centre of a square of pixels that reaches so far, `K K`."""
    half = max(1, int(np.ceil(reach)))
    steps = np.arange(-half, half + 1.0)
    return np.asarray(steps**2 + steps[:, None] ** 2)
