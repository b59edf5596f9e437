"""Transfer all pairs of a folder through the public API and score the results.

    python tests/bench/transfer.py [--pairs ../shared/data/luan] [--segment auto] [--out DIR]
                                   [--only 01,14] [--jobs 2] [--set size=256 calm=30 ...]

A pair is a folder NN/ with content.jpg, style.jpg, content_mask.png, style_mask.png and, as the
named reference, luan_result.jpg: Luan et al.'s published result, scored in the same run. With
`--segment` the masks are for scoring only: segments are found (auto) or done without (none).
`--set` overrides any number of TransferConfig or LossWeights. `--score` names the script that
scores. `--random-encoder` puts calibrated random filters in the place of the bundled encoder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from photostyle import read_photo, transfer, write_photo
from photostyle.features import random_encoder
from photostyle.transfers import LossWeights, TransferConfig, job
from photostyle.transfers.config import SEGMENTATIONS

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ("style", "structure", "realism", "patches")


def run_pair(
    pair: Path, out: Path, segment: str | None, random: bool, settings: dict[str, float]
) -> tuple[str, float]:
    if random:
        job.load_encoder = lambda: random_encoder(0, _photos(pair.parent))
    names = {field.name for field in fields(LossWeights)}
    weights = LossWeights(**{k: v for k, v in settings.items() if k in names})
    others = {k: v if k == "strength" else int(v) for k, v in settings.items() if k not in names}
    result = transfer(
        pair / "content.jpg",
        pair / "style.jpg",
        content_mask=None if segment else pair / "content_mask.png",
        style_mask=None if segment else pair / "style_mask.png",
        config=TransferConfig(weights=weights, segment=segment or "auto", **others),
    )
    write_photo(result.photo, out / f"{pair.name}.png", overwrite=True)
    return pair.name, result.seconds


def _photos(pairs: Path) -> torch.Tensor:
    """Styles to calibrate on: the middles of their pictures, `B 3 128 128`."""
    photos = [read_photo(path).pixels for path in sorted(pairs.glob("*/style.jpg"))[::2]]
    middles = [p[len(p) // 2 - 64 :, p.shape[1] // 2 - 64 :][:128, :128] for p in photos]
    return torch.from_numpy(np.stack(middles)).permute(0, 3, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pairs", type=Path, default=ROOT / "../shared/data/luan")
    parser.add_argument("--score", type=Path, default=ROOT / "../shared/eval/score_transfer.py")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--segment", choices=SEGMENTATIONS)
    parser.add_argument("--random-encoder", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[])
    args = parser.parse_args()
    if not args.pairs.is_dir() or not args.score.is_file():
        raise SystemExit(f"{args.pairs} and {args.score} are needed")
    out = args.out or Path(tempfile.mkdtemp(prefix="photostyle-bench-"))
    out.mkdir(parents=True, exist_ok=True)
    pairs = sorted(p for p in args.pairs.iterdir() if (p / "content.jpg").is_file())
    if args.only:
        pairs = [p for p in pairs if p.name in args.only.split(",")]
    settings = {key: float(value) for key, value in (item.split("=") for item in args.set)}
    start = time.perf_counter()
    work = partial(
        run_pair, out=out, segment=args.segment, random=args.random_encoder, settings=settings
    )
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        seconds = dict(pool.map(work, pairs))
    wall = time.perf_counter() - start

    with tempfile.TemporaryDirectory() as chosen:
        for pair in pairs:
            (Path(chosen) / pair.name).symlink_to(pair.resolve())
        ours = score(args.score, Path(chosen), out)
        luan = score(args.score, Path(chosen), None)
    print(f"{'pair':>5}" + "".join(f"{figure:>11}" for figure in FIGURES) + f"{'seconds':>10}")
    for pair in pairs:
        row = ours["pairs"][pair.name]
        print(
            f"{pair.name:>5}"
            + "".join(f"{row[f]:11.3f}" for f in FIGURES)
            + f"{seconds[pair.name]:10.1f}"
        )
    mean = {f: sum(ours["pairs"][p.name][f] for p in pairs) / len(pairs) for f in FIGURES}
    reference = {f: sum(luan["pairs"][p.name][f] for p in pairs) / len(pairs) for f in FIGURES}
    print(
        f"{'mean':>5}"
        + "".join(f"{mean[f]:11.3f}" for f in FIGURES)
        + f"{sum(seconds.values()) / len(pairs):10.1f}"
    )
    print(f"{'Luan':>5}" + "".join(f"{reference[f]:11.3f}" for f in FIGURES))
    print(f"{'ratio':>5}" + "".join(f"{mean[f] / reference[f]:11.3f}" for f in FIGURES))
    print(
        f"{len(pairs)} pairs in {wall:.0f} s, {args.jobs} at a time, "
        f"segments {args.segment or 'of the masks'}, settings {settings or 'default'}; {out}"
    )


def score(
    script: Path, pairs: Path, results: Path | None
) -> dict[str, dict[str, dict[str, float]]]:
    command = [
        sys.executable,
        str(script),
        str(pairs),
        *([str(results)] if results else ["--luan"]),
    ]
    text = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True).stdout
    return json.loads(text)


if __name__ == "__main__":
    main()
