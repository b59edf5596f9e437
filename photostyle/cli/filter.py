"""`photostyle filter`: a trained look or repair over many photos."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photostyle.batch import (
    BatchConfig,
    PhotoResult,
    Plan,
    Template,
    check_report,
    plan_batch,
    thumbnail_side,
    write_report,
)
from photostyle.cli import naming, options
from photostyle.cli.console import Console, console_of, one_line
from photostyle.cli.provenance import made_by
from photostyle.cli.settings import from_settings
from photostyle.cli.streams import STREAM, Streams, read_list, streams
from photostyle.errors import ModelError, UsageError
from photostyle.filters.config import FilterConfig
from photostyle.progress import Progress, ProgressCallback, silent

if TYPE_CHECKING:
    from photostyle.batch.result import Status
    from photostyle.batch.run import Apply
    from photostyle.image import Photo

SUMMARY_FIELDS = (
    "filters", "device", "photos", "done", "skipped", "failed", "megapixels", "seconds", "status",
    "error",
)  # fmt: skip
"""Of the last `--json` object, whether or not the run succeeds; each one before is a photo's."""

_DEFAULT = FilterConfig()
_MODEL_SUFFIX = ".safetensors"
_FILTERS = ("repair", "tone")


def _filter_names(incomplete: str) -> list[str]:
    """What a shell offers for NAME: filters, and files made by training."""
    from photostyle.registry import read_entries

    before, comma, begun = incomplete.rpartition(",")
    try:
        entries = read_entries().values()
    except ModelError:
        entries = {}.values()
    names = [entry.name for entry in entries if entry.kind in _FILTERS]
    files = sorted(map(str, Path().glob(f"*{_MODEL_SUFFIX}")))
    offered = (name for name in (*names, *files) if name.startswith(begun))
    return [f"{before}{comma}{name}" for name in offered]


def filter_photos(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[,NAME...]",
            help="The filters, applied in this order: names, or .safetensors files made by train.",
            show_default=False,
            autocompletion=_filter_names,
        ),
    ],
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILES|DIRS...",
            help="Photos, or folders; - for a photo from standard input.",
            show_default=False,
        ),
    ] = None,
    files_from: Annotated[
        Path | None,
        typer.Option(
            "--files-from",
            metavar="FILE",
            help="Also take the photos and folders listed in this file, one a line or with a NUL "
            "between them; - for standard input.",
        ),
    ] = None,
    recursive: Annotated[
        bool,
        typer.Option("--recursive", "-r", help="Take the photos in folders within folders, too."),
    ] = False,
    output: options.OutputOption = None,
    out_dir: options.OutDirOption = None,
    template: options.BatchNameOption = naming.TEMPLATE,
    extension: options.FormatOption = None,
    quality: options.QualityOption = 95,
    metadata: options.MetadataOption = "keep",
    color: options.ColorOption = "keep",
    provenance: options.ProvenanceOption = True,
    overwrite: options.OverwriteOption = False,
    strength: options.StrengthOption = _DEFAULT.strength,
    tile: options.TileOption = _DEFAULT.tile,
    device: options.DeviceOption = _DEFAULT.device,
    jobs: options.JobsOption = None,
    max_pixels: options.MaxPixelsOption = None,
    models: options.ModelsOption = None,
    offline: options.OfflineOption = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Begin no more photos after one has failed.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Also write a page, HTML, that shows every photo before and after.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    as_json: options.BatchJsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Improve or restyle many photos.

    Results lie beside their photos, with the filter's name in theirs.
    Their paths are printed. Run again, it does only what is missing.
    A bad photo does not stop the rest.
    """
    console = console_of(context)
    console.configure(quiet=quiet, verbose=verbose, as_json=as_json)
    names = [word.strip() for word in name.split(",")]
    summary = _Summary(console, names)
    if not all(names):
        raise UsageError(f"'{name}' names no filter: give one, or several with commas between")
    filter_config = FilterConfig(strength=strength, tile=tile, device=device)
    batch_config = BatchConfig(
        quality=quality,
        metadata=metadata,
        color=color,
        jobs=jobs,
        max_pixels=max_pixels,
        fail_fast=fail_fast,
    )
    given = _given(inputs or [], files_from)
    if output is not None and not from_settings(context, "output"):
        # It takes precedence over settings, not over other words of the command line.
        out_dir = None if from_settings(context, "out_dir") else out_dir
        template = naming.TEMPLATE if from_settings(context, "template") else template
        if output != STREAM:
            extension = None if from_settings(context, "extension") else extension
        naming.check_alone(out_dir, template, None if output == STREAM else extension)
    with streams(given[0], output, extension=extension, as_json=as_json) as pipes:
        if pipes.received:
            given = [pipes.source]
        plan = plan_batch(
            given,
            Template(template, _operation(names), extension),
            recursive=recursive,
            output=pipes.target,
            out_dir=out_dir,
            overwrite=overwrite,
        )
        if pipes.target is not None:
            present = [path for path in given if path.exists()]
            naming.check_output(pipes.target, present, overwrite=overwrite)
        if report is not None:
            if dry_run:
                raise UsageError("--report tells what was done, --dry-run does nothing: drop one")
            check_report(report, overwrite=overwrite)
            side = thumbnail_side(len(plan.photos))
            batch_config = replace(batch_config, thumbnail=side)
        summary.expect(plan, pipes)
        if dry_run:
            from photostyle.registry import find_entry

            for name in names:
                find_entry(name, models=models)  # there must be one, but it is not loaded
            summary.show(plan)
            summary.end()
            return

        from photostyle import batch, filters

        apply: Apply = _unchanged
        if plan.to_do:
            with console.progress() as loading:
                chain = filters.load_filters(
                    names, filter_config, models=models, offline=offline, progress=loading
                )
            summary.run_on(chain.device)
            apply = chain.apply
            if provenance:
                words = f"filter {','.join(map(_word, names))}"
                if strength != _DEFAULT.strength:
                    words += f" --strength {strength:g}"
                made = made_by(words, names, models=models)
                batch_config = replace(batch_config, made=made)
        try:
            with _bar(console, summary) as progress:
                batch.run_batch(plan, apply, batch_config, report=summary.add, progress=progress)
        finally:
            # After an interruption, too: what is done is done.
            summary.tell()
            if report is not None:
                summary.write(report, plan)
        pipes.send()
    summary.end()


def _given(inputs: list[Path], files_from: Path | None) -> list[Path]:
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


class _Summary:
    """What became of the photos so far, and what is said about it."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._console = console
        self._names = tuple(names)
        self._pipes: Streams | None = None
        self._results: list[PhotoResult] = []
        self._counts = dict.fromkeys(("done", "skipped", "failed"), 0)
        self._photos = 0
        self._pixels = 0
        self._started = time.perf_counter()
        console.record = dict.fromkeys(SUMMARY_FIELDS) | {"filters": list(names), "photos": 0}
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
        names = ", ".join(self._names)
        left = len(plan.photos) - len(results)
        write_report(path, results, title=f"photostyle filter {names}", left=left)
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


def _operation(names: Sequence[str]) -> str:
    """The filters as a word in file names."""
    return "-".join(map(_word, names))


def _word(name: str) -> str:
    """A filter's name; of a trained filter's file, its stem."""
    return Path(name).stem if name.endswith(_MODEL_SUFFIX) else name


def _unchanged(photo: "Photo", _progress: ProgressCallback) -> "Photo":
    return photo


@contextmanager
def _bar(console: Console, summary: _Summary) -> Iterator[ProgressCallback]:
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
