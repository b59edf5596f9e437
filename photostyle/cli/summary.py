"""What became of the photos of a batch, and what is said about it."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from photostyle.batch import PhotoResult, write_report
from photostyle.cli.console import Console, one_line
from photostyle.cli.streams import STREAM, Streams, read_list
from photostyle.errors import UsageError
from photostyle.progress import Progress, ProgressCallback, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from photostyle.batch import Plan
    from photostyle.batch.result import Status


def given_photos(inputs: list[Path], files_from: Path | None) -> list[Path]:
    """The photos and folders to take.

    Raises:
        UsageError: There are none, or standard input is to be more than one thing.
    """
    if files_from is None:
        if not inputs:
            raise UsageError(
                "Missing argument 'FILES|DIRS...': name photos or folders (see --help)"
            )
        listed = []
    else:
        listed = read_list(files_from)
        if not inputs and not listed:
            raise UsageError(f"the list '{files_from}' is empty")
    given = [*inputs, *listed]
    if STREAM in given and len(given) > 1:
        raise UsageError("- stands for one photo: give no other beside it")
    return given


class Summary:
    """What became of the photos so far, and what is said about it."""

    def __init__(
        self, console: Console, title: str, fields: Sequence[str], known: Mapping[str, object]
    ) -> None:
        """Begin with nothing done.

        Args:
            console: What it writes on.
            title: The run in words, as heading of a report.
            fields: Of the last `--json` object.
            known: Those that are known by now.
        """
        self._console = console
        self._title = title
        self._pipes: Streams | None = None
        self._results: list[PhotoResult] = []
        self._counts = dict.fromkeys(("done", "skipped", "failed"), 0)
        self._photos = 0
        self._pixels = 0
        self._started = time.perf_counter()
        console.record = dict.fromkeys(fields) | {"photos": 0} | dict(known)
        self._update()

    def expect(self, plan: Plan, pipes: Streams) -> None:
        """Take down how many photos there are, and what standard input and output stand for."""
        self._photos = self._console.record["photos"] = len(plan.photos)
        self._pipes = pipes
        if plan.own_results:
            self._console.info(f"left out as results of earlier runs: {len(plan.own_results)}")
            for path in plan.own_results:
                self._console.detail(f"{path}: left out")

    def run_on(self, device: str) -> None:
        """Take down the device, and start the clock."""
        self._console.detail(f"device: {device}")
        self._console.record["device"] = device
        self._started = time.perf_counter()

    def add(self, result: PhotoResult) -> None:
        """Print one result."""
        self._results.append(result)
        self._counts[result.status] += 1
        self._pixels += result.pixels
        self._update()
        if self._console.json:
            self._console.emit(self._record(result, result.status))
        elif result.status == "done" and not (self._pipes and self._pipes.sends):
            self._console.emit(str(result.target))

    def show(self, plan: Plan) -> None:
        """Print what would be done."""
        for photo in plan.photos:
            status: Status = "failed" if photo.problem else "skipped" if photo.exists else "done"
            result = PhotoResult(photo.source, photo.target, status, error=photo.problem)
            self._counts[status] += status != "done"
            if self._console.json:
                self._console.emit(self._record(result, "planned" if status == "done" else status))
            elif photo.problem:
                self._console.error(self._named(photo.problem))
            else:
                note = " (exists, skipped)" if photo.exists else ""
                self._console.emit(self._named(f"{photo.source} -> {photo.target}{note}"))
        self._update()

    def in_words(self) -> str:
        """How many photos are finished, and how many megapixels a second that was."""
        return f"{len(self._results)}/{self._photos} photos  {self._speed():.1f} MP/s"

    def tell(self) -> None:
        """Say on stderr what became of all photos: warnings, failures, and a table of numbers."""
        for text, paths in self._warnings().items():
            others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            self._console.warning(self._named(f"{paths[0]}{others}: {text}"))
        for result in self._results:
            if result.traceback is not None and self._console.verbose:
                sys.stderr.write(result.traceback)
            if result.error is not None:
                self._console.error(self._named(result.error))
        if not self._console.quiet:
            counts = {status: str(count) for status, count in self._counts.items()}
            seconds = time.perf_counter() - self._started
            speed = {"megapixels": f"{self._pixels / 1e6:.1f}", "seconds": f"{seconds:.1f}"}
            _print_table(counts | speed | {"MP/s": f"{self._speed():.1f}"})
            if left := self._photos - len(self._results):
                self._console.info(f"not begun: {left}")

    def write(self, path: Path, plan: Plan) -> None:
        """Write a page of all results, in the order of the plan."""
        order = {photo.source: index for index, photo in enumerate(plan.photos)}
        results = sorted(self._results, key=lambda result: order[result.source])
        left = len(plan.photos) - len(results)
        write_report(path, results, title=self._title, left=left)
        self._console.info(f"report: {path}")

    def end(self) -> None:
        """Print the JSON object of the run.

        Raises:
            Exit: A photo failed.
        """
        failed = self._counts["failed"] > 0
        if self._console.json:
            status = "failed" if failed else "done"
            self._console.emit(self._console.record | {"status": status})
        if failed:
            raise typer.Exit(1)

    def _named(self, text: str) -> str:
        return text if self._pipes is None else self._pipes.named(text)

    def _record(self, result: PhotoResult, status: str) -> dict[str, object]:
        pipes = self._pipes or Streams(result.source, result.target, received=False, sends=False)
        return {
            "input": pipes.shown(result.source),
            "output": pipes.shown(result.target),
            "width": result.width,
            "height": result.height,
            "seconds": round(result.seconds, 3),
            "warnings": [self._named(text) for text in result.warnings],
            "status": status,
            "error": None if result.error is None else one_line(self._named(result.error)),
        }

    def _speed(self) -> float:
        return self._pixels / 1e6 / (time.perf_counter() - self._started)

    def _update(self) -> None:
        self._console.record |= self._counts | {
            "megapixels": round(self._pixels / 1e6, 3),
            "seconds": round(time.perf_counter() - self._started, 3),
        }

    def _warnings(self) -> dict[str, list[Path]]:
        """Every warning with its photos: a camera's photos tend to have the same."""
        warnings: dict[str, list[Path]] = {}
        for result in self._results:
            for text in result.warnings:
                warnings.setdefault(text, []).append(result.source)
        return warnings


@contextmanager
def bar(console: Console, summary: Summary) -> Iterator[ProgressCallback]:
    """Show photos done, megapixels a second and the time left, on a terminal only."""
    if console.quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    with Bars(
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
        console=RichConsole(stderr=True, highlight=False),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else the paths would end up on stderr
        redirect_stderr=False,
    ) as bars:
        task = bars.add_task("", total=None)

        def report(progress: Progress) -> None:
            bars.update(
                task,
                description=summary.in_words(),
                completed=progress.done,
                total=progress.total,
            )

        yield report


def _print_table(numbers: dict[str, str]) -> None:
    from rich.console import Console as RichConsole
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in numbers:
        table.add_column(heading, justify="right")
    table.add_row(*numbers.values())
    RichConsole(stderr=True, highlight=False).print(table)
