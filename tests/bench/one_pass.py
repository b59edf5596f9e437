"""A filter that imitates one photo in one pass, beside `transfer`, which solves for each photo.

    python tests/bench/one_pass.py STYLE [--photos DIR] [--test DIR] [--count 20] [--megapixels 24]
                                   [--out DIR] [--filter FILE] [-- --steps 1500 --device cpu ...]

`photostyle train look DIR STYLE` makes the filter, unless `--filter` names one; what follows `--`
goes to it as it is. Then both look at the photos that it did not learn from: `--hold-out` keeps as
many as `--count`, or as many as there are for half of them. With `--test` they are the first so
many of that folder. For `filter`, for `transfer`, and for the latter with one segment:

style      sliced Wasserstein distance (CIE Lab, 64 directions) of the results to the style, the
           mean; whole photos, no masks.
structure, realism, patches  as `--score` defines them, which puts results through JPEG. The line
           `photo` is of the photos themselves: what JPEG alone does.
seconds    a photo, as `--json` has them: without loading Python and networks.

Below: the same seconds for a photo of `--megapixels`, made by enlarging one.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filter import encoded_photo
from looks import DATA, SCORE, load_score, pixels_of
from two_photos import distance, photostyle, sheet, train

from photostyle.training.dataset import held_out_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

SHOWN = 6
"""Photos on the contact sheet."""


def measured(
    score: ModuleType, photos: Sequence[Path], results: Sequence[Path], style: np.ndarray
) -> np.ndarray:
    """Mean style, structure, realism and patches."""
    rows = []
    for photo, result in zip(photos, results, strict=True):
        before, after = pixels_of(photo), score.jpeg(pixels_of(result))
        rows.append(
            [
                distance(score, after, style),
                score.structure(before, after),
                score.realism(before, after),
                score.patches(before, after),
            ]
        )
    return np.mean(rows, 0)


def filtered(file: Path, photos: Sequence[Path], folder: Path) -> tuple[list[Path], float]:
    """Results of the filter, and its seconds a photo."""
    words = ["filter", str(file), *map(str, photos), "--out-dir", str(folder), "--overwrite"]
    words += ["--name", "{stem}.png", "--jobs", "1", "--device", "cpu"]
    total = photostyle(*words)["seconds"]
    return [folder / f"{photo.stem}.png" for photo in photos], float(str(total)) / len(photos)


def transferred(
    style: Path, photos: Sequence[Path], folder: Path, segment: str = "auto"
) -> tuple[list[Path], float]:
    """Results of `transfer`, and its seconds a photo."""
    results, seconds = [], []
    for photo in photos:
        results.append(folder / f"{photo.stem}.png")
        words = ["transfer", str(photo), str(style), "-o", str(results[-1]), "--overwrite"]
        words += ["--segment", segment, "--device", "cpu"]
        seconds.append(float(str(photostyle(*words)["seconds"])))
    return results, float(np.mean(seconds))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("style", type=Path)
    parser.add_argument("--photos", type=Path, default=DATA / "train/day")
    parser.add_argument("--test", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--score", type=Path, default=SCORE)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--filter", type=Path)
    parser.add_argument("options", nargs="*")
    args = parser.parse_args()
    score, style = load_score(args.score), pixels_of(args.style)
    names = names_in(args.photos)
    share = min(0.5, args.count / len(names))
    kept = names_in(args.test) if args.test else sorted(held_out_names(names, share))
    photos = [(args.test or args.photos) / name for name in kept[: args.count]]
    with tempfile.TemporaryDirectory() as temporary:
        out = args.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        made = args.filter or out / "look.safetensors"
        if args.filter is None:
            hold_out = ["--hold-out", f"{share:g}"]
            seconds = train(made.stem, (args.photos, args.style), out, [*hold_out, *args.options])
            print(f"trained in {seconds:.0f} s, {share:.0%} of the photos held out")
        print(f"{'':<10}{'style':>8}{'structure':>11}{'realism':>9}{'patches':>9}{'seconds':>9}")
        row = measured(score, photos, photos, style)
        print(f"{'photo':<10}{row[0]:8.2f}{row[1]:11.3f}{row[2]:9.3f}{row[3]:9.2f}", flush=True)
        ways = {
            "filter": partial(filtered, made),
            "transfer": partial(transferred, args.style),
            "none": partial(transferred, args.style, segment="none"),
        }
        results = {}
        for name, way in ways.items():
            (out / name).mkdir(exist_ok=True)
            results[name], seconds = way(photos, out / name)
            row = measured(score, photos, results[name], style)
            figures = f"{row[0]:8.2f}{row[1]:11.3f}{row[2]:9.3f}{row[3]:9.2f}{seconds:9.2f}"
            print(f"{name:<10}{figures}", flush=True)
        for index, photo in enumerate(photos[:SHOWN]):
            beside = [photo, *(each[index] for each in results.values())]
            sheet([*beside, args.style], out / f"sheet_{index}.png")
        data, megapixels = encoded_photo(photos[0], args.megapixels)
        large = out / "large.jpg"
        large.write_bytes(data)
        for name, way in ways.items():
            _, seconds = way([large], out / name)
            print(f"{name} at {megapixels:.0f} MP: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
