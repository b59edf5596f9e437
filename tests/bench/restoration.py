"""How much of what was done to photos a filter undoes, in dB, through the command line.

    python tests/bench/restoration.py denoise [--photos ../shared/data/eval/kodak24] [--keep DIR]
    python tests/bench/restoration.py exposure [-- --device cuda ...]
    python tests/bench/restoration.py dehaze
    python tests/bench/restoration.py deblur

Photos are degraded in known ways, written as files, filtered by `python -m photostyle filter NAME`
and compared with what they were: PSNR of the degraded photos, of the filtered ones, and the gain,
as means over photos, and the gain of the photo with the smallest. The degraded photo is the named
reference of the same run. What follows `--` goes to the command as it is.

- dehaze: `I = J t + A (1 - t)`, `t = exp(-beta d)`, in encoded values, A = 0.9 in all channels, or
  (0.8, 0.87, 0.93) where it is bluish. The depth d is 0.75 times a ramp from 0 (bottom) to 1 (top)
  plus 0.25 times a field: 4 x 4 uniform random numbers in [0, 1], seeded by the photo's index and
  resized bicubically.
  A further column has what the dark channel prior makes of the same photos (`dark_channel.py`).
- deblur: in encoded values, mirrored at the borders, plus Gaussian noise of 1 % (sigma 2.55 of 255
  levels) seeded by the photo's index.

All but JPEGs are rounded and clipped to 8 bits and stored as PNG. A photo that was left alone has a
PSNR of 108 dB, so of its row the filtered PSNR counts alone.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import dark_channel
import numpy as np
from PIL import Image

from photostyle.training.exposure import expose

ROOT = Path(__file__).resolve().parents[2]
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def noisy(photo: Pixels, index: int, sigma: float) -> tuple[bytes, str]:
    """Gaussian noise, rounded and clipped to 8 bits."""
    noise = np.random.default_rng(index).normal(0, sigma, photo.shape)
    return _encoded(np.clip(np.round(photo + noise), 0, 255), "png")


def compressed(photo: Pixels, _index: int, quality: int, subsampling: str) -> tuple[bytes, str]:
    return _encoded(photo, "jpeg", quality=quality, subsampling=subsampling)


def exposed(photo: Pixels, _index: int, ev: float) -> tuple[bytes, str]:
    return _encoded(np.round(expose(photo.astype(np.float32) / 255, ev) * 255), "png")


def hazy(
    photo: Pixels, index: int, beta: float, airlight: tuple[float, ...] = (0.9, 0.9, 0.9)
) -> tuple[bytes, str]:
    height, width = photo.shape[:2]
    coarse = np.random.default_rng(index).random((4, 4))
    field = np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    depth = 0.75 * np.linspace(1, 0, height)[:, None] + 0.25 * field
    transmission = np.exp(-beta * depth)[..., None]
    return _encoded(
        np.round(photo * transmission + 255 * np.array(airlight) * (1 - transmission)), "png"
    )


def blurred(photo: Pixels, index: int, kernel: np.ndarray) -> tuple[bytes, str]:
    values = cv2.filter2D(photo.astype(np.float64), -1, kernel, borderType=cv2.BORDER_REFLECT)
    noise = np.random.default_rng(index).normal(0, 2.55, photo.shape)
    return _encoded(np.clip(np.round(values + noise), 0, 255), "png")


def gaussian(sigma: float) -> np.ndarray:
    side = 2 * int(np.ceil(4 * sigma)) + 1
    row = cv2.getGaussianKernel(side, sigma)
    return row @ row.T


def disc(radius: float) -> np.ndarray:
    """Share of each pixel inside of a circle, from 15 x 15 points a pixel."""
    half = int(np.ceil(radius))
    steps = (np.arange((2 * half + 1) * 15) + 0.5) / 15 - half - 0.5
    inside = steps**2 + steps[:, None] ** 2 <= radius**2
    kernel = inside.reshape(2 * half + 1, 15, 2 * half + 1, 15).mean(axis=(1, 3))
    return kernel / kernel.sum()


def _encoded(values: np.ndarray, kind: str, **options: object) -> tuple[bytes, str]:
    file = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(file, kind, **options)
    return file.getvalue(), kind


Degrade = Callable[[Pixels, int], tuple[bytes, str]]
CASES: dict[str, dict[str, Degrade]] = {
    "denoise": {
        "clean": partial(noisy, sigma=0),
        **{f"noise, sigma {s}": partial(noisy, sigma=s) for s in (15, 25, 50)},
        **{
            f"JPEG {q} 4:2:0": partial(compressed, quality=q, subsampling="4:2:0")
            for q in (10, 20, 30, 40, 75, 90, 95)
        },
        "JPEG 95 4:4:4": partial(compressed, quality=95, subsampling="4:4:4"),
    },
    "exposure": {f"{ev:+} EV": partial(exposed, ev=ev) for ev in (-2, -1, 0, 1)},
    "dehaze": {
        "clear": partial(noisy, sigma=0),
        **{f"haze, beta {beta}": partial(hazy, beta=beta) for beta in (0.7, 1.2, 1.8)},
        "bluish, beta 1.2": partial(hazy, beta=1.2, airlight=(0.8, 0.87, 0.93)),
    },
    "deblur": {
        "sharp": partial(noisy, sigma=0),
        "Gaussian, sigma 1.6": partial(blurred, kernel=gaussian(1.6)),
        "disc, radius 2": partial(blurred, kernel=disc(2)),
        "motion 9, horizontal": partial(blurred, kernel=np.full((1, 9), 1 / 9)),
        "motion 9, vertical": partial(blurred, kernel=np.full((9, 1), 1 / 9)),
        "motion 9, diagonal": partial(blurred, kernel=np.eye(9)[::-1] / 9),
    },
}


def psnr(photo: Pixels, other: Pixels) -> float:
    error = np.mean((photo.astype(np.float64) - other) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-6))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", help="the filter: a name, or a file")
    parser.add_argument("--as", dest="family", choices=CASES, help="what it undoes")
    parser.add_argument("--photos", type=Path, default=ROOT / "../shared/data/eval/kodak24")
    parser.add_argument("--every", type=int, default=1, help="take every so many-th photo")
    parser.add_argument("--keep", type=Path, help="leave the files here")
    parser.add_argument("options", nargs="*", help="for photostyle filter")
    args = parser.parse_args()
    family = args.family or args.name
    paths = sorted(p for p in args.photos.iterdir() if p.suffix.lower() in (".png", ".jpg", ".tif"))
    photos = {p.stem: np.asarray(Image.open(p).convert("RGB")) for p in paths[:: args.every]}
    if not photos or family not in CASES:
        raise SystemExit(f"no photos in {args.photos}, or no cases for {family}: use --as")
    rival = f"{'dark channel':>14}" if family == "dehaze" else ""
    print(f"{len(photos)} photos{'degraded':>22}{'filtered':>10}{'gain':>8}{'worst':>8}{rival}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        for case, degrade in CASES[family].items():
            here = folder / case.replace(" ", "_").replace(":", "")
            results = here / "filtered"
            results.mkdir(parents=True, exist_ok=True)
            before, dark = {}, []
            for index, (name, photo) in enumerate(photos.items()):
                data, kind = degrade(photo, index)
                (here / f"{name}.{kind}").write_bytes(data)
                degraded = np.asarray(Image.open(io.BytesIO(data)))
                before[name] = psnr(photo, degraded)
                if rival:
                    dark.append(psnr(photo, dark_channel.dehaze(degraded)))
            command = [sys.executable, "-m", "photostyle", "filter", args.name, str(here)]
            command += ["--out-dir", str(results), "--format", "png", "--name", "{stem}{ext}"]
            subprocess.run([*command, "-q", *args.options], check=True, stdout=subprocess.DEVNULL)
            after = {
                n: psnr(p, np.asarray(Image.open(results / f"{n}.png"))) for n, p in photos.items()
            }
            gains = [after[name] - before[name] for name in photos]
            means = (np.mean(list(before.values())), np.mean(list(after.values())), np.mean(gains))
            rival = f"{np.mean(dark):14.2f}" if dark else ""
            print(
                f"{case:<22}{means[0]:10.2f}{means[1]:10.2f}{means[2]:+8.2f}{min(gains):+8.2f}"
                f"{rival}"
            )


if __name__ == "__main__":
    main()
