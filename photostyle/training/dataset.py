"""The photos of a training run: read, checked, and some of them kept for validation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from photostyle.errors import PhotoError, UsageError
from photostyle.image import read_photo
from photostyle.image.masks import check_mask_shape, colours_of, decode_labels
from photostyle.progress import Progress
from photostyle.training.photos import SCALES, Pixels, find_photos, pyramid, read_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path, PurePath

    from photostyle.progress import ProgressCallback
    from photostyle.training.config import TrainConfig

FEWEST = 2
"""Photos that a filter can be trained on."""

ENOUGH_TO_HOLD_OUT = 8
"""From so many photos on, at least one is kept for validation."""


SMALLEST_SINGLE = 128
"""Single photos of a shorter side are enlarged to it."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Photos to train on and photos to validate on, each at several scales."""

    train: list[list[Pixels]]
    """Each as `pyramid` or `read_pair` returns it."""

    held_out: list[list[Pixels]]
    """The same of photos that are not trained on; perhaps none."""

    skipped: int
    """Photos that could not be read."""

    fingerprint: str
    """Digest of the names and sizes of the photos trained on."""


def photos_in(folder: Path) -> list[Path]:
    """List the photos in a folder and its subfolders.

    Args:
        folder: The folder.

    Raises:
        UsageError: There is no such folder, or there are no photos in it.
    """
    if folder.is_file():
        raise UsageError(f"'{folder}' is a file: give a folder of photos")
    return find_photos(folder)


def read_dataset(
    folder: Path, config: TrainConfig, *, progress: ProgressCallback, warn: Callable[[str], None]
) -> Dataset:
    """Read the photos in a folder and its subfolders.

    Args:
        folder: Where they are.
        config: The settings; `size` and `hold_out` count.
        progress: Told of each photo.
        warn: Told of photos that cannot be read or are small.

    Raises:
        UsageError: There is no such folder, or it has fewer than two photos that can be read.
    """
    paths = photos_in(folder)
    pyramids: dict[str, list[Pixels]] = {}
    failures = 0
    for path in paths:
        progress(Progress("read", len(pyramids) + failures, len(paths)))
        try:
            pixels = read_photo(path).floats()
        except PhotoError as error:
            failures += 1
            warn(f"{error}; skipped")
            continue
        pyramids[path.relative_to(folder).as_posix()] = pyramid(pixels, config.size)
    return _dataset(pyramids, failures, "photo", f"in '{folder}'", config, warn)


def read_single(path: Path, mask: Path | None = None) -> Dataset:
    """Read a photo that is all there is.

    Args:
        path: Its file.
        mask: A colour-coded mask of its segments, any size of its shape.

    Returns:
        The photo; with a mask, of six channels: those of the photo, then the colours of `PALETTE`.

    Raises:
        UsageError: There is no such file, or it is a folder, or the mask has another shape.
        PhotoError: A file cannot be read.
    """
    if not path.exists():
        raise UsageError(f"there is no photo '{path}'")
    if path.is_dir():
        raise UsageError(f"'{path}' is a folder: give a photo")
    pixels = read_photo(path).floats()
    versions = pyramid(pixels, SMALLEST_SINGLE)
    if mask is not None:
        colours = read_photo(mask).floats()
        check_mask_shape(colours, pixels, f"'{path}'")
        parts = (colours_of(decode_labels(colours, version.shape[:2])) for version in versions)
        versions = [
            np.concatenate([version, (255 * part + 0.5).astype(np.uint8)], axis=-1)
            for version, part in zip(versions, parts, strict=True)
        ]
    # Names say little: in pairs photos are often called alike.
    return Dataset([versions], [], 0, hashlib.sha256(versions[0].tobytes()).hexdigest())


def read_pairs(
    folder: Path,
    other: Path,
    config: TrainConfig,
    *,
    progress: ProgressCallback,
    warn: Callable[[str], None],
) -> Dataset:
    """Read photos that show the same: those of the same name, whatever their format.

    Args:
        folder: Where the inputs are.
        other: Where the targets are.
        config: The settings; `size` and `hold_out` count.
        progress: Told of each pair.
        warn: Told of photos that cannot be read, have no counterpart or are small.

    Returns:
        Photos of six channels: of the input, then of the target.

    Raises:
        UsageError: There is no such folder, or fewer than two pairs that can be read.
    """
    sides = []
    for side in (folder, other):
        named: dict[PurePath, Path] = {}
        for path in photos_in(side):
            stem = path.relative_to(side).with_suffix("")
            if stem in named:
                warn(f"'{path}' is left out: '{named[stem].name}' has the same name")
            else:
                named[stem] = path
        sides.append(named)
    first, second = sides
    names = [name for name in first if name in second]
    for side, has, lacks in ((folder, first, second), (other, second, first)):
        if alone := [name for name in has if name not in lacks]:
            warn(
                f"{len(alone)} of the {len(has)} photos in '{side}' have no counterpart and are "
                f"left out, '{has[alone[0]].name}' among them"
            )
    pyramids: dict[str, list[Pixels]] = {}
    failures = 0
    for name in names:
        progress(Progress("read", len(pyramids) + failures, len(names)))
        try:
            pyramids[name.as_posix()] = read_pair(first[name], second[name], config.size)
        except PhotoError as error:
            failures += 1
            warn(f"{error}; skipped")
    return _dataset(pyramids, failures, "pair", f"in '{folder}' and '{other}'", config, warn)


def _dataset(
    pyramids: dict[str, list[Pixels]],
    failures: int,
    noun: str,
    place: str,
    config: TrainConfig,
    warn: Callable[[str], None],
) -> Dataset:
    """Check what was read, and keep some of it for validation."""
    total = len(pyramids) + failures
    if len(pyramids) < FEWEST:
        found = f"there is only one {noun}" if total else f"there are no {noun}s"
        if failures:
            found = f"only {len(pyramids)} of the {total} {noun}s can be read"
        raise UsageError(f"{found} {place}: training needs {FEWEST} or more")
    if failures:
        warn(f"{failures} of {total} {noun}s {place} cannot be read and are left out")
    if config.kind == "repair":  # tone filters look at thumbnails
        _warn_of_small(pyramids.values(), config.size, warn)
    kept = held_out_names(list(pyramids), config.hold_out)
    train = {name: pyramid for name, pyramid in pyramids.items() if name not in kept}
    shapes = sorted((name, [version.shape for version in p]) for name, p in train.items())
    return Dataset(
        train=list(train.values()),
        held_out=[pyramids[name] for name in pyramids if name in kept],
        skipped=failures,
        fingerprint=hashlib.sha256(repr(shapes).encode(errors="surrogateescape")).hexdigest(),
    )


def held_out_names(names: Sequence[str], share: float) -> set[str]:
    """Choose photos for validation: by their names, so that they are the same in every run.

    Args:
        names: Of all photos, each another.
        share: How many of them; of eight or more at least one, unless it is 0.

    Returns:
        The names of those chosen; fewer than eight photos are all needed for training.
    """
    if share == 0 or len(names) < ENOUGH_TO_HOLD_OUT:
        return set()

    def digest(name: str) -> bytes:
        return hashlib.sha256(name.encode(errors="surrogateescape")).digest()

    return set(sorted(names, key=digest)[: max(1, round(share * len(names)))])


def _warn_of_small(
    pyramids: Iterable[list[Pixels]], size: int, warn: Callable[[str], None]
) -> None:
    small = sum(len(p) == 1 and min(p[0].shape[:2]) == size for p in pyramids)
    if small:
        least = round(size / max(SCALES))
        warn(
            f"{small} of the photos have a side of less than {least} pixels and are scaled to "
            f"{size}: they teach little about detail"
        )
