"""What the program says: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from photostyle.errors import UsageError
from photostyle.progress import Progress, ProgressCallback, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    import rich.console
    import typer


class Console:
    """Where one run of the program writes.

    Results (paths, JSON, tables) go to stdout, so that they can be piped. Progress, warnings and
    errors go to stderr. Rich is loaded when there is something to say, not before.
    """

    def __init__(self) -> None:
        self.quiet = False
        """Say nothing but results and errors (`-q`)."""
        self.verbose = os.environ.get("PHOTOSTYLE_DEBUG", "0") not in ("", "0")
        """Say what was chosen and decided, and print tracebacks (`-v`, `PHOTOSTYLE_DEBUG=1`)."""
        self.json = False
        """Results are JSON (`--json`)."""
        self.record: dict[str, object] = {}
        """What the `--json` object of this run holds so far; a failure completes and prints it."""

    def configure(self, *, quiet: bool, verbose: bool, as_json: bool) -> None:
        """Take over the options every command has.

        Raises:
            UsageError: Both quiet and verbose.
        """
        if quiet and verbose:
            raise UsageError("--quiet and --verbose exclude each other: give one of them")
        self.quiet = quiet
        self.verbose = self.verbose or verbose
        self.json = as_json

    @cached_property
    def _stderr(self) -> rich.console.Console:
        from rich.console import Console as RichConsole

        return RichConsole(stderr=True, highlight=False)

    def _say(self, text: str, style: str) -> None:
        from rich.text import Text

        self._stderr.print(Text(one_line(text), style=style), soft_wrap=True)

    def detail(self, text: str) -> None:
        """Say something only `--verbose` asks for."""
        if self.verbose:
            self._say(text, "dim")

    def info(self, text: str) -> None:
        """Say something unless `--quiet`."""
        if not self.quiet:
            self._say(text, "")

    def warning(self, text: str) -> None:
        """Say what is not as the user may expect, unless `--quiet`."""
        if not self.quiet:
            self._say(f"warning: {text}", "yellow")

    def error(self, text: str) -> None:
        """Say in one line why the run failed."""
        self._say(f"error: {text}", "red")

    def fail(self, text: str, *, status: str = "failed") -> None:
        """Report the end of a run that did not succeed: one line, and the record if `--json`."""
        self.error(text)
        if self.json:
            self.emit(self.record | {"status": status, "error": one_line(text)})

    def emit(self, result: str | dict[str, object]) -> None:
        """Print one result on stdout: a line of text, or a JSON object."""
        print(result if isinstance(result, str) else json.dumps(result), flush=True)  # noqa: T201

    @contextmanager
    def progress(self) -> Iterator[ProgressCallback]:
        """Show how far a job is: stage, percentage and time left, on a terminal only."""
        if self.quiet or not sys.stderr.isatty():
            yield silent
            return
        from rich import progress

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
        )
        with progress.Progress(*columns, console=self._stderr, transient=True) as bars:
            yield _bar(bars)


def _bar(bars: rich.progress.Progress) -> ProgressCallback:
    """One bar that starts again, with its own time left, at every stage."""
    stage = ""
    task = bars.add_task(stage, total=None)

    def report(progress: Progress) -> None:
        nonlocal stage
        if progress.stage != stage:
            stage = progress.stage
            bars.reset(task, description=stage, total=progress.total)
        bars.update(task, completed=progress.done, total=progress.total)

    return report


def console_of(context: typer.Context) -> Console:
    """The console of the run that this command belongs to."""
    console = context.obj
    if not isinstance(console, Console):
        raise TypeError("commands run through photostyle.cli.app.run")
    return console


def one_line(text: str) -> str:
    """Text on one line, with control characters (a file name may hold any) spelled out."""
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in joined)
