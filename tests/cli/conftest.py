from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from photostyle.cli import settings
from photostyle.cli.app import run
from photostyle.progress import Progress


@dataclass(frozen=True)
class Outcome:
    """What one run of the command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out)

    def failed(self, code: int, *words: str) -> bool:
        """Whether the run ended with this code and one clear line on stderr, and no result."""
        one_line = self.err.startswith("error: ") and self.err.count("\n") == 1
        return (self.code, self.out, one_line) == (code, "", True) and all(
            word in self.err for word in words
        )


@pytest.fixture
def cli(capfd, monkeypatch):
    """`cli("transfer", path, ...)` runs the command line in this process."""
    for name in [name for name in os.environ if name.startswith("PHOTOSTYLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "user_file", lambda: Path("nobody's/photostyle.toml"))

    def call(*arguments) -> Outcome:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture
def solver(monkeypatch):
    """The solver replaced by one that gives the content back; `solver.calls` holds its calls."""
    record = SimpleNamespace(calls=[], error=None)

    def transfer(content, style, *, content_mask=None, style_mask=None, config, progress):
        record.calls.append((content, style, content_mask, style_mask, config))
        progress(Progress("fit", 1, 2))
        if record.error is not None:
            raise record.error
        return SimpleNamespace(
            photo=content, warnings=("only the style mask has red",), device="cpu", seconds=0.1
        )

    monkeypatch.setattr("photostyle.transfers.transfer", transfer, raising=False)
    return record
