"""`photostyle transfer`: the look of one photo onto another."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photostyle.batch import BatchConfig
from photostyle.cli import look_files, mask_files, naming, options
from photostyle.cli.console import Console, console_of
from photostyle.cli.look_files import LookFiles
from photostyle.cli.mask_files import MaskFiles
from photostyle.cli.provenance import made_by
from photostyle.cli.settings import from_settings
from photostyle.cli.shoot import Shoot, transfer_shoot
from photostyle.cli.streams import INPUT, STREAM, streams
from photostyle.cli.summary import given_photos
from photostyle.errors import UsageError
from photostyle.progress import Progress
from photostyle.transfers.config import ITERATIONS, SIZES, TransferConfig

if TYPE_CHECKING:
    from photostyle.image import Photo

FIELDS = (
    "input", "style", "output", "width", "height", "seconds", "device", "seed", "warnings",
    *look_files.FIELDS, *mask_files.FIELDS, "status", "error",
)  # fmt: skip
"""Of the `--json` object, whether or not the transfer succeeds."""

_DEFAULT = TransferConfig()

_FOR_MANY = {
    "files_from": "--files-from",
    "recursive": "--recursive",
    "report_page": "--report",
    "jobs": "--jobs",
    "fail_fast": "--fail-fast",
    "dry_run": "--dry-run",
}
"""Options without a meaning for a single pair, by their parameters."""


def transfer(
    context: typer.Context,
    given: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CONTENT STYLE | FILES|DIRS",
            help="The photo to change, and the photo whose look it gets; with --style, all photos "
            "and folders to change. - for a photo from standard input.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    shoot_style: options.StyleOption = None,
    files_from: options.FilesFromOption = None,
    recursive: options.RecursiveOption = False,
    output: options.OutputOption = None,
    out_dir: options.OutDirOption = None,
    name: options.NameOption = naming.TEMPLATE,
    extension: options.FormatOption = None,
    quality: options.QualityOption = 95,
    metadata: options.MetadataOption = "keep",
    color: options.ColorOption = "keep",
    provenance: options.ProvenanceOption = True,
    overwrite: options.OverwriteOption = False,
    save_look: options.SaveLookOption = None,
    export_lut: options.ExportLutOption = None,
    report_page: options.ReportOption = None,
    content_mask: options.ContentMaskOption = None,
    style_mask: options.StyleMaskOption = None,
    segment: options.SegmentOption = None,
    save_masks: options.SaveMasksOption = None,
    strength: options.StrengthOption = _DEFAULT.strength,
    solver: options.SolverOption = _DEFAULT.solver,
    size: options.SolverSizeOption = None,
    iterations: options.SolverIterationsOption = None,
    refine: options.RefineOption = _DEFAULT.refine,
    features: options.FeaturesOption = _DEFAULT.features,
    seed: options.SeedOption = _DEFAULT.seed,
    device: options.DeviceOption = _DEFAULT.device,
    offline: options.OfflineOption = False,
    max_pixels: options.MaxPixelsOption = None,
    jobs: options.JobsOption = None,
    fail_fast: options.FailFastOption = False,
    dry_run: options.DryRunOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Give one photo the look of another, or many photos one look.

    The result has the photo's size, edges and metadata, and lies beside it.
    Its path is printed. With --style many photos get one and the same look,
    like frames of one film; run again, it does only what is missing.
    """
    console = console_of(context)
    console.configure(quiet=quiet, verbose=verbose, as_json=as_json)
    files = LookFiles(save_look, export_lut, overwrite)
    saved_masks = MaskFiles.of(save_masks, overwrite)
    if shoot_style is None:
        content, style = _pair(context, given or [])
        console.record = dict.fromkeys(FIELDS) | {
            "input": str(content),
            "style": str(style),
            "seed": seed,
            "warnings": [],
        }
    config = TransferConfig(
        strength=strength,
        solver=solver,
        segment=segment or ("auto" if save_masks is not None else _DEFAULT.segment),
        size=SIZES[solver] if size is None else size,
        iterations=ITERATIONS[solver] if iterations is None else iterations,
        refine=refine,
        features=features,
        offline=offline,
        seed=seed,
        device=device,
    )
    if (content_mask is None) != (style_mask is None):
        raise UsageError("--content-mask and --style-mask go together: give both or neither")
    masks = [mask for mask in (content_mask, style_mask) if mask is not None]
    if masks and segment is not None:
        raise UsageError("the masks are the segments: drop them, or --segment")
    if output is not None and not from_settings(context, "output"):
        # It takes precedence over settings, not over other words of the command line.
        out_dir = None if from_settings(context, "out_dir") else out_dir
        name = naming.TEMPLATE if from_settings(context, "name") else name
        if output != STREAM:
            extension = None if from_settings(context, "extension") else extension
        naming.check_alone(out_dir, name, None if output == STREAM else extension)
    if shoot_style is not None:
        if masks:
            raise UsageError("masks are for one photo: drop them, or --style")
        if segment is not None or save_masks is not None:
            raise UsageError("--style fits one look: drop --segment and --save-masks")
        if config.solver != _DEFAULT.solver or config.refine:
            raise UsageError("--style fits colour maps for all photos: drop --solver and --refine")
        shoot = Shoot(
            given=given_photos(given or [], files_from),
            style=shoot_style,
            config=config,
            batch=BatchConfig(
                quality=quality,
                metadata=metadata,
                color=color,
                jobs=jobs,
                max_pixels=max_pixels,
                fail_fast=fail_fast,
            ),
            files=files,
            template=name,
            extension=extension,
            output=output,
            out_dir=out_dir,
            recursive=recursive,
            overwrite=overwrite,
            provenance=provenance,
            report=report_page,
            dry_run=dry_run,
        )
        transfer_shoot(shoot, console)
        return
    with streams(content, output, extension=extension, as_json=as_json) as pipes:
        target = pipes.target or naming.output_path(
            content,
            op="transfer",
            style=style,
            out_dir=out_dir,
            template=name,
            extension=extension,
        )
        inputs = [pipes.source, style, *masks]
        naming.check_inputs(inputs)
        naming.check_output(target, inputs, overwrite=overwrite)
        files.check(inputs)
        saved_masks.check(inputs)
        started = time.perf_counter()
        with console.progress() as report:
            report(Progress("start", 0, 1))
            from photostyle import image, transfers
            from photostyle.device import resolve_device
            from photostyle.image.metadata import with_metadata

            console.detail(f"device {device}: {resolve_device(device)}")
            photos: list[image.Photo] = []
            for path in inputs:
                report(Progress("read", len(photos), len(inputs)))
                photo = image.read_photo(path, max_pixels=max_pixels or image.MAX_PIXELS)
                console.detail(pipes.named(f"{path}: {photo.width} x {photo.height} pixels"))
                photos.append(photo)
            result = transfers.transfer(
                photos[0],
                photos[1],
                content_mask=photos[2] if masks else None,
                style_mask=photos[3] if masks else None,
                config=config,
                progress=report,
            )
            report(Progress("write", 0, 1))
            words = [f"transfer --strength {strength:g} --size {config.size}"]
            words += [] if solver == _DEFAULT.solver else [f"--solver {solver}"]
            words += [] if config.segment == _DEFAULT.segment else [f"--segment {config.segment}"]
            words += [f"--iterations {config.iterations} --refine {refine} --seed {seed}"]
            command = " ".join(words)
            made = made_by(command) if provenance else None
            longest = image.format_of(target).longest_block
            final = with_metadata(result.photo, metadata, made, longest_xmp=longest)
            unkept = image.write_photo(
                final,
                target,
                quality=quality,
                color=color,
                overwrite=overwrite,
                protect=inputs,
            )
        if saved_masks.paths:
            saved_masks.write(result.masks, inputs, console)
        of_look = []
        if files.paths:
            of_look = _save(files, photos[0], result.photo, style, command, console)
        seconds = round(time.perf_counter() - started, 3)
        pipes.send()

        of_photos = [
            (path, text)
            for path, photo in zip(inputs, photos, strict=True)
            for text in photo.warnings
        ]
        repeated = {text for _, text in of_photos}
        warnings = [
            *(pipes.named(f"{path}: {text}") for path, text in of_photos),
            *(text for text in result.warnings if text not in repeated),
            *(text for text in final.warnings if text not in {*repeated, *result.warnings}),
            *(pipes.named(f"{target}: {text}") for text in unkept),
            *of_look,
        ]
    for warning in warnings:
        console.warning(warning)
    console.info(
        f"{INPUT if pipes.received else content.name} with the look of {style.name}: "
        f"{seconds:.1f} s on {result.device}"
    )
    console.record |= {
        "output": pipes.shown(target),
        "width": result.photo.width,
        "height": result.photo.height,
        "seconds": seconds,
        "device": result.device,
        "warnings": warnings,
        "status": "done",
    }
    if as_json:
        console.emit(console.record)
    elif not pipes.sends:
        console.emit(str(target))


def _pair(context: typer.Context, given: Sequence[Path]) -> tuple[Path, Path]:
    """The photo to change, and the photo whose look it gets.

    Raises:
        UsageError: There is another number of photos, or an option is for many.
    """
    for parameter, option in _FOR_MANY.items():
        source = context.get_parameter_source(parameter)
        if source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"{option} is for many photos: name their style by --style")
    match given:
        case [content, style]:
            return content, style
        case []:
            raise UsageError("Missing argument 'CONTENT': name the photo to change (see --help)")
        case [_]:
            raise UsageError(
                "Missing argument 'STYLE': name the photo whose look it gets (see --help)"
            )
    raise UsageError(
        f"{len(given)} photos: give two, CONTENT and STYLE, or name the style of all by --style "
        "(see --help)"
    )


def _save(
    files: LookFiles,
    content: "Photo",
    result: "Photo",
    style: Path,
    command: str,
    console: Console,
) -> list[str]:
    """Write the look that comes closest to a result, and say how close that is."""
    from photostyle.transfers import closest_look, frame_of

    look, apart = closest_look(content.floats(), result.floats())
    console.info(
        f"the look without what depends on the place is off the result by {apart.mean:.1f} levels "
        "on average"
    )
    return files.write(
        look,
        frame_of(content).colours,
        console,
        style=style,
        photos="1 photo",
        command=command,
    )
