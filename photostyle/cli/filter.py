"""`photostyle filter`: a trained look or repair over many photos."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photostyle.batch import BatchConfig, PhotoResult, Plan, Template, plan_batch
from photostyle.cli import naming, options
from photostyle.cli.console import Console, console_of, one_line
from photostyle.errors import UsageError
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


def filter_photos(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[,NAME...]",
            help="The filters, applied in this order: names, or .safetensors files made by train.",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="FILES|DIRS...", help="Photos, or folders.", show_default=False),
    ],
    recursive: Annotated[
        bool,
        typer.Option("--recursive", "-r", help="Take the photos in folders within folders, too."),
    ] = False,
    output: options.OutputOption = None,
    out_dir: options.OutDirOption = None,
    template: options.BatchNameOption = naming.TEMPLATE,
    extension: options.FormatOption = None,
    quality: options.QualityOption = 95,
    overwrite: options.OverwriteOption = False,
    strength: options.StrengthOption = _DEFAULT.strength,
    tile: options.TileOption = _DEFAULT.tile,
    device: options.DeviceOption = _DEFAULT.device,
    jobs: options.JobsOption = None,
    max_pixels: options.MaxPixelsOption = None,
    models: options.ModelsOption = None,
    offline: options.OfflineOption = False,
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
    batch_config = BatchConfig(quality=quality, jobs=jobs, max_pixels=max_pixels)
    if output is not None:
        naming.check_alone(out_dir, template, extension)
    plan = plan_batch(
        inputs,
        Template(template, _operation(names), extension),
        recursive=recursive,
        output=output,
        out_dir=out_dir,
        overwrite=overwrite,
    )
    if output is not None:
        present = [path for path in inputs if path.exists()]
        naming.check_output(output, present, overwrite=overwrite)
    summary.expect(len(plan.photos))
    if plan.own_results:
        console.info(f"left out as results of earlier runs: {len(plan.own_results)}")
        for path in plan.own_results:
            console.detail(f"{path}: left out")
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
        with console.progress() as report:
            chain = filters.load_filters(
                names, filter_config, models=models, offline=offline, progress=report
            )
        summary.run_on(chain.device)
        apply = chain.apply
    try:
        with _bar(console, summary) as progress:
            batch.run_batch(plan, apply, batch_config, report=summary.add, progress=progress)
    finally:
        # After an interruption, too: what is done is done.
        summary.tell()
    summary.end()


class _Summary:
    """What became of the photos so far, and what is said about it."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._console = console
        self._results: list[PhotoResult] = []
        self._counts = dict.fromkeys(("done", "skipped", "failed"), 0)
        self._pixels = 0
        self._started = time.perf_counter()
        console.record = dict.fromkeys(SUMMARY_FIELDS) | {"filters": list(names), "photos": 0}
        self._update()

    def expect(self, photos: int) -> None:
        """Take down how many photos there are."""
        self._console.record["photos"] = photos

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
            self._console.emit(_record(result, result.status))
        elif result.status == "done":
            self._console.emit(str(result.target))

    def show(self, plan: Plan) -> None:
        """Print what would be done."""
        for photo in plan.photos:
            status: Status = "failed" if photo.problem else "skipped" if photo.exists else "done"
            result = PhotoResult(photo.source, photo.target, status, error=photo.problem)
            self._counts[status] += status != "done"
            if self._console.json:
                self._console.emit(_record(result, "planned" if status == "done" else status))
            elif photo.problem:
                self._console.error(photo.problem)
            else:
                note = " (exists, skipped)" if photo.exists else ""
                self._console.emit(f"{photo.source} -> {photo.target}{note}")
        self._update()

    def in_words(self) -> str:
        """How many photos are finished, and how many megapixels a second that was."""
        finished, photos = len(self._results), self._console.record["photos"]
        return f"{finished}/{photos} photos  {self._speed():.1f} MP/s"

    def tell(self) -> None:
        """Say on stderr what became of all photos: warnings, failures, and a table of numbers."""
        for text, paths in self._warnings().items():
            others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            self._console.warning(f"{paths[0]}{others}: {text}")
        for result in self._results:
            if result.traceback is not None and self._console.verbose:
                sys.stderr.write(result.traceback)
            if result.error is not None:
                self._console.error(result.error)
        if not self._console.quiet:
            counts = {status: str(count) for status, count in self._counts.items()}
            seconds = time.perf_counter() - self._started
            speed = {"megapixels": f"{self._pixels / 1e6:.1f}", "seconds": f"{seconds:.1f}"}
            _print_table(counts | speed | {"MP/s": f"{self._speed():.1f}"})

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
    """The filters as a word in file names; of a trained filter's file, its name."""
    return "-".join(Path(n).stem if n.endswith(_MODEL_SUFFIX) else n for n in names)


def _unchanged(photo: "Photo", _progress: ProgressCallback) -> "Photo":
    return photo


def _record(result: PhotoResult, status: str) -> dict[str, object]:
    return {
        "input": str(result.source),
        "output": None if result.target is None else str(result.target),
        "width": result.width,
        "height": result.height,
        "seconds": round(result.seconds, 3),
        "warnings": list(result.warnings),
        "status": status,
        "error": None if result.error is None else one_line(result.error),
    }


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
