"""`photostyle transfer`: the look of one photo onto another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from photostyle.batch import BatchConfig
from photostyle.cli import naming, options
from photostyle.cli.console import console_of
from photostyle.cli.look_files import LookFiles
from photostyle.cli.mask_files import MaskFiles
from photostyle.cli.pair import FIELDS, Pair, transfer_pair
from photostyle.cli.settings import from_settings
from photostyle.cli.shoot import Shoot, transfer_shoot
from photostyle.cli.streams import STREAM
from photostyle.cli.summary import given_photos
from photostyle.errors import UsageError
from photostyle.transfers.config import ITERATIONS, SIZES, TransferConfig

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
    keep_skin: options.KeepSkinOption = None,
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
    mask_files = MaskFiles.of(save_masks, overwrite)
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
        segment=segment or _DEFAULT.segment,
        keep_skin=keep_skin,
        size=SIZES[solver] if size is None else size,
        iterations=ITERATIONS[solver] if iterations is None else iterations,
        refine=refine,
        features=features,
        offline=offline,
        seed=seed,
        device=device,
    )
    if keep_skin is not None and (solver != _DEFAULT.solver or shoot_style is not None):
        raise UsageError(
            "only a look of one photo by the solver grid knows skin: drop --keep-skin and "
            "--no-keep-skin"
        )
    masks = _masks(content_mask, style_mask, segment)
    out_dir, name, extension = _naming(context, output, out_dir, name, extension)
    if shoot_style is None:
        pair = Pair(
            content=content,
            style=style,
            masks=masks,
            config=config,
            files=files,
            mask_files=mask_files,
            template=name,
            extension=extension,
            output=output,
            out_dir=out_dir,
            overwrite=overwrite,
            quality=quality,
            metadata=metadata,
            color=color,
            provenance=provenance,
            max_pixels=max_pixels,
        )
        transfer_pair(pair, console)
        return
    _check_one_look(config, masks, segmented=segment is not None or save_masks is not None)
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


def _masks(
    content_mask: Path | None, style_mask: Path | None, segment: str | None
) -> tuple[Path, ...]:
    """The masks of content and style, or none.

    Raises:
        UsageError: There is one alone, or segments are to be found although there are masks.
    """
    if content_mask is None and style_mask is None:
        return ()
    if content_mask is None or style_mask is None:
        raise UsageError("--content-mask and --style-mask go together: give both or neither")
    if segment is not None:
        raise UsageError("the masks are the segments: drop them, or --segment")
    return content_mask, style_mask


def _naming(
    context: typer.Context,
    output: Path | None,
    out_dir: Path | None,
    template: str,
    extension: str | None,
) -> tuple[Path | None, str, str | None]:
    """Folder, template and file format of results.

    `--output` takes precedence over settings, not over other words of the command line.

    Raises:
        UsageError: Such words are there.
    """
    if output is None or from_settings(context, "output"):
        return out_dir, template, extension
    if from_settings(context, "out_dir"):
        out_dir = None
    if from_settings(context, "name"):
        template = naming.TEMPLATE
    if output == STREAM:
        naming.check_alone(out_dir, template, None)
    else:
        if from_settings(context, "extension"):
            extension = None
        naming.check_alone(out_dir, template, extension)
    return out_dir, template, extension


def _check_one_look(config: TransferConfig, masks: tuple[Path, ...], *, segmented: bool) -> None:
    """See that nothing is asked for that one look for many photos cannot have.

    Raises:
        UsageError: Something is.
    """
    if masks:
        raise UsageError("masks are for one photo: drop them, or --style")
    if segmented:
        raise UsageError("--style fits one look: drop --segment and --save-masks")
    if config.solver != _DEFAULT.solver or config.refine:
        raise UsageError("--style fits colour maps for all photos: drop --solver and --refine")
