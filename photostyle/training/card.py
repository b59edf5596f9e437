"""Model cards: what a reader should know of a trained filter, as the Hugging Face hub shows it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from photostyle.errors import TrainingError
from photostyle.image.atomic import write_atomically
from photostyle.training.result import toml_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LICENSES = {
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "bsl-1.0", "c-uda", "cc", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0",
    "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
    "cdla-sharing-1.0", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2",
    "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "lgpl-lr",
    "lppl-1.3c", "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1", "openrail",
    "openrail++", "osl-3.0", "pddl", "postgresql", "unknown", "unlicense", "wtfpl", "zlib",
}  # fmt: skip
"""Licences that the hub knows by these names. It refuses a card with any other, but for `other`
with a name of its own. Those of other people's models are left out."""

ALIASES = {
    "c-uda-1.0": "c-uda",
    "odbl-1.0": "odbl",
    "odc-by-1.0": "odc-by",
    "pddl-1.0": "pddl",
    "unspecified": "unknown",
}
"""Licences that the hub calls otherwise than SPDX."""

WORDS = {
    "night": "the night",
    "exposure": "wrong exposure",
    "jpeg": "the traces of JPEG compression",
}
"""Degradations whose names are not what a reader would say."""

LIMITS = {
    "tone": [
        "It changes colours and brightness alone, by maps that vary smoothly over the photo.",
        "It moves nothing, sharpens nothing, and removes neither noise nor objects.",
        "It cannot add light that was not there: a lamp that was off stays off.",
        "What is clipped to white or black does not come back.",
    ],
    "repair": [
        "What it restores is likely, not known: its results are no evidence of what was there.",
        "Fine texture may be smoothed, or made up.",
        "Damage that is stronger than what it learned from, or of another kind, stays.",
    ],
}
"""By kind of filter."""

_REVISION = "the 40 digits of a commit of this repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a model card says of a filter. Every text is plain: nothing in it is markup."""

    name: str
    """What the filter is called."""

    entry: Mapping[str, Any]
    """Its entry in a list of models, as `write_result` returns it: of its kind, licence, recipe,
    size and sha256."""

    file: str
    """Name of the weights file, which lies beside the card."""

    folders: Sequence[str]
    """Names of the folders, or of the photos, that it learned from: one if they were degraded,
    else that of the inputs and that of the targets."""

    degrade: Sequence[str] = ()
    """What befell the photos; empty if there are two folders."""

    render: str = ""
    """The rendering that it learned; empty if there is none."""

    paired: bool = False
    """Photos of the same name in both folders show the same."""

    imitate: str = ""
    """`"photo"` if a single photo was imitated, `"pair"` if each of two photos was by the other;
    empty if neither."""

    photos: int
    """Photos trained on."""

    held_out: int
    """Photos kept for validation."""

    skipped: int
    """Photos that could not be read."""

    steps: int
    """Optimisation steps."""

    minutes: float
    """Time taken."""

    device: str
    """Where it was trained."""

    seed: int
    """Start of the random numbers."""

    metrics: Mapping[str, str]
    """What was measured on the photos held out, or else on those trained on: values with their
    units by label."""

    parameters: int
    """Weights of one network."""

    picture: str | None = None
    """Name of a PNG beside the card, with inputs, results and targets in three columns."""

    repo_id: str | None = None
    """Repository on the hub for which the card is written, `owner/name`."""

    base_model: str | None = None
    """Repository on the hub whose weights the training began with, `owner/name`."""


def write_card(path: Path, card: Card) -> None:
    """Write a model card, whole or not at all: Markdown below metadata in YAML.

    Args:
        path: The file, `README.md` on the hub; an older one is replaced.
        card: What it shall say.

    Raises:
        TrainingError: The file cannot be written.
    """
    try:
        write_atomically(path, render_card(card).encode(), overwrite=True)
    except OSError as error:
        raise TrainingError(f"cannot write '{path}': {error.strerror or error}") from error


def hub_entry(
    entry: Mapping[str, Any], *, file: str, repo_id: str, revision: str
) -> dict[str, Any]:
    """Turn the entry of a file on this machine into that of the same file on the hub.

    Args:
        entry: As `write_result` returns it.
        file: The file's name in the repository.
        repo_id: The repository, `owner/name`.
        revision: Its commit, 40 hexadecimal digits.

    Returns:
        The entry in a list of models, without its name.
    """
    place = {"repo_id": repo_id, "revision": revision, "file": file}
    return {key: value for key, value in entry.items() if key != "path"} | place


def render_card(card: Card) -> str:
    """Say what `write_card` writes.

    Args:
        card: What is to be said.
    """
    sections = [
        _metadata(card),
        f"# {_text(card.name)}",
        f"{_text(_purpose(card))} A {_text(card.entry['kind'])} filter for photostyle.",
        *_picture(card),
        "## Use",
        _block("sh", "\n".join(_commands(card))),
        "Or by its name, with this table in a `models.toml`:",
        _block("toml", toml_table(card.name, _listed(card))),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(card)),
        "## Training",
        _table(_training(card)),
        _block("sh", str(card.entry["recipe"])),
        *_measured(card),
        "## File",
        _table(_file(card)),
    ]
    return "\n\n".join(sections) + "\n"


def _metadata(card: Card) -> str:
    lines = ["---", *_license_lines(str(card.entry["license"])), "library_name: photostyle"]
    lines.append("pipeline_tag: image-to-image")
    if card.base_model is not None:
        # A string of JSON is one of YAML.
        lines.append(f"base_model: {json.dumps(_clean(card.base_model), ensure_ascii=False)}")
    lines += ["tags:", "- photostyle", "- photography", f"- {card.entry['kind']}", "---"]
    return "\n".join(lines)


def _license_lines(license_: str) -> list[str]:
    identifier = license_.strip().lower()
    identifier = ALIASES.get(identifier, identifier)
    # The hub does not tell these two apart.
    family = re.sub(r"-(only|or-later)$", "", identifier)
    if family in LICENSES:
        return [f"license: {family}"]
    name = re.sub(r"[^a-z0-9.]+", "-", identifier).strip("-.") or "custom"
    return ["license: other", f"license_name: {json.dumps(name)}"]


def _purpose(card: Card) -> str:
    if card.degrade:
        return f"It undoes {_and([WORDS.get(name, name) for name in card.degrade])}."
    if card.render:
        return f"It does to photos what the rendering '{card.render}' does."
    source, target = card.folders
    if card.paired:
        return (
            f"It does to photos what was done to those of '{source}', as their counterparts in "
            f"'{target}' show."
        )
    if card.imitate == "pair":
        return (
            f"It makes photos look like '{target}', and with its second look, '{card.name}:back', "
            f"like '{source}'."
        )
    like = "" if card.imitate else "those of "
    return f"It makes photos like those of '{source}' look like {like}'{target}'."


def _picture(card: Card) -> list[str]:
    if card.picture is None:
        return []
    if card.degrade:
        columns = "degraded, repaired, and as it was"
    elif card.render:
        columns = "before, after, and rendered"
    elif card.paired:
        columns = f"before, after, and as in '{card.folders[1]}'"
    elif card.imitate:
        columns = f"before, after, and a part of '{card.folders[1]}'"
    else:
        columns = f"before, after, and another photo of '{card.folders[1]}'"
    picture = f"![{_text(card.name)}](<{quote(card.picture, errors='replace')}>)"
    return [picture, _text(f"{_shown(card)}, from left to right: {columns}.")]


def _shown(card: Card) -> str:
    return "Photos that were held out" if card.held_out else "Photos that it learned from"


def _commands(card: Card) -> list[str]:
    commands = [["photostyle", "filter", card.file, "photo.jpg"]]
    if card.imitate == "pair":
        commands.append(["photostyle", "filter", f"{card.file}:back", "photo.jpg"])
    if card.repo_id is not None:
        commands.insert(0, ["hf", "download", card.repo_id, card.file, "--local-dir", "."])
    return [shlex.join(words) for words in commands]


def _listed(card: Card) -> dict[str, Any]:
    """The entry, without the folders of this machine."""
    if card.repo_id is None:
        return {**card.entry, "path": card.file}
    return hub_entry(card.entry, file=card.file, repo_id=card.repo_id, revision=_REVISION)


def _limits(card: Card) -> list[str]:
    limits = list(LIMITS[card.entry["kind"]])
    if card.degrade:
        limits.append("The degradations were made by a program; those of cameras and apps differ.")
    elif card.imitate:
        limits.append(
            "It knows what the look is from one photo alone: what that does not show, it guesses."
        )
    elif not (card.paired or card.render):
        limits.append(
            "Nobody told it what the look is. Where the folders differ in what they show, and not "
            "in how, it may have learned that."
        )
    limits.append(f"It learned from {_photos(card.photos)}; others may come out worse.")
    if not card.held_out:
        limits.append("No photo was held out, so the figures say little about other photos.")
    return limits


def _training(card: Card) -> list[tuple[str, str]]:
    return [
        ("From", _and([f"'{folder}'" for folder in card.folders])),
        ("Trained on", _photos(card.photos)),
        ("Held out", _photos(card.held_out)),
        ("Skipped, unreadable", _photos(card.skipped)),
        ("Steps", str(card.steps)),
        ("Time", f"{card.minutes:.1f} minutes"),
        ("Device", card.device),
        ("Seed", str(card.seed)),
    ]


def _measured(card: Card) -> list[str]:
    if not card.metrics:
        return []
    return ["## Figures", f"{_shown(card)}.", _table(list(card.metrics.items()))]


def _file(card: Card) -> list[tuple[str, str]]:
    entry = card.entry
    networks = entry.get("snapshots", 1)
    each = "" if networks == 1 else f" in each of {networks} networks, whose results are averaged"
    license_ = str(entry["license"])
    if license_.strip().lower() == "unspecified":
        license_ = "not specified: ask whoever trained it"
    return [
        ("Name", card.file),
        ("Size", f"{entry['size']} bytes"),
        ("SHA-256", str(entry["sha256"])),
        ("Parameters", f"{card.parameters}{each}"),
        ("Licence", license_),
    ]


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {_text(label)} | {_text(value)} |" for label, value in rows]
    # A table of Markdown has a head, be it empty.
    return "\n".join(["| | |", "|---|---|", *lines])


def _block(language: str, content: str) -> str:
    """A block of code, whose fence is longer than any in it."""
    lines = "\n".join(_clean(line) for line in content.split("\n"))
    longest = max((len(run) for run in re.findall("`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{lines}\n{fence}"


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def _and(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _text(plain: str) -> str:
    """Escape what Markdown or HTML would take for markup."""
    return re.sub(r"([\\`*_\[\](){}<>&|~$#!])", r"\\\1", _clean(plain))


def _clean(text: str) -> str:
    """Leave out line breaks, control characters and what UTF-8 cannot hold."""
    return "".join(character if character.isprintable() else " " for character in text)
