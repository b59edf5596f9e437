"""Looks learned from two photos: their colours, that they can be undone, and what new ones cost.

    python tests/bench/two_photos.py [--pairs 31,40,...] [--out DIR] [--unseen 21,59] [--only-norm]
                                     [-- --steps 300 --device cpu ...]

For each pair of `--luan`, NN/content.jpg (a) and NN/style.jpg (b), `photostyle train pNN a b` makes
`pNN` and `pNN:back`; what follows `--` goes to it as it is. `photostyle filter` applies them.
Columns, the second line of a pair is that of the way back:

ratio      sliced Wasserstein distance (CIE Lab, 64 directions) of the result to the style, over
           that of the photo itself: 1 is no change, 0 the same colours. Whole photos, no masks.
structure, realism, patches  as `--score` defines them, which puts results through JPEG.
cycle      PSNR in dB between a photo and itself after both looks, in either order.
self       PSNR between a photo and what the look that was learned from it makes of it.
seconds    of `train`, from the start of Python to its end.

`--only-norm` trains every pair but the first a second time with `--only-norm --init` of the first,
in a sixth of the steps, and says how many of the weights differ. `--unseen` applies each look to
the contents of further pairs. With `--out` every picture is kept there as PNG.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from looks import DATA, SCORE, Picture, load_score, pixels_of
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

PAIRS = "14,52,53,55,03,31,27,40"
"""Four landscapes, two cities, two rooms."""

SHORTER = 6
"""Normalisation alone is trained in so many times fewer steps."""


def photostyle(*words: str) -> dict[str, object]:
    """Run a command and return what it says last as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "photostyle", *words, "--json", "-q"], stdout=subprocess.PIPE
    )
    if done.returncode:
        raise SystemExit(f"photostyle {' '.join(words)} failed")
    last: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return last


def train(name: str, sides: Sequence[Path], folder: Path, options: Sequence[str]) -> float:
    """Train NAME.safetensors in a folder; return the seconds."""
    begun = time.perf_counter()
    out = str(folder / f"{name}.safetensors")
    photostyle("train", name, *map(str, sides), "--out", out, "--overwrite", *options)
    return time.perf_counter() - begun


def apply(name: str, photo: Path, out: Path) -> Path:
    photostyle("filter", name, str(photo), "-o", str(out), "--overwrite")
    return out


def psnr(first: Picture, second: Picture) -> float:
    return float(-10 * np.log10(max(1e-10, float(np.square(first - second).mean()))))


def distance(score: ModuleType, photo: Picture, style: Picture) -> float:
    whole = [np.zeros(picture.shape[:2], int) for picture in (photo, style)]
    return float(score.style_distance(photo, style, *whole))


def one_way(
    score: ModuleType, there: str, back: str, photo: Path, style: Path, out: Path
) -> np.ndarray:
    """ratio, structure, realism, patches, cycle, self."""
    result = apply(there, photo, out)
    again = apply(back, result, out.with_name(f"{out.stem}_again.png"))
    same = apply(there, style, out.with_name(f"{out.stem}_self.png"))
    before, wanted, after = (pixels_of(path) for path in (photo, style, result))
    seen = score.jpeg(after)
    return np.array(
        [
            distance(score, seen, wanted) / distance(score, before, wanted),
            score.structure(before, seen),
            score.realism(before, seen),
            score.patches(before, seen),
            psnr(before, pixels_of(again)),
            psnr(wanted, pixels_of(same)),
        ]
    )


def both_ways(
    score: ModuleType, file: Path, sides: Sequence[Path], out: Path
) -> tuple[np.ndarray, np.ndarray]:
    content, style = sides
    there, back = str(file), f"{file}:back"
    return (
        one_way(score, there, back, content, style, out / f"{file.stem}_there.png"),
        one_way(score, back, there, style, content, out / f"{file.stem}_back.png"),
    )


def print_row(label: str, values: np.ndarray, seconds: float | None) -> None:
    figures = "".join(f"{v:{w}}" for v, w in zip(values, _WIDTHS, strict=True))
    print(f"{label:<16}{figures}{'' if seconds is None else f'{seconds:9.0f}'}", flush=True)


_WIDTHS = ("8.2f", "11.3f", "9.3f", "9.2f", "8.1f", "8.1f")


def changed(old: Path, new: Path) -> float:
    """Share of the weights of a file with more looks that are not those of the other, per cent."""
    before, after = load_file(old), load_file(new)
    total = sum(value.size for value in after.values())
    count = len([name for name in before if name.endswith(".last_shift")])
    kept = sum(
        value.size for name, value in before.items() if _same(value, after.get(_moved(name, count)))
    )
    return 100 * (1 - kept / total)


def _moved(name: str, count: int) -> str:
    """What a weight is called behind so many new looks."""
    if not name.startswith("looks."):
        return name
    _, index, rest = name.split(".", 2)
    return f"looks.{int(index) + count}.{rest}"


def _same(first: np.ndarray, second: np.ndarray | None) -> bool:
    # Weights of one file may be halves, those of the other not.
    return second is not None and np.allclose(first.astype(float), second, rtol=1e-3, atol=1e-6)


def shrunk(options: Sequence[str], steps: int) -> list[str]:
    """Options with a sixth of the steps."""
    kept = [word for word in options if word != "--steps"]
    kept = [word for word in kept if word != str(steps)]
    return [*kept, "--steps", str(max(1, steps // SHORTER))]


def steps_of(file: Path) -> int:
    recipe = photostyle("models", "info", str(file))["recipe"]
    return int(str(recipe).rsplit("--steps ", 1)[1].split()[0])


def sheet(pictures: Sequence[Path], out: Path) -> None:
    """Pictures side by side, 480 pixels wide."""
    tiles = []
    for path in pictures:
        pixels = pixels_of(path)
        height = round(480 * pixels.shape[0] / pixels.shape[1])
        tiles.append(cv2.resize(pixels, (480, height), interpolation=cv2.INTER_AREA))
    tallest = max(len(tile) for tile in tiles)
    padded = [np.pad(t, ((0, tallest - len(t)), (0, 6), (0, 0)), constant_values=1) for t in tiles]
    joined = (255 * np.hstack(padded)[..., ::-1]).round().clip(0, 255).astype(np.uint8)
    cv2.imwrite(str(out), joined)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pairs", default=PAIRS)
    parser.add_argument("--luan", type=Path, default=DATA / "luan")
    parser.add_argument("--score", type=Path, default=SCORE)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--unseen", default="")
    parser.add_argument("--only-norm", action="store_true")
    parser.add_argument("options", nargs="*")
    args = parser.parse_args()
    score = load_score(args.score)
    with tempfile.TemporaryDirectory() as temporary:
        out = args.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        heads = ("ratio", "structure", "realism", "patches", "cycle", "self")
        widths = (8, 11, 9, 9, 8, 8)
        titles = "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
        print(f"{'pair':<16}{titles}{'seconds':>9}", flush=True)
        ways: list[tuple[np.ndarray, np.ndarray]] = []
        first: Path | None = None
        for pair in args.pairs.split(","):
            sides = [args.luan / pair / f"{side}.jpg" for side in ("content", "style")]
            file = out / f"p{pair}.safetensors"
            seconds = train(file.stem, sides, out, args.options)
            ways.append(both_ways(score, file, sides, out))
            print_row(pair, ways[-1][0], seconds)
            print_row(f"{pair} back", ways[-1][1], None)
            results = [out / f"{file.stem}_{way}.png" for way in ("there", "back")]
            sheet([*sides, *results], out / f"{file.stem}_sheet.png")
            for other in filter(None, args.unseen.split(",")):
                photo = args.luan / other / "content.jpg"
                apply(str(file), photo, out / f"{file.stem}_unseen_{other}.png")
            if first is None:
                first = file
            elif args.only_norm:
                added = out / f"n{pair}.safetensors"
                fewer = shrunk(args.options, steps_of(file))
                options = ["--init", str(first), "--only-norm", *fewer]
                seconds = train(added.stem, sides, out, options)
                there, back = both_ways(score, added, sides, out)
                print_row(f"{pair} norm", there, seconds)
                print_row(f"{pair} norm back", back, None)
                share = changed(first, added)
                closer = ways[-1][0][0] / there[0]
                print(f"{'':<16}  {share:.1f} % of the weights are new; ratio {1 / closer:.2f} x")
        print_row(f"mean of {len(ways)}", np.mean([there for there, _ in ways], 0), None)
        print_row("mean back", np.mean([back for _, back in ways], 0), None)


if __name__ == "__main__":
    main()
