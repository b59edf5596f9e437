"""Kill a batch again and again; what it makes in the end must be what an undisturbed run makes.

    python tests/bench/kill.py [--photos 200] [--kills 50] [--filter exposure] [--seed 0]

Makes small photos and filters them once without disturbance. Then runs the same command into
another folder, kills it (SIGKILL) at a random moment and starts it again, so many times, and then
lets it finish. Kills that come while Python starts would disturb nothing, so each waits until the
run has finished one to three photos. At last both folders are compared, byte by byte: the results
must be the same files, and no temporary file may be left. Ends with exit code 1 if there is a
difference.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def make_photos(folder: Path, count: int) -> None:
    """Small photos of several formats, each another."""
    y, x = np.mgrid[0:1:200j, 0:1:300j]
    suffixes = (".jpg", ".png", ".tif", ".webp")
    for index in range(count):
        waves = [np.sin(a * x + b * y + index) for a, b in ((5, 2), (3, 7), (2, 9))]
        pixels = (np.stack(waves, -1) * 60 + 100).astype(np.uint8)
        place = folder / f"{index % 7}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{index:04}{suffixes[index % 4]}")


def command(filter_name: str, photos: Path, out: Path) -> list[str]:
    # What is noted about a result includes the time it was made.
    return [
        sys.executable, "-m", "photostyle", "filter", filter_name, str(photos), "-r",
        "-d", str(out), "--no-provenance", "--device", "cpu",
    ]  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def kill_one(words: list[str], draw: random.Random) -> tuple[int, int | None]:
    """Start a run and kill it; how many photos it had told of, and its exit code."""
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    wanted, told = draw.randrange(1, 4), 0
    while told < wanted and process.stdout.readline():
        told += 1
    time.sleep(draw.random() * 0.02)
    process.send_signal(signal.SIGKILL)
    told += len(process.communicate()[0].splitlines())
    return told, process.returncode


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--filter", default="exposure")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    draw = random.Random(args.seed)
    start = time.perf_counter()

    with tempfile.TemporaryDirectory(prefix="photostyle-kill-") as name:
        photos, calm, disturbed = (Path(name, each) for each in ("photos", "calm", "disturbed"))
        make_photos(photos, args.photos)
        originals = contents(photos)
        subprocess.run(
            command(args.filter, photos, calm),
            check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        expected = contents(calm)
        print(f"{len(expected)} results without disturbance", flush=True)

        words = command(args.filter, photos, disturbed)
        killed = finished = taken = 0
        for _ in range(args.kills):
            told, code = kill_one(words, draw)
            killed += code == -signal.SIGKILL
            finished += told
        left = [path for path in contents(disturbed) if Path(path).name.startswith(".")]
        taken = sum(not data for data in contents(disturbed).values())
        print(
            f"killed {killed} times, {finished} photos told of; then {len(left)} temporary files, "
            f"{taken} empty ones",
            flush=True,
        )
        last = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        found = contents(disturbed)

        missing = sorted(expected.keys() - found.keys())
        extra = sorted(found.keys() - expected.keys())
        other = sorted(key for key in expected.keys() & found.keys() if expected[key] != found[key])
        touched = contents(photos) != originals
    print(f"the last run made {len(last.stdout.splitlines())}, exit code {last.returncode}")
    print(f"missing {len(missing)}, left over {len(extra)}, different {len(other)}")
    print(f"{time.perf_counter() - start:.0f} s")
    for path in [*missing, *extra, *other]:
        print(f"  {path}")
    if touched:
        print("  originals were changed")
    sys.exit(bool(missing or extra or other or touched or last.returncode))


if __name__ == "__main__":
    main()
