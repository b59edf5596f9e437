"""The photos of a training run: read, checked, and some of them kept for validation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photostyle.errors import UsageError
from photostyle.progress import Progress
from photostyle.training.photos import SCALES, Pixels, find_photos, read_pyramids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from photostyle.errors import PhotoError
    from photostyle.progress import ProgressCallback
    from photostyle.training.config import TrainConfig

FEWEST = 2
"""Photos that a filter can be trained on."""

ENOUGH_TO_HOLD_OUT = 8
"""From so many photos on, at least one is kept for validation."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Photos to train on and photos to validate on, each at several scales."""

    train: list[list[Pixels]]
    """As `read_pyramids` returns them."""

    held_out: list[list[Pixels]]
    """The same of photos that are not trained on; perhaps none."""

    skipped: int
    """Photos that could not be read."""

    fingerprint: str
    """Digest of the names and sizes of the photos trained on."""


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
    if folder.is_file():
        raise UsageError(f"'{folder}' is a file: give a folder of photos")
    paths = find_photos(folder)
    if len(paths) < FEWEST:
        raise UsageError(f"there is only one photo in '{folder}': training needs {FEWEST} or more")
    pyramids: dict[str, list[Pixels]] = {}
    failures: list[PhotoError] = []
    for path in paths:
        progress(Progress("read", len(pyramids) + len(failures), len(paths)))
        before = len(failures)
        try:
            (pyramid,) = read_pyramids([path], config.size, failures.append)
        except UsageError:  # what is wrong with it is among the failures
            warn(f"{failures[before]}; skipped")
            continue
        pyramids[path.relative_to(folder).as_posix()] = pyramid
    if len(pyramids) < FEWEST:
        raise UsageError(
            f"only {len(pyramids)} of the {len(paths)} photos in '{folder}' can be read: training "
            f"needs {FEWEST} or more"
        )
    if failures:
        warn(f"{len(failures)} of {len(paths)} photos cannot be read and are left out")
    _warn_of_small(pyramids.values(), config.size, warn)
    kept = held_out_names(list(pyramids), config.hold_out)
    train = {name: pyramid for name, pyramid in pyramids.items() if name not in kept}
    shapes = sorted((name, [version.shape for version in p]) for name, p in train.items())
    return Dataset(
        train=list(train.values()),
        held_out=[pyramids[name] for name in pyramids if name in kept],
        skipped=len(failures),
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
