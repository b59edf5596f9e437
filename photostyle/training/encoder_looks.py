"""Random photographic looks: the same scene under another light, exposure, grade and camera."""

from __future__ import annotations

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor


def random_looks(photos: Tensor, random: torch.Generator) -> Tensor:
    """Give each photo another look: no colour stays, every structure does.

    In linear light: exposure, white balance, and both again as smooth fields over the photo, as
    where clouds, lamps and dusk light it. On encoded values: tone curve, haze, saturation down to
    grey, tinted shadows and highlights. Each photo draws one strength, so looks range from its own
    to an extreme one.

    Args:
        photos: `B 3 H W` in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `B 3 H W` in `[0, 1]`.
    """
    count, _, height, width = photos.shape

    def normal(channels: int = 1) -> Tensor:
        return torch.randn(count, channels, 1, 1, generator=random)

    def uniform() -> Tensor:
        return torch.rand(count, 1, 1, 1, generator=random)

    def field(channels: int = 1) -> Tensor:
        coarse = torch.randn(count, channels, 4, 4, generator=random)
        return F.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)

    strength = uniform().sqrt()
    stops = -0.4 + 0.9 * normal() + 0.35 * normal(3) + 0.8 * uniform() * field() + 0.15 * field(3)
    x = photos.pow(2.2) * torch.exp2(strength * stops)
    x = x.clamp(1e-4, 1).pow((1 / 2.2) * torch.exp2(strength * 0.4 * normal()))

    slope = torch.exp2(strength * (0.1 + 0.5 * normal()))
    pivot = 0.2 + 0.6 * uniform()
    curve = torch.sigmoid(4 * slope * (x - pivot) + torch.logit(pivot))
    x = torch.lerp(x, curve, strength)

    grey = x.mean(dim=1, keepdim=True)
    saturation = (1 + strength * (uniform() * 2 - 1.2)).clamp_min(0)
    saturation = torch.where(uniform() < 0.1, 0.0, saturation)
    x = grey + saturation * (x - grey)
    x = x + strength * 0.12 * (normal(3) * (1 - grey).square() + normal(3) * grey.square())

    veil = (0.35 + 0.3 * field()).clamp(0, 0.8) * (uniform() < 0.25) * strength
    air = 0.3 + 0.65 * uniform() + 0.05 * normal(3)
    return torch.lerp(x, air.expand_as(x), veil).clamp(0, 1)


def random_degradations(photos: Tensor, random: torch.Generator) -> Tensor:
    """Blur, add noise to, and compress some of the photos.

    Args:
        photos: `B 3 H W` in `[0, 1]`.
        random: Source of all random numbers.

    Returns:
        `B 3 H W` in `[0, 1]`.
    """
    count = photos.shape[0]
    draws = torch.rand(count, 6, generator=random)
    noise = torch.randn(photos.shape, generator=random)
    degraded = []
    for photo, grain, draw in zip(photos, noise, draws.tolist(), strict=True):
        x = photo.permute(1, 2, 0)
        if draw[0] < 0.3:
            blurred = cv2.GaussianBlur(x.contiguous().numpy(), (0, 0), 0.4 + 1.1 * draw[1])
            x = torch.from_numpy(blurred)
        if draw[2] < 0.5:
            # More light, more photons, more (absolute) noise; a floor from reading the sensor.
            x = x + 0.1 * draw[3] ** 2 * (0.5 + x).sqrt() * grain.permute(1, 2, 0)
        if draw[4] < 0.3:
            pixels = (x.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(25 + 65 * draw[5])]
            data = cv2.imencode(".jpg", pixels, quality)[1]
            x = torch.from_numpy(cv2.imdecode(data, cv2.IMREAD_COLOR)) / 255
        degraded.append(x.permute(2, 0, 1))
    return torch.stack(degraded).clamp(0, 1)
