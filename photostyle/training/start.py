"""Where a generator starts: from nothing, or from a filter there is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photostyle.errors import UsageError
from photostyle.networks import ToneGenerator
from photostyle.registry import find_entry, load_networks, read_entries, verified_weights
from photostyle.training import tone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

NOTHING = "none"
"""What users say for a generator that changes nothing yet."""

_WHAT = {
    "tone": "a tone filter from folders",
    "conditional-tone": "a look of a single photo",
    "look": "a look that transfer has saved",
    "repair": "a repair by convolutions",
    "deconvolution": "a repair of blur",
}
"""What networks of each architecture are for."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a generator starts."""

    name: str
    """Of the filter, or `NOTHING`."""

    label: str
    """Name and digest of the filter; empty if there is none."""

    params: Mapping[str, Any] | None
    """What its network is built with."""

    weights: Mapping[str, Tensor] | None
    """Its weights, of the last snapshot, float32."""


def started(label: str, params: Mapping[str, Any]) -> Start:
    """Where a run started that is resumed; the weights are those of its checkpoint.

    Args:
        label: Name and digest of the filter, as in `Start.label`.
        params: What the network is built with.
    """
    return Start(label.partition("@")[0] or NOTHING, label, params, None)


def find_start(
    name: str | None, kind: str, models: Path | None = None, architecture: str | None = None
) -> Start:
    """Find the filter that a new one starts from.

    Args:
        name: A filter's name or file, or `none`. By default the first bundled one of that kind and
            architecture.
        kind: `"repair"` or `"tone"`.
        models: A further list of models.
        architecture: What the registry calls the new filter's network; by default, as its kind.

    Raises:
        ModelError: There is no such filter, or its weights are missing or not the listed ones.
        UsageError: It is of another kind, or not one of photostyle's own networks.
    """
    architecture = architecture or kind
    if name is None:
        bundled = (
            entry
            for entry in read_entries(models).values()
            if entry.bundled and (entry.kind, entry.architecture) == (kind, architecture)
        )
        name = next((entry.name for entry in bundled), NOTHING)
    if name == NOTHING:
        return Start(NOTHING, "", None, None)
    entry = find_entry(name, models=models)
    if entry.kind != kind:
        what = f"a {entry.kind} filter" if entry.kind in ("repair", "tone") else f"for {entry.kind}"
        raise UsageError(f"cannot start from '{name}': it is {what}, and the new one is a {kind}")
    if entry.architecture != architecture:
        if entry.architecture not in _WHAT:
            raise UsageError(f"cannot start from '{name}': its network is not photostyle's own")
        found, wanted = _WHAT[entry.architecture], _WHAT[architecture]
        raise UsageError(f"cannot start from '{name}': it is {found}, and the new one {wanted}")
    weights = load_networks(entry)[-1].state_dict()
    params = entry.params
    if architecture == "tone":
        # Filters without surroundings get them: new layers change nothing yet.
        context = max(params.get("context", 0), tone.PARAMS["context"])
        params = {**params, "context": context}
        weights = ToneGenerator(**params).state_dict() | weights
    digest = hashlib.sha256(verified_weights(entry)).hexdigest()
    return Start(name, f"{entry.name}@{digest[:12]}", params, weights)
