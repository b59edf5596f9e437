"""An entry of models.toml: what a model is, where its weights are, and where they come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from photostyle.errors import ModelError

KINDS = ("features", "tone", "repair", "segments")
"""What a model may be for: features of photos, a filter of either family, or masks."""

MOST_SNAPSHOTS = 64
"""Networks that one file may hold: each takes memory before any weight is read."""

FOREIGN = "spandrel"
"""The architecture of checkpoints made by others: recognised by their weights, see `foreign`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One model: a table of models.toml, checked.

    Its weights lie in one of three places: in the package (`bundled`), on the Hugging Face hub
    (`repo_id` and `revision`), or in a file of the user's (`path`).
    """

    name: str
    """The table's name; how users and code refer to the model."""

    kind: str
    """What the model is for, one of `KINDS`."""

    architecture: str
    """Which network it is; `registry.load` lists the known ones."""

    params: Mapping[str, Any]
    """What the network is built with."""

    file: str
    """The weights file: `*.safetensors`, or `*.pth` for a foreign checkpoint. On the hub it may lie
    in folders, `a/b.safetensors`."""

    sha256: str | None = None
    """Digest of the weights file, 64 lower-case hexadecimal digits. May be missing for the user's
    own `.safetensors` file alone."""

    size: int | None = None
    """Bytes of the weights file. Where it is missing, the digest alone is checked."""

    license: str
    """Licence of the weights, an SPDX expression where there is one."""

    trained_on: str
    """The data the weights were trained on."""

    recipe: str | None = None
    """The command that trained them; bundled weights always have one."""

    snapshots: int = 1
    """Networks in the file. If several, their weights' names begin with `0.`, `1.`, ..."""

    bundled: bool = False
    """The weights come with the package."""

    repo_id: str | None = None
    """Repository on the hub, `owner/name`."""

    repo_type: str = "model"
    """Type of the repository: `"model"`, `"dataset"` or `"space"`."""

    revision: str | None = None
    """Commit of the repository, 40 hexadecimal digits: a branch could change."""

    path: Path | None = None
    """The user's own weights file."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ModelError: A value is of the wrong type or form, or values do not go together.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.default is None:
                continue
            wanted = _TYPES.get(field.name, str)
            if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
                raise self._error(f"{field.name} must be {_NOUNS[wanted]}, not {value!r}")
            if value == "":
                raise self._error(f"{field.name} is empty")
        # A name is one word: not a path, and not a list of filters.
        if not re.fullmatch(r"\w[\w-]*", self.name):
            raise self._error("names are made of letters, digits, - and _")
        if self.kind not in KINDS:
            raise self._error(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        self._check_origin()
        self._check_file()
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise self._error(f"sha256 must be 64 hexadecimal digits, not {self.sha256!r}")
        for name in ("size", "snapshots"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise self._error(f"{name} must be positive, not {value}")
        if self.snapshots > MOST_SNAPSHOTS:
            raise self._error(f"snapshots must be at most {MOST_SNAPSHOTS}, not {self.snapshots}")
        if self.architecture == FOREIGN and (self.params or self.snapshots > 1):
            raise self._error(f"architecture {FOREIGN} takes no params, and one snapshot")
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))

    @property
    def origin(self) -> Literal["bundled", "hub", "file"]:
        """Where the weights come from."""
        if self.bundled:
            return "bundled"
        return "file" if self.repo_id is None else "hub"

    def _check_origin(self) -> None:
        origins = (self.bundled, self.repo_id is not None, self.path is not None)
        if sum(origins) != 1:
            raise self._error("it needs one of bundled = true, repo_id and path")
        if self.repo_id is None:
            if self.revision is not None:
                raise self._error("revision goes with repo_id")
        else:
            if not REPOSITORY.fullmatch(self.repo_id):
                raise self._error(f"repo_id must be owner/name, not {self.repo_id!r}")
            if self.repo_type not in ("model", "dataset", "space"):
                raise self._error(
                    f"repo_type must be model, dataset or space, not {self.repo_type!r}"
                )
            if self.revision is None or not re.fullmatch(r"[0-9a-f]{40}", self.revision):
                raise self._error("revision must be the 40 hexadecimal digits of a commit")
        required = {"bundled": ("sha256", "size", "recipe"), "hub": ("sha256",), "file": ()}
        for name in required[self.origin]:
            if getattr(self, name) is None:
                raise self._error(f"missing {name}")

    def _check_file(self) -> None:
        suffixes = (".safetensors", ".pth") if self.architecture == FOREIGN else (".safetensors",)
        if not self.file.endswith(suffixes):
            raise self._error(f"file must end in {' or '.join(suffixes)}, not be {self.file!r}")
        if self.path is not None:
            if self.path.suffix == ".pth" and self.sha256 is None:
                raise self._error("a .pth file needs its sha256")
            return
        # What a hub file is called decides where it is put on disk; a dot at the start of a part
        # would let it go elsewhere.
        parts = self.file.split("/")
        if not all(re.fullmatch(r"\w[\w.-]*", part, re.ASCII) for part in parts):
            raise self._error(f"file must be a plain name inside the repository, not {self.file!r}")
        if self.bundled and len(parts) > 1:
            raise self._error(f"file must be a bare name, not {self.file!r}")

    def _error(self, problem: str) -> ModelError:
        return ModelError(f"model '{self.name}': {problem}")


_WORD = r"\w([\w.-]*\w)?"
# The hub forbids doubled - and ., and names that end in .git.
REPOSITORY = re.compile(rf"(?!.*(--|\.\.|\.git$))(?=.{{1,96}}$){_WORD}/{_WORD}", re.ASCII)
_TYPES: dict[str, type] = {
    "params": Mapping,
    "size": int,
    "snapshots": int,
    "bundled": bool,
    "path": Path,
}
_NOUNS: dict[type, str] = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    Mapping: "a table",
    Path: "a path",
}
