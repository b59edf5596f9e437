"""How much of what was done to photos a filter undoes, in dB, through the command line.

    python tests/bench/restoration.py denoise [--photos ../shared/data/eval/kodak24] [--keep DIR]
    python tests/bench/restoration.py exposure [-- --device cuda ...]

Photos are degraded in known ways, written as files, filtered by `python -m photostyle filter NAME`
and compared with what they were: PSNR of the degraded photos, of the filtered ones, and the gain,
as means over photos, and the gain of the photo with the smallest. The degraded photo is the named
reference of the same run. What follows `--` goes to the command as it is.
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
    print(f"{len(photos)} photos{'degraded':>22}{'filtered':>10}{'gain':>8}{'worst':>8}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        for case, degrade in CASES[family].items():
            here = folder / case.replace(" ", "_").replace(":", "")
            results = here / "filtered"
            results.mkdir(parents=True, exist_ok=True)
            before = {}
            for index, (name, photo) in enumerate(photos.items()):
                data, kind = degrade(photo, index)
                (here / f"{name}.{kind}").write_bytes(data)
                before[name] = psnr(photo, np.asarray(Image.open(io.BytesIO(data))))
            command = [sys.executable, "-m", "photostyle", "filter", args.name, str(here)]
            command += ["--out-dir", str(results), "--format", "png", "--name", "{stem}{ext}"]
            subprocess.run([*command, "-q", *args.options], check=True, stdout=subprocess.DEVNULL)
            after = {
                n: psnr(p, np.asarray(Image.open(results / f"{n}.png"))) for n, p in photos.items()
            }
            gains = [after[name] - before[name] for name in photos]
            means = (np.mean(list(before.values())), np.mean(list(after.values())), np.mean(gains))
            print(f"{case:<22}{means[0]:10.2f}{means[1]:10.2f}{means[2]:+8.2f}{min(gains):+8.2f}")


if __name__ == "__main__":
    main()
