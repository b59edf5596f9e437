"""`photostyle filter`: a trained look or repair over many photos."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photostyle.batch import (
    BatchConfig,
    Template,
    check_report,
    plan_batch,
    thumbnail_side,
)
from photostyle.cli import naming, options
from photostyle.cli.console import console_of
from photostyle.cli.provenance import made_by
from photostyle.cli.settings import from_settings
from photostyle.cli.streams import STREAM, streams
from photostyle.cli.summary import Summary, bar, given_photos
from photostyle.errors import ModelError, UsageError
from photostyle.filters.config import FilterConfig
from photostyle.filters.words import Word, mixtures, read_word
from photostyle.progress import ProgressCallback

if TYPE_CHECKING:
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
            help="The filters, applied in this order: names, or .safetensors files made by train. "
            "NAME:LOOK is another look of a filter, such as dusk:back; NAME:0.6,OTHER:0.4 a "
            "mixture.",
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
            readable=False,  # a photo that may not be read fails alone
        ),
    ] = None,
    files_from: options.FilesFromOption = None,
    recursive: options.RecursiveOption = False,
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
    fail_fast: options.FailFastOption = False,
    report: options.ReportOption = None,
    dry_run: options.DryRunOption = False,
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
    title = f"photostyle filter {', '.join(names)}"
    summary = Summary(console, title, SUMMARY_FIELDS, {"filters": list(names)})
    if not all(names):
        raise UsageError(f"'{name}' names no filter: give one, or several with commas between")
    words = [read_word(each) for each in names]
    mixtures(words)
    filter_config = FilterConfig(strength=strength, tile=tile, device=device)
    batch_config = BatchConfig(
        quality=quality,
        metadata=metadata,
        color=color,
        jobs=jobs,
        max_pixels=max_pixels,
        fail_fast=fail_fast,
    )
    given = given_photos(inputs or [], files_from)
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
            Template(template, _operation(words), extension),
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

            for word in words:
                find_entry(word.name, models=models)  # there must be one, but it is not loaded
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
                said = f"filter {','.join(map(str, words))}"
                if strength != _DEFAULT.strength:
                    said += f" --strength {strength:g}"
                used = list(dict.fromkeys(word.name for word in words))
                made = made_by(said, used, models=models)
                batch_config = replace(batch_config, made=made)

        def add(result: batch.PhotoResult) -> None:
            summary.add(pipes.delivered(result))

        try:
            with bar(console, summary) as progress:
                batch.run_batch(plan, apply, batch_config, report=add, progress=progress)
        finally:
            # After an interruption, too: what is done is done.
            summary.tell()
            if report is not None:
                summary.write(report, plan)
    summary.end()


def _operation(words: Sequence[Word]) -> str:
    """The filters as a word in file names, in which some systems allow no colon."""
    return "-".join(map(str, words)).replace(":", "-")


def _unchanged(photo: "Photo", _progress: ProgressCallback) -> "Photo":
    return photo
