"""Which photos a batch reads and where each result goes, decided before any work."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from photostyle.batch.taken import date_of
from photostyle.errors import UsageError
from photostyle.image import PHOTO_SUFFIXES, format_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from photostyle.batch.template import Template


@dataclass(frozen=True, slots=True)
class PlannedPhoto:
    """One photo of a batch."""

    source: Path
    """The photo."""

    target: Path | None
    """Where its result goes; None where no file name could be made."""

    exists: bool = False
    """Whether the result is there already, so that the photo is skipped."""

    replace: bool = False
    """Whether a file in the result's place is replaced."""

    problem: str | None = None
    """Why the photo fails before it is even opened."""


@dataclass(frozen=True)
class Plan:
    """What a batch is going to do."""

    photos: tuple[PlannedPhoto, ...]
    """Every photo, in the order given and by name within folders."""

    own_results: tuple[Path, ...] = ()
    """Files that were left out because they are results of an earlier run."""

    to_do: tuple[PlannedPhoto, ...] = field(init=False)
    """The photos that are going to be opened."""

    def __post_init__(self) -> None:
        to_do = tuple(p for p in self.photos if not p.exists and p.problem is None)
        object.__setattr__(self, "to_do", to_do)


@dataclass(frozen=True, slots=True)
class _Found:
    """A photo, and how it was found."""

    source: Path
    folder: Path
    """Of its result."""
    listed: bool
    """Whether it was named by the user, not found in a folder."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A photo, and the place of its result."""

    source: Path
    target: Path
    listed: bool
    source_place: Path
    target_place: Path
    """The same paths, as `_Places` tells them apart."""


class _Places:
    """Paths by which the same name in the same folder is always the same."""

    def __init__(self) -> None:
        self._folders: dict[Path, str] = {}

    def named(self, photo: _Found, name: str) -> _Named:
        target = photo.folder / name
        places = self.of(photo.source), self.of(target)
        return _Named(photo.source, target, photo.listed, *places)

    def of(self, path: Path) -> Path:
        folder = path.parent
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return Path(self._folders[folder], os.path.normcase(path.name))


def plan_batch(
    inputs: Sequence[Path],
    template: Template,
    *,
    recursive: bool = False,
    output: Path | None = None,
    out_dir: Path | None = None,
    overwrite: bool = False,
) -> Plan:
    """Decide which photos are read, and where each result goes.

    A folder stands for the photos in it, without hidden ones. A folder that is called like a photo
    is taken for a photo, and fails. Results of earlier runs are left out: in a folder, what the
    template could have made; among the files named, what is the result of another of them.

    Args:
        inputs: Photos and folders.
        template: How results are called.
        recursive: Take the photos in folders within folders, too.
        output: Where the result of the only photo goes, whatever the template says.
        out_dir: Folder for the results; what is found in a folder keeps its place below it. By
            default results lie beside their photos.
        overwrite: Replace existing results.

    Raises:
        UsageError: Two photos have the same result, a photo is given twice, a result would replace
            a photo, no photo is found, or options exclude each other.
    """
    if output is not None:
        if len(inputs) != 1 or inputs[0].is_dir():
            raise UsageError("--output is for one photo: use --out-dir or --name for more")
        format_of(output)
        found = [_Found(inputs[0], output.parent, listed=True)]
    else:
        if template.extension is not None:
            format_of(template.name(Path("photo")))
        if out_dir is not None and out_dir.exists() and not out_dir.is_dir():
            raise UsageError(f"--out-dir '{out_dir}' is not a folder")
        found = list(_find(inputs, recursive=recursive, out_dir=out_dir))

    places = _Places()
    _refuse_repeated(found, places)
    own: list[Path] = []
    if output is not None:
        photos = [places.named(found[0], output.name)]
    elif template.numbers:
        # The number of a photo depends on how many come before it that are no results.
        kept, own = _without_numbered_results(found, template, places)
        photos = _named(kept, template, places)
    else:
        photos, own = _without_own_results(_named(found, template, places), template)
    _refuse_collisions(photos)
    if not photos and not own:
        hint = "" if recursive else "; use --recursive to look into the folders within"
        raise UsageError(f"there are no photos in {_listing(inputs)}{hint}")
    return Plan(
        tuple(_planned(photo, overwrite=overwrite) for photo in photos),
        tuple(own),
    )


def _find(inputs: Sequence[Path], *, recursive: bool, out_dir: Path | None) -> Iterator[_Found]:
    for given in inputs:
        if not given.is_dir() or _is_photo_name(given.name):
            yield _Found(given, out_dir or given.parent, listed=True)
            continue
        for source in _walk(given, recursive=recursive, avoid=out_dir):
            folder = source.parent
            if out_dir is not None:
                folder = out_dir if source == given else out_dir / folder.relative_to(given)
            yield _Found(source, folder, listed=False)


def _walk(folder: Path, *, recursive: bool, avoid: Path | None) -> Iterator[Path]:
    """The photos in a folder, by name; the folder itself where it cannot be listed."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        yield folder  # reading it fails, and says why
        return
    folders: list[Path] = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_photo_name(entry.name):
            yield folder / entry.name
        elif recursive and entry.is_dir(follow_symlinks=False):  # links may lead round in circles
            folders.append(folder / entry.name)
    for below in folders:
        if avoid is None or not (avoid.exists() and below.samefile(avoid)):
            yield from _walk(below, recursive=True, avoid=avoid)


def _is_photo_name(name: str) -> bool:
    return Path(name).suffix.lower() in PHOTO_SUFFIXES


def _refuse_repeated(found: Iterable[_Found], places: _Places) -> None:
    """See that no photo is given twice.

    Raises:
        UsageError: One is.
    """
    seen: dict[Path, Path] = {}
    for photo in found:
        other = seen.setdefault(places.of(photo.source), photo.source)
        if other is not photo.source:
            raise UsageError(f"'{other}' and '{photo.source}' are the same photo: give it once")


def _named(found: Sequence[_Found], template: Template, places: _Places) -> list[_Named]:
    """Photos with the names of their results, by their order."""
    width = len(str(len(found)))
    named = []
    for index, photo in enumerate(found, 1):
        date = date_of(photo.source) if template.dates else ""
        name = template.name(photo.source, index=f"{index:0{width}}", date=date)
        named.append(places.named(photo, name))
    return named


def _without_own_results(
    named: Sequence[_Named], template: Template
) -> tuple[list[_Named], list[Path]]:
    """Photos, and what is not one but the result of an earlier run."""
    # A template that adds nothing to the name cannot tell a result from a photo.
    results = {photo.target_place for photo in named} if template.adds_text else set()
    photos: list[_Named] = []
    own: list[Path] = []
    for photo in named:
        made = photo.source_place in results and photo.source_place != photo.target_place
        if made or (not photo.listed and template.could_have_made(photo.source.name)):
            own.append(photo.source)
        else:
            photos.append(photo)
    return photos, own


def _without_numbered_results(
    found: Sequence[_Found], template: Template, places: _Places
) -> tuple[list[_Found], list[Path]]:
    """The same for a template whose names depend on how many photos there are."""
    stems = {places.of(photo.folder / photo.source.stem) for photo in found}
    photos: list[_Found] = []
    own: list[Path] = []
    for photo in found:
        name = photo.source.name
        made = not photo.listed and template.could_have_made(name)
        stem = template.could_have_made_from(name)
        if made or (stem and places.of(photo.source.parent / stem) in stems):
            own.append(photo.source)
        else:
            photos.append(photo)
    return photos, own


def _refuse_collisions(photos: Sequence[_Named]) -> None:
    """See that every result has a place of its own.

    Raises:
        UsageError: Two share one, or one is the place of a photo.
    """
    sources = {os.path.realpath(photo.source): photo.source for photo in photos}
    targets: dict[Path, _Named] = {}
    for photo in photos:
        read = sources.get(os.path.realpath(photo.target))
        if read is not None and os.path.lexists(photo.target):
            raise UsageError(
                f"the result of '{photo.source}' would replace the photo '{read}': choose another "
                "--name or --out-dir"
            )
        other = targets.setdefault(photo.target_place, photo)
        if other is not photo:
            raise UsageError(
                f"'{other.source}' and '{photo.source}' would both become '{photo.target}': choose "
                "another --name or --out-dir, or change one after the other"
            )


def _planned(photo: _Named, *, overwrite: bool) -> PlannedPhoto:
    source, target = photo.source, photo.target
    if problem := _problem(source):
        return PlannedPhoto(source, target, problem=f"cannot read '{source}': {problem}")
    try:
        format_of(target)
    except UsageError:
        if _is_photo_name(source.name):
            raise  # the template is to blame, and will be for every photo
        problem = (
            f"cannot change '{source}': its name does not end like a photo's; rename it, or give "
            "--format"
        )
        return PlannedPhoto(source, None, problem=problem)
    if overwrite and is_write_protected(target):
        problem = f"cannot write '{target}': it is there and write-protected"
        return PlannedPhoto(source, target, problem=problem)
    if overwrite or not os.path.lexists(target):
        return PlannedPhoto(source, target, replace=overwrite)
    # An empty file is a name that a run took and, being killed, did not fill.
    empty = target.is_file() and target.stat().st_size == 0
    return PlannedPhoto(source, target, exists=not empty, replace=empty)


def is_write_protected(path: Path) -> bool:
    """Whether a file is one that nobody may write to.

    A folder's owner may replace such a file all the same, and the superuser may do anything. Who
    takes the permission away wants to keep the file.
    """
    return path.is_file() and not path.stat().st_mode & 0o222


def _problem(source: Path) -> str | None:
    if not source.exists():
        return "there is no such file"
    if not os.access(source, os.R_OK):
        return "permission denied"
    if source.is_dir():
        return "it is a folder"
    return None if source.is_file() else "it is not a regular file"


def _listing(inputs: Sequence[Path]) -> str:
    names = ", ".join(f"'{path}'" for path in inputs[:3])
    return names if len(inputs) <= 3 else f"{names} and {len(inputs) - 3} more"
