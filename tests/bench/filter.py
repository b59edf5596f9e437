"""A filter over many photos: the whole process, its memory, and Pillow on the same files.

    python tests/bench/filter.py exposure [--count 20] [--megapixels 24] [--photo PHOTO]
                                          [--repetitions 1] [-- --jobs 2 ...]
    python tests/bench/filter.py --untrained tone

Writes copies of one photo as JPEG (quality 95, 4:4:4) and times `python -m photostyle filter NAME
*.jpg` from the start of Python to its end. Pillow's own decoding and encoding of the same files,
one after another, before and after, is the measure. What follows `--` goes to the command as it is.
`--untrained` times a network of the usual size with random weights: its speed is that of a trained
one.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / "../shared/data/luan_highres/2/content.jpg"

# A new process counts the memory of the one that started it as its own until it runs: measured
# from here, the peak would be that of making the photos.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2)
"""

JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}


def encoded_photo(source: Path, megapixels: float) -> tuple[bytes, float]:
    """A 3:2 photo of about so many megapixels, with a camera's grain, as JPEG; and its size."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(1.5 * height)
    if source.is_file():
        with Image.open(source) as photo:
            picture = np.asarray(photo.convert("RGB").resize((width, height)), np.float32)
    else:
        x, y = np.meshgrid(np.linspace(0, 6, width), np.linspace(0, 4, height))
        waves = [np.sin(a * x + b * y) * np.sin(x * y) for a, b in ((1, 2), (3, 1), (2, 5))]
        picture = np.stack(waves, -1).astype(np.float32) * 100 + 128
    rng = np.random.default_rng(0)
    picture += 3 * rng.standard_normal(picture.shape, np.float32)
    file = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(file, **JPEG)
    return file.getvalue(), width * height / 1e6


def pillow_seconds(files: list[Path]) -> float:
    """Seconds Pillow takes to decode and encode a photo, the median over files."""
    times = []
    for file in files:
        start = time.perf_counter()
        with Image.open(file) as photo:
            photo.load()
            photo.save(file.with_suffix(".pillow"), **JPEG)
        times.append(time.perf_counter() - start)
        file.with_suffix(".pillow").unlink()
    return median(times)


def untrained(family: str, folder: Path) -> Path:
    """A weights file of a network that nobody has trained."""
    from safetensors.torch import save_file

    from photostyle import networks

    make = {"tone": networks.ToneGenerator, "repair": networks.RepairGenerator}[family]
    path = folder / f"{family}.safetensors"
    about = {
        "name": family, "kind": family, "architecture": family, "params": {}, "license": "none",
        "trained_on": "nothing",
    }  # fmt: skip
    save_file(make().state_dict(), path, {"photostyle": json.dumps(about)})
    return path


def main() -> None:
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    own, extra = sys.argv[1:end], sys.argv[end + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("filter", nargs="?")
    parser.add_argument("--untrained", choices=("tone", "repair"))
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--megapixels", type=float, default=24.0)
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--repetitions", type=int, default=1)
    args = parser.parse_args(own)
    Image.MAX_IMAGE_PIXELS = None  # every photo here is our own
    if (args.filter is None) == (args.untrained is None):
        parser.error("name a filter, or give --untrained")

    with tempfile.TemporaryDirectory(prefix="photostyle-bench-") as name:
        folder = Path(name)
        data, megapixels = encoded_photo(args.photo, args.megapixels)
        files = [folder / f"{index:04}.jpg" for index in range(args.count)]
        for file in files:
            file.write_bytes(data)
        words = args.filter or str(untrained(args.untrained, folder))
        command = [sys.executable, "-m", "photostyle", "filter", words, *map(str, files)]
        command += ["-q", "--overwrite", *extra]
        print(f"{args.count} x {megapixels:.1f} MP, {len(data) / 1e6:.1f} MB each", flush=True)

        few = files[: min(len(files), 5)]
        before = pillow_seconds(few)
        times, peaks = [], []
        for _ in range(args.repetitions):
            start = time.perf_counter()
            launched = [sys.executable, "-c", PEAK, *command]
            done = subprocess.run(launched, check=True, stdout=subprocess.PIPE, cwd=ROOT)
            times.append(time.perf_counter() - start)
            peaks.append(float(done.stdout))
        pillow = (before + pillow_seconds(few)) / 2

    photo = median(times) / args.count
    print(f"{words if args.filter else args.untrained}, whole process: {median(times):.1f} s")
    print(f"  {photo:.3f} s/photo   {photo / megapixels:.4f} s/MP   peak {max(peaks):.2f} GiB")
    print(f"  Pillow's decoding and encoding {pillow:.3f} s/photo   ratio {photo / pillow:.2f}")


if __name__ == "__main__":
    main()
