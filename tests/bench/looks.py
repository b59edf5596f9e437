"""What a filter does to photos: figures for each, distances to real photos, contact sheets.

    python tests/bench/looks.py NAME [--photos DIR|GLOB|FILE ...] [--sheet OUT.png] [--strength S]
    python tests/bench/looks.py NAME --webcams ../shared/data/train/webcam --from day --to night
                                     [--cameras A,B] [--photos] [-- --device cuda ...]

NAME is a filter's name or a .safetensors file. `python -m photostyle filter NAME` writes results as
PNG; what follows `--` goes to it as it is. Photos are 11 hazy ones, Kodak24 and the contents of
Luan's pairs unless others are named; `--photos` alone stands for none. Columns:

realism, structure, patches  as `--score` defines them, which puts results through JPEG; its
                             JPEG of the photo itself is the named reference.
L a b                        mean CIE Lab of the photo and of the result.
black, white                 percentage of pixels with all channels <= 2, with any >= 253.
noise                        rms of result minus its Gaussian blur (sigma 1) over that of the photo,
                             in the flattest tenth of the photo's 16-pixel blocks.

`--webcams` holds CAMERA/SIDE/*.jpg. For each camera with both sides it gives the sliced Wasserstein
distance (CIE Lab units, 64 directions) between the colours of the filtered frames of `--from` and
those of the frames of `--to`, pooled over frames; that of the untouched frames is the reference.
Cameras named by `--cameras` have a mean of their own: those the filter was not trained on, say.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw

from photostyle import read_photo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "../shared/data"
SCORE = ROOT / "../shared/eval/score_transfer.py"
SETS = (DATA / "eval/hazy", DATA / "eval/kodak24", DATA / "luan/*/content.jpg")
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
Picture = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

POOLED = 100_000
"""Pixels, about so many, that stand for the colours of a set of photos."""

BLOCK = 16
QUANTISATION = 1 / 255 / 12**0.5
"""Rms of rounding to 8 bits: no block counts as less noisy than that."""

CELL, CAPTION, GAP = 320, 18, 6
SHEET_HEIGHT, PAIRS = 1400, 2
"""Of a contact sheet: pixels, and before-and-after pairs side by side."""


@dataclass(frozen=True)
class Figures:
    """What is measured on a photo and its result."""

    realism: float
    structure: float
    patches: float
    lab_before: np.ndarray
    lab_after: np.ndarray
    clipped_before: tuple[float, float]
    clipped_after: tuple[float, float]
    noise: float

    def values(self) -> np.ndarray:
        return np.array(
            [
                self.realism, self.structure, self.patches, *self.lab_before, *self.lab_after,
                *self.clipped_before, *self.clipped_after, self.noise,
            ]
        )  # fmt: skip


def load_score(path: Path) -> ModuleType:
    """The scoring script as a module."""
    spec = importlib.util.spec_from_file_location("score", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise SystemExit(f"{path} is needed: name the scoring script with --score")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find_photos(sources: Sequence[Path]) -> list[Path]:
    """Photos of folders, patterns and files, sorted within each."""
    found: list[Path] = []
    for source in sources:
        if source.is_dir():
            found += sorted(p for p in source.iterdir() if p.suffix.lower() in SUFFIXES)
        elif source.is_file():
            found.append(source)
        else:
            pattern = source.absolute()
            matches = sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
            if not matches:
                raise SystemExit(f"no photos: {source}")
            found += matches
    return found


def filtered(
    name: str, photos: Sequence[Path], folder: Path, options: Sequence[str] = ()
) -> list[Path]:
    """The results of `photostyle filter NAME`, in order; photos of the same name do not collide."""
    inputs, outputs = folder / "before", folder / "after"
    inputs.mkdir(parents=True)
    outputs.mkdir()
    for index, photo in enumerate(photos):
        (inputs / f"{index:05}{photo.suffix.lower()}").write_bytes(photo.read_bytes())
    command = [sys.executable, "-m", "photostyle", "filter", name, str(inputs), "-q"]
    command += ["--out-dir", str(outputs), "--format", "png", "--name", "{stem}{ext}", *options]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
        raise SystemExit(f"photostyle filter {name} failed")
    return [outputs / f"{index:05}.png" for index in range(len(photos))]


def pixels_of(path: Path) -> Picture:
    """H W 3, sRGB in [0, 1], upright."""
    return read_photo(path).pixels


def to_lab(pixels: Picture) -> Picture:
    return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2LAB)


def mean_lab(pixels: Picture) -> np.ndarray:
    return to_lab(pixels).reshape(-1, 3).mean(0, dtype=np.float64)


def clipped(pixels: Picture) -> tuple[float, float]:
    """Percentages of pixels that are black, and white."""
    levels = np.round(pixels * 255)
    return (
        100 * float((levels <= 2).all(-1).mean()),
        100 * float((levels >= 253).any(-1).mean()),
    )


def noise_gain(before: Picture, after: Picture) -> float:
    """How much louder grain becomes where the photo has nothing else and is not clipped."""
    smooth = [cv2.GaussianBlur(p, (0, 0), 1) for p in (before, after)]
    fine = [_blocks(p - s) for p, s in zip((before, after), smooth, strict=True)]
    levels = _blocks(before)
    usable = (levels.max((1, 2)) < 253 / 255) & (levels.min((1, 2)) > 2 / 255)
    if not usable.any():
        return float("nan")
    spread = _blocks(smooth[0]).std(1).mean(-1)[usable]
    flat = spread <= np.quantile(spread, 0.1)
    rms = [max(float(np.sqrt((f[usable][flat] ** 2).mean())), QUANTISATION) for f in fine]
    return rms[1] / rms[0]


def _blocks(picture: Picture) -> Picture:
    """`N 256 3`: the pixels of each whole block."""
    height, width = (side // BLOCK for side in picture.shape[:2])
    whole = picture[: height * BLOCK, : width * BLOCK]
    return (
        whole.reshape(height, BLOCK, width, BLOCK, 3).swapaxes(1, 2).reshape(-1, BLOCK * BLOCK, 3)
    )


def measure(score: ModuleType, before: Picture, after: Picture) -> Figures:
    result = score.jpeg(after)
    return Figures(
        score.realism(before, result),
        score.structure(before, result),
        score.patches(before, result),
        mean_lab(before),
        mean_lab(after),
        clipped(before),
        clipped(after),
        noise_gain(before, after),
    )


def pooled_lab(pictures: Iterator[Picture], count: int) -> np.ndarray:
    """Lab colours of a fixed random choice of pixels, as many of each picture, `N 3`."""
    rng = np.random.default_rng(0)
    each = max(1, POOLED // count)
    return np.concatenate(
        [
            to_lab(rng.choice(p.reshape(-1, 3), min(each, p.shape[0] * p.shape[1]), False)[None])[0]
            for p in pictures
        ]
    )


def colour_distance(score: ModuleType, colours: np.ndarray, others: np.ndarray) -> float:
    """Sliced Wasserstein distance of Lab colours, as the score has it for one segment."""
    directions = np.random.default_rng(0).normal(size=(3, 64))
    directions /= np.linalg.norm(directions, axis=0)
    quantiles = [score.quantiles(c, directions) for c in (colours, others)]
    return float(np.abs(quantiles[0] - quantiles[1]).mean())


def print_photos(score: ModuleType, photos: Sequence[Path], results: Sequence[Path]) -> None:
    print(
        f"{'photo':<24}{'realism':>8}{'structure':>10}{'patches':>8}"
        f"{'L a b before':>19}{'L a b after':>19}{'black':>12}{'white':>12}{'noise':>7}"
    )
    rows, untouched = [], []
    for photo, result in zip(photos, results, strict=True):
        before, after = pixels_of(photo), pixels_of(result)
        rows.append(measure(score, before, after).values())
        untouched.append(measure(score, before, before).values())
        print_row(label_of(photo), rows[-1])
    print_row(f"mean of {len(rows)}", np.nanmean(rows, 0))
    print_row("untouched", np.nanmean(untouched, 0))


def print_row(label: str, v: np.ndarray) -> None:
    label = label if len(label) < 24 else f"{label[:20]}..."
    print(
        f"{label:<24}{v[0]:8.3f}{v[1]:10.3f}{v[2]:8.2f}  "
        f"{v[3]:5.1f}{v[4]:6.1f}{v[5]:6.1f}  {v[6]:5.1f}{v[7]:6.1f}{v[8]:6.1f}"
        f"{v[9]:6.1f}{v[11]:6.1f}{v[10]:6.1f}{v[12]:6.1f}{v[13]:7.2f}",
        flush=True,
    )


def label_of(photo: Path) -> str:
    """The file's name, or that of its folder where all are called the same."""
    return photo.parent.name if photo.stem == "content" else photo.stem


def cameras_in(webcams: Path, source: str, target: str) -> dict[str, tuple[list[Path], list[Path]]]:
    """The frames of both sides, of the cameras that have both."""
    cameras = {}
    for camera in sorted(p for p in webcams.iterdir() if p.is_dir()):
        if (camera / source).is_dir() and (camera / target).is_dir():
            sides = find_photos([camera / source]), find_photos([camera / target])
            if all(sides):
                cameras[camera.name] = sides
    if not cameras:
        raise SystemExit(f"no camera in {webcams} has both {source} and {target}")
    return cameras


def print_webcams(
    score: ModuleType,
    cameras: dict[str, tuple[list[Path], list[Path]]],
    results: dict[str, list[Path]],
    named: Sequence[str],
) -> None:
    print(f"{'camera':<24}{'frames':>8}{'untouched':>11}{'filtered':>10}{'ratio':>7}")
    rows = {}
    for camera, (frames, real) in cameras.items():
        before, after, goal = (
            pooled_lab(map(pixels_of, paths), len(paths))
            for paths in (frames, results[camera], real)
        )
        rows[camera] = [colour_distance(score, colours, goal) for colours in (before, after)]
        _print_distances(camera, f"{len(frames)}/{len(real)}", rows[camera])
    chosen = {f"mean of {len(rows)}": list(rows.values())}
    if named:
        chosen[f"mean of {','.join(named)}"] = [rows[camera] for camera in named]
    for label, some in chosen.items():
        _print_distances(label, "", list(np.mean(some, 0)))


def _print_distances(label: str, frames: str, row: Sequence[float]) -> None:
    ratio = row[1] / row[0]
    print(f"{label:<24}{frames:>8}{row[0]:11.2f}{row[1]:10.2f}{ratio:7.2f}", flush=True)


def write_sheets(pairs: Sequence[tuple[str, Path, Path]], out: Path) -> list[Path]:
    """Contact sheets: before and after side by side, the file's name under them."""
    sheets: list[list[tuple[int, list[tuple[str, list[Image.Image]]]]]] = [[]]
    for start in range(0, len(pairs), PAIRS):
        row = [(name, [_thumbnail(b), _thumbnail(a)]) for name, b, a in pairs[start:][:PAIRS]]
        height = max(picture.height for _, pictures in row for picture in pictures)
        height += CAPTION + GAP
        if sheets[-1] and sum(h for h, _ in sheets[-1]) + height > SHEET_HEIGHT:
            sheets.append([])
        sheets[-1].append((height, row))
    written = []
    for number, rows in enumerate(sheets, 1):
        size = (PAIRS * (2 * CELL + 2 * GAP), sum(height for height, _ in rows))
        sheet = Image.new("RGB", size, "lightgrey")
        draw, y = ImageDraw.Draw(sheet), 0
        for height, row in rows:
            for column, (name, pictures) in enumerate(row):
                x = column * (2 * CELL + 2 * GAP)
                for picture in pictures:
                    sheet.paste(picture, (x, y))
                    x += picture.width + 2
                left = column * (2 * CELL + 2 * GAP)
                draw.text((left, y + height - CAPTION - GAP + 2), name[:100], "black")
            y += height
        written.append(out.with_name(f"{out.stem}-{number}.png"))
        sheet.save(written[-1])
    return written


def _thumbnail(path: Path) -> Image.Image:
    picture = pixels_of(path)
    scale = CELL / max(picture.shape[:2])
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return Image.fromarray(np.round(small * 255).astype(np.uint8))


def main() -> None:
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    own, options = sys.argv[1:end], sys.argv[end + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", help="the filter: a name, or a file")
    parser.add_argument("--photos", type=Path, nargs="*", default=SETS)
    parser.add_argument("--score", type=Path, default=SCORE)
    parser.add_argument("--webcams", type=Path)
    parser.add_argument("--from", dest="source", default="day")
    parser.add_argument("--to", dest="target", default="night")
    parser.add_argument("--cameras", default="")
    parser.add_argument("--sheet", type=Path, help="written as OUT-1.png, OUT-2.png, ...")
    parser.add_argument("--strength", type=float)
    args = parser.parse_args(own)
    if args.strength is not None:
        options += ["--strength", str(args.strength)]
    score = load_score(args.score)
    photos = find_photos(args.photos)
    cameras = cameras_in(args.webcams, args.source, args.target) if args.webcams else {}
    named = [camera for camera in args.cameras.split(",") if camera]
    if unknown := [camera for camera in named if camera not in cameras]:
        raise SystemExit(f"not among the cameras with both sides: {', '.join(unknown)}")

    frames = [frame for sides in cameras.values() for frame in sides[0]]
    if not photos and not frames:
        raise SystemExit("nothing to filter: give --photos or --webcams")
    with tempfile.TemporaryDirectory(prefix="photostyle-bench-") as temporary:
        results = filtered(args.name, [*photos, *frames], Path(temporary), options)
        pairs = [(label_of(p), p, r) for p, r in zip(photos, results, strict=False)]
        if photos:
            print_photos(score, photos, results[: len(photos)])
        if cameras:
            rest = iter(results[len(photos) :])
            of_camera = {c: [next(rest) for _ in sides[0]] for c, sides in cameras.items()}
            print_webcams(score, cameras, of_camera, named)
            for camera, (before, _) in cameras.items():
                middle = len(before) // 2
                frame = before[middle]
                pairs.append((f"{camera}/{frame.stem}", frame, of_camera[camera][middle]))
        if args.sheet:
            for sheet in write_sheets(pairs, args.sheet):
                print(sheet)


if __name__ == "__main__":
    main()
