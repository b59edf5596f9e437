"""The result of a training run: a weights file that says what it is, and its entry in a list."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import safetensors.torch
from torch import Tensor

from photostyle.errors import TrainingError
from photostyle.image.atomic import write_atomically
from photostyle.registry.trained import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from photostyle.training.preview import Preview

INVISIBLE = 0.5 / 255
"""Weights are halved to 16 bits where no value of an example changes by so much, half a level."""

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Description:
    """What a weights file says of itself, as `registry.trained` reads it."""

    name: str
    kind: str
    architecture: str
    params: Mapping[str, Any]
    license: str
    trained_on: str
    recipe: str


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What came out of a training run."""

    path: Path
    """The weights file."""

    best: Path
    """The state whose preview was the best, as a filter of its own."""

    card: Path
    """What the filter is, in Markdown, as the hub wants it."""

    picture: Path | None
    """Inputs, results and targets at the end, if they could be drawn."""

    checkpoint: Path
    """From where the run can be resumed."""

    steps: int
    """Steps done, those before it was resumed among them."""

    total: int
    """Steps of a whole run."""

    interrupted: bool
    """Ctrl-C ended the run early."""

    init: str
    """The filter it started from, or `none`."""

    parameters: int
    """Weights of one network."""

    photos: int
    """Photos trained on."""

    held_out: int
    """Photos kept for validation."""

    skipped: int
    """Photos that could not be read."""

    preview: Preview
    """The examples at the end: of photos that were held out, if any were."""

    seconds: float
    """Time taken, without what was done before it was resumed."""

    device: str
    """Where it was trained."""

    entry: dict[str, Any]
    """The entry of the result in a list of models, without its name."""


def rounded(
    snapshots: Sequence[Weights], apply: Callable[[Weights], Tensor]
) -> tuple[Weights, ...]:
    """Round weights to 16 bits, if that changes nothing visible.

    Args:
        snapshots: The networks' weights, float32.
        apply: Gives what a network makes of the examples, in `[0, 1]`.

    Returns:
        The weights, in float16 or as they were.
    """
    halves = []
    for weights in snapshots:
        half = {name: value.half() for name, value in weights.items()}
        change = apply(weights) - apply({name: value.float() for name, value in half.items()})
        if not change.abs().max() < INVISIBLE:  # nor where a value has become infinite
            return tuple(snapshots)
        halves.append(half)
    return tuple(halves)


def write_result(
    path: Path, snapshots: Sequence[Weights], description: Description, *, write: bool = True
) -> dict[str, Any]:
    """Write a weights file, whole or not at all.

    Args:
        path: The file; an older one is replaced.
        snapshots: The weights of one network, or of several whose results are averaged.
        description: What the file shall say of itself.
        write: Write the file; otherwise only return its entry, as in all processes but one.

    Returns:
        The entry of the file in a list of models, without its name.

    Raises:
        TrainingError: The file cannot be written.
    """
    fields = asdict(description) | {"snapshots": len(snapshots)}
    tensors = {
        name if len(snapshots) == 1 else f"{number}.{name}": value.contiguous()
        for number, weights in enumerate(snapshots)
        for name, value in weights.items()
    }
    content = safetensors.torch.save(tensors, {METADATA_KEY: json.dumps(fields)})
    try:
        if write:
            write_atomically(path, content, overwrite=True)
    except OSError as error:
        raise TrainingError(f"cannot write '{path}': {error.strerror or error}") from error
    del fields["name"]
    return fields | {
        "path": str(path.resolve()),
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }


def toml_table(name: str, entry: Mapping[str, Any]) -> str:
    """Write an entry as it stands in a list of models.

    Args:
        name: The model's.
        entry: Strings, numbers, and tables of lists of such.
    """
    lines = [f"{key} = {_toml(value)}" for key, value in entry.items()]
    return "\n".join([f"[{name}]", *lines])


def _toml(value: object) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{key} = {_toml(part)}" for key, part in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    # Strings, numbers and lists are written as in JSON, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
