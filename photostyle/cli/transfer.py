"""`photostyle transfer`: the look of one photo onto another."""

import time
from pathlib import Path
from typing import Annotated

import typer

from photostyle.cli import naming, options
from photostyle.cli.console import console_of
from photostyle.cli.provenance import made_by
from photostyle.cli.settings import from_settings
from photostyle.cli.streams import INPUT, STREAM, streams
from photostyle.errors import UsageError
from photostyle.progress import Progress
from photostyle.transfers.config import TransferConfig

FIELDS = (
    "input", "style", "output", "width", "height", "seconds", "device", "seed", "warnings",
    "status", "error",
)  # fmt: skip
"""Of the `--json` object, whether or not the transfer succeeds."""

_DEFAULT = TransferConfig()


def transfer(
    context: typer.Context,
    content: Annotated[
        Path,
        typer.Argument(
            metavar="CONTENT",
            help="The photo to change; - for standard input.",
            show_default=False,
        ),
    ],
    style: Annotated[
        Path,
        typer.Argument(metavar="STYLE", help="The photo whose look it gets.", show_default=False),
    ],
    output: options.OutputOption = None,
    out_dir: options.OutDirOption = None,
    name: options.NameOption = naming.TEMPLATE,
    extension: options.FormatOption = None,
    quality: options.QualityOption = 95,
    metadata: options.MetadataOption = "keep",
    color: options.ColorOption = "keep",
    provenance: options.ProvenanceOption = True,
    overwrite: options.OverwriteOption = False,
    content_mask: Annotated[
        Path | None,
        typer.Option(
            "--content-mask",
            metavar="PNG",
            help="Segments of CONTENT, one colour each: black, white, red, green, blue, yellow, "
            "magenta, cyan or grey.",
            rich_help_panel=options.LOOK,
        ),
    ] = None,
    style_mask: Annotated[
        Path | None,
        typer.Option(
            "--style-mask",
            metavar="PNG",
            help="Segments of STYLE; each lends its look to the content's segment of its colour.",
            rich_help_panel=options.LOOK,
        ),
    ] = None,
    strength: options.StrengthOption = _DEFAULT.strength,
    size: options.SizeOption = _DEFAULT.size,
    iterations: options.IterationsOption = _DEFAULT.iterations,
    refine: options.RefineOption = _DEFAULT.refine,
    seed: options.SeedOption = _DEFAULT.seed,
    device: options.DeviceOption = _DEFAULT.device,
    max_pixels: options.MaxPixelsOption = None,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Give one photo the look of another.

    The result has the photo's size, edges and metadata, and lies beside it.
    Its path is printed.
    """
    console = console_of(context)
    console.configure(quiet=quiet, verbose=verbose, as_json=as_json)
    console.record = dict.fromkeys(FIELDS) | {
        "input": str(content),
        "style": str(style),
        "seed": seed,
        "warnings": [],
    }
    config = TransferConfig(
        strength=strength,
        size=size,
        iterations=iterations,
        refine=refine,
        seed=seed,
        device=device,
    )
    if (content_mask is None) != (style_mask is None):
        raise UsageError("--content-mask and --style-mask go together: give both or neither")
    masks = [mask for mask in (content_mask, style_mask) if mask is not None]
    if output is not None and not from_settings(context, "output"):
        # It takes precedence over settings, not over other words of the command line.
        out_dir = None if from_settings(context, "out_dir") else out_dir
        name = naming.TEMPLATE if from_settings(context, "name") else name
        if output != STREAM:
            extension = None if from_settings(context, "extension") else extension
        naming.check_alone(out_dir, name, None if output == STREAM else extension)
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
            made = None
            if provenance:
                words = f"transfer --strength {strength:g} --size {size} --iterations {iterations}"
                made = made_by(f"{words} --refine {refine} --seed {seed}")
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
