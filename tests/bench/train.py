"""What a newcomer gets: a filter trained from two small folders, and photos it has not seen.

    python tests/bench/train.py [--minutes 10] [--a ../shared/data/train/day]
                                [--b ../shared/data/train/sunset] [--count 50] [--unseen 20]
                                [--keep DIR] [-- --seed 1 ...]
    python tests/bench/train.py --filter NAME
    python tests/bench/train.py --resume-check [--steps 60] [-- --degrade exposure ...]

Of A and B `--count` photos each, spread evenly over the sorted names, are copied into folders, and
`python -m photostyle train warm A B --minutes M` runs on them; what follows `--` goes to it as it
is, and with `--degrade` among that it is given A alone. `--filter` trains nothing and measures a
filter that there is. Other photos of A are filtered and measured:

L a b, shift      their mean CIE Lab, and by how much it moved.
cosine, length    the shift's direction and length, where 1 and 1 lead from their mean to B's.
colours           sliced Wasserstein distance of their pooled colours to B's, in CIE Lab units.
realism, ...      as `--score` defines them, which puts results through JPEG.

The named references are the untouched photos and a linear map of Lab that gives all photos of A
together the means and standard deviations of B.

`--resume-check` trains on the CPU: once without a break, then with Ctrl-C after about half of that
run's time, with a kill there, and with both, each resumed, and compares the weights. A run killed
before its second checkpoint starts again from step 0.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from looks import (
    DATA,
    SCORE,
    colour_distance,
    filtered,
    find_photos,
    load_score,
    mean_lab,
    pixels_of,
    pooled_lab,
    to_lab,
)
from safetensors.torch import load_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from looks import Picture

# A new process counts the memory of the one that started it as its own until it runs: measured
# from here, the peak would be that of this script.
PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2)
sys.exit(done.returncode)
"""

INTERRUPTED = 130
VARIANTS = {
    "Ctrl-C": [signal.SIGINT],
    "kill": [signal.SIGKILL],
    "Ctrl-C, then kill": [signal.SIGINT, signal.SIGKILL],
}
POLL = 0.02
"""Seconds between looks at a running training."""


def spread(photos: Sequence[Path], count: int) -> list[Path]:
    """So many photos, evenly over all."""
    if len(photos) < count:
        raise SystemExit(f"{count} photos are needed, there are {len(photos)}")
    return [photos[index * len(photos) // count] for index in range(count)]


def copied(photos: Sequence[Path], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for photo in photos:
        (folder / photo.name).write_bytes(photo.read_bytes())
    return folder


def train_command(folders: Sequence[Path], out: Path, options: Sequence[str]) -> list[str]:
    chosen = folders[:1] if "--degrade" in options else folders
    command = [sys.executable, "-m", "photostyle", "train", "warm", *map(str, chosen)]
    return [*command, "--out", str(out), *options]


def train(folders: Sequence[Path], out: Path, options: Sequence[str]) -> None:
    """Train a filter, and print what it took."""
    command = [*train_command(folders, out, options), "--json"]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", PEAK, *command], stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    *records, peak = done.stdout.splitlines()
    if done.returncode:
        raise SystemExit(f"photostyle train failed: {' '.join(records)}")
    record = json.loads("\n".join(records))
    print(
        f"trained {record['steps']} steps on {record['device']}, whole process {seconds:.0f} s "
        f"({seconds / max(record['steps'], 1):.3f} s/step), peak {float(peak):.2f} GiB",
        flush=True,
    )


def linear(photos: Sequence[Picture], source: np.ndarray, target: np.ndarray) -> list[Picture]:
    """Photos under the linear map of Lab's axes that takes one set's statistics to another's."""
    gain = target.std(0) / source.std(0)
    offset = target.mean(0) - gain * source.mean(0)
    return [
        cv2.cvtColor((to_lab(p) * gain + offset).astype(np.float32), cv2.COLOR_LAB2RGB).clip(0, 1)
        for p in photos
    ]


def print_look(
    score: ModuleType, looks: dict[str, list[Picture]], aims: Sequence[Path], label: str
) -> None:
    """A row for each version of the same photos, the untouched ones first."""
    goal_colours = pooled_lab(map(pixels_of, aims), len(aims))
    goal = np.mean([mean_lab(pixels_of(path)) for path in aims], 0)
    before = next(iter(looks.values()))
    start = np.mean([mean_lab(p) for p in before], 0)
    print(
        f"{'':<12}{'L a b':>18}{'shift':>20}{'cosine':>9}{'length':>8}{'colours':>9}"
        f"{'realism':>9}{'structure':>11}{'patches':>9}"
    )
    for name, photos in looks.items():
        mean = np.mean([mean_lab(p) for p in photos], 0)
        shift, wanted = mean - start, goal - start
        norms = [float(np.linalg.norm(v)) for v in (shift, wanted)]
        cosine = float(shift @ wanted) / (norms[0] * norms[1]) if norms[0] else float("nan")
        colours = colour_distance(score, pooled_lab(iter(photos), len(photos)), goal_colours)
        pairs = [(b, score.jpeg(p)) for b, p in zip(before, photos, strict=True)]
        figures = [
            float(np.mean([f(*pair) for pair in pairs]))
            for f in (score.realism, score.structure, score.patches)
        ]
        print(
            f"{name:<12}{_lab(mean)}  {_lab(shift)}{cosine:9.3f}{norms[0] / norms[1]:8.2f}"
            f"{colours:9.2f}{figures[0]:9.3f}{figures[1]:11.3f}{figures[2]:9.2f}",
            flush=True,
        )
    print(f"{label:<12}{_lab(goal)}  {_lab(goal - start)}")


def _lab(values: np.ndarray) -> str:
    return "".join(f"{value:6.1f}" for value in values)


def check_resuming(folders: Sequence[Path], out: Path, steps: int, options: Sequence[str]) -> None:
    """Compare the weights of runs that were stopped and resumed with those of one that was not."""
    options = ["--steps", str(steps), "--device", "cpu", *options, "-q"]
    whole = out / "whole.safetensors"
    command = train_command(folders, whole, options)
    code, seconds = _run_until(command, whole, [], None)
    if code:
        raise SystemExit(f"photostyle train failed with exit code {code}")
    print(f"without a break: {steps} steps, {seconds:.1f} s from its first checkpoint on")
    for number, (label, signals) in enumerate(VARIANTS.items()):
        result = out / f"stopped-{number}.safetensors"
        command = train_command(folders, result, options)
        stops = []
        for index, sent in enumerate(signals):
            share = 1 / (len(signals) + 1 - index)
            left = 1 - (stops[-1] / steps if stops else 0)
            resume = ["--resume"] if stops else []
            code, _ = _run_until([*command, *resume], result, [sent], share * left * seconds)
            wanted = INTERRUPTED if sent == signal.SIGINT else -sent
            if code == 0:
                print(f"{label}: the run was done before it was stopped: more --steps are needed")
                break
            if code != wanted:
                raise SystemExit(f"{label}: exit code {code}, not {wanted}")
            stops.append(_steps_in(result))
        else:
            subprocess.run([*command, "--resume"], check=True, stdout=subprocess.DEVNULL)
            where = ", ".join(map(str, stops))
            print(f"{label}, resumed from step {where}: {compared(whole, result)}", flush=True)


def _run_until(
    command: list[str], out: Path, signals: Sequence[signal.Signals], seconds: float | None
) -> tuple[int, float]:
    """Run a training; so long after it has written a checkpoint, send signals.

    Returns the exit code and the seconds from the checkpoint to the end.
    """
    checkpoint = out.with_suffix(".checkpoint")
    before = _changed(checkpoint)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None and _changed(checkpoint) == before:
        time.sleep(POLL)
    start = time.perf_counter()
    if seconds is not None:
        while process.poll() is None and time.perf_counter() - start < seconds:
            time.sleep(POLL)
        for sent in signals:
            process.send_signal(sent)
    return process.wait(), time.perf_counter() - start


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _steps_in(out: Path) -> int:
    content = torch.load(out.with_suffix(".checkpoint"), map_location="cpu", weights_only=True)
    return content["state"]["steps"]


def compared(one: Path, other: Path) -> str:
    a, b = load_file(one), load_file(other)
    if a.keys() != b.keys() or any(a[key].shape != b[key].shape for key in a):
        return "the tensors are not the same ones"
    if all(torch.equal(a[key], b[key]) for key in a):
        return f"identical, {len(a)} tensors"
    gaps = {key: float((a[key].double() - b[key].double()).abs().max()) for key in a}
    worst = max(gaps, key=lambda key: gaps[key])
    return f"DIFFERENT, by {gaps[worst]:.3g} in {worst}"


def main() -> None:
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    own, options = sys.argv[1:end], sys.argv[end + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--a", type=Path, default=DATA / "train/day")
    parser.add_argument("--b", type=Path, default=DATA / "train/sunset")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--unseen", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=60, help="of --resume-check")
    parser.add_argument("--filter", help="measure this filter, train none")
    parser.add_argument("--resume-check", action="store_true")
    parser.add_argument("--keep", type=Path, help="a new folder to leave the files in")
    parser.add_argument("--score", type=Path, default=SCORE)
    args = parser.parse_args(own)
    if args.keep and args.keep.exists():
        parser.error(f"{args.keep} exists already: name a new folder")
    ours = spread(find_photos([args.a]), args.count + args.unseen)
    seen = set(spread(ours, args.count))
    unseen = [photo for photo in ours if photo not in seen]
    aims = spread(find_photos([args.b]), args.count)
    with tempfile.TemporaryDirectory(prefix="photostyle-bench-") as temporary:
        folder = args.keep or Path(temporary)
        folders = copied(sorted(seen), folder / "A"), copied(aims, folder / "B")
        if args.resume_check:
            check_resuming(folders, folder, args.steps, options)
            return
        score = load_score(args.score)
        name = args.filter or str(folder / "warm.safetensors")
        if not args.filter:
            train(folders, Path(name), ["--minutes", f"{args.minutes:g}", *options])
        before = [pixels_of(path) for path in unseen]
        sides = [pooled_lab(map(pixels_of, p), len(p)) for p in (sorted(seen), aims)]
        looks = {
            "untouched": before,
            "filtered": [pixels_of(path) for path in filtered(name, unseen, folder / "unseen")],
            "linear": linear(before, *sides),
        }
        print(f"{len(unseen)} photos that the training has not seen")
        print_look(score, looks, aims, "B")


if __name__ == "__main__":
    main()
