"""How much a transfer amplifies noise, and how much it clips, on results that are there already.

    python tests/bench/transfer.py --out RESULTS
    python tests/bench/noise_gain.py RESULTS [--pairs ../shared/data/luan]

PAIRS is a folder of NN/content.jpg, RESULTS one of NN.png or NN.jpg of the same sizes. All in L of
CIE Lab, in tiles of 16 x 16 pixels:

noise    Standard deviation of what a Gaussian blur (sigma 1.5) takes away.
smooth   A tile whose blurred content changes by less than 0.35 a pixel nearly everywhere (90 %)
         and whose noise is less than 1.5: what is there is noise, not texture.
gain     Noise of the result over noise of the content, not less than 0.15 (8-bit rounding), in
         smooth tiles: the median, and the value that 5 % of them exceed.
dark     The 95 % gain of smooth tiles whose content has a mean L below 35; - if fewer than 20.
contrast Ratio of the standard deviations of L over the whole photos: a gain like this is that of
         the look and not a fault of it.
seen     Share of the photo (per cent) in smooth tiles with a gain over 2.5 and a noise over 1.0:
         grain that was not to be seen before and is now.
white    Share of the pixels (per cent) with a channel of 254 or more, none of which had one of
         250 or more before; black, likewise, with all channels at 1 or less that were above 5.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
TILE = 16
FIGURES = ("smooth", "median", "95 %", "dark", "contrast", "seen", "white", "black")


def lightness(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    return np.asarray(lab[..., 0])


def tiles(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """`N TILE*TILE`; what is left at the borders is left out."""
    rows, columns = (side // TILE for side in image.shape)
    cut = image[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE)
    return cut.transpose(0, 2, 1, 3).reshape(-1, TILE * TILE)


def noise(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return tiles(image - cv2.GaussianBlur(image, (0, 0), 1.5)).std(1)


def measure(content: NDArray[np.uint8], result: NDArray[np.uint8]) -> dict[str, float]:
    ours, theirs = lightness(content), lightness(result)
    blurred = cv2.GaussianBlur(ours, (0, 0), 2)
    slope = np.hypot(cv2.Sobel(blurred, -1, 1, 0), cv2.Sobel(blurred, -1, 0, 1)) / 8
    before, after = noise(ours), noise(theirs)
    smooth = (np.quantile(tiles(slope), 0.9, axis=1) < 0.35) & (before < 1.5)
    gain = after / np.maximum(before, 0.15)
    dark = smooth & (tiles(ours).mean(1) < 35)
    highest, new = content.max(-1), result.max(-1)
    return {
        "smooth": 100 * float(smooth.mean()),
        "median": float(np.median(gain[smooth])) if smooth.any() else np.nan,
        "95 %": float(np.quantile(gain[smooth], 0.95)) if smooth.any() else np.nan,
        "dark": float(np.quantile(gain[dark], 0.95)) if dark.sum() >= 20 else np.nan,
        "contrast": float(theirs.std() / ours.std()),
        "seen": 100 * float((smooth & (gain > 2.5) & (after > 1.0)).mean()),
        "white": 100 * float(((new >= 254) & (highest < 250)).mean()),
        "black": 100 * float(((new <= 1) & (highest > 5)).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--pairs", type=Path, default=ROOT / "../shared/data/luan")
    args = parser.parse_args()
    rows = []
    print(f"{'pair':>5}" + "".join(f"{figure:>10}" for figure in FIGURES))
    for path in sorted(p for p in args.results.iterdir() if p.suffix in (".png", ".jpg")):
        content = args.pairs / path.stem / "content.jpg"
        if not content.is_file():
            continue
        photos = [np.asarray(cv2.imread(str(p), cv2.IMREAD_COLOR)) for p in (content, path)]
        row = measure(photos[0], photos[1])
        rows.append(list(row.values()))
        print(f"{path.stem:>5}" + "".join(f"{value:10.2f}" for value in row.values()))
    if not rows:
        raise SystemExit(f"{args.results} has no result of {args.pairs}")
    print(f"{'mean':>5}" + "".join(f"{value:10.2f}" for value in np.nanmean(rows, 0)))


if __name__ == "__main__":
    main()
