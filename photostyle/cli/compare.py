"""`photostyle compare`: two photos in one picture."""

import math
from pathlib import Path
from typing import Annotated

import typer

from photostyle.cli import naming, options
from photostyle.cli.console import console_of
from photostyle.progress import Progress

FIELDS = ("inputs", "output", "width", "height", "warnings", "status", "error")
"""Of the `--json` object, whether or not there is a picture."""

_OTHER_SHAPE = 0.01


def compare(
    context: typer.Context,
    first: Annotated[
        Path,
        typer.Argument(
            metavar="A", help="A photo, for the left.", show_default=False, readable=False
        ),
    ],
    second: Annotated[
        Path,
        typer.Argument(
            metavar="B", help="A photo, for the right.", show_default=False, readable=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write here. Default: beside A, with _compare in its name.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    in_halves: Annotated[
        bool,
        typer.Option("--split", help="One picture: the left half of A and the right half of B."),
    ] = False,
    quality: options.QualityOption = 95,
    overwrite: options.OverwriteOption = False,
    max_pixels: options.MaxPixelsOption = None,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Show two photos side by side, with their names.

    Photos of different sizes are scaled down to the smaller.
    The path of the picture is printed.
    """
    console = console_of(context)
    console.configure(quiet=quiet, verbose=verbose, as_json=as_json)
    inputs = [first, second]
    console.record = dict.fromkeys(FIELDS) | {
        "inputs": [str(path) for path in inputs],
        "warnings": [],
    }
    target = naming.output_path(first, op="compare", style=second, output=output)
    naming.check_inputs(inputs)
    naming.check_output(target, inputs, overwrite=overwrite)

    from photostyle import image
    from photostyle.cli import picture

    with console.progress() as report:
        report(Progress("compare", 0, 1))
        limit = max_pixels or image.MAX_PIXELS
        photos = [image.read_photo(path, max_pixels=limit) for path in inputs]
        left, right = map(picture.on_white, photos)
        captions = [path.name if first.name != second.name else str(path) for path in inputs]
        warnings = [
            f"{path}: {text}"
            for path, photo in zip(inputs, photos, strict=True)
            for text in photo.warnings
        ]
        if in_halves:
            height, width = min(left.shape[:2], right.shape[:2], key=math.prod)
            for path, photo in zip(inputs, photos, strict=True):
                if abs(photo.width * height / (photo.height * width) - 1) > _OTHER_SHAPE:
                    warnings.append(f"{path}: has another shape, only the middle is shown")
            left, right = (picture.covering(pixels, height, width) for pixels in (left, right))
            pixels = picture.split(left, right, captions)
        else:
            height = min(photo.height for photo in photos)
            pixels = picture.side_by_side([left, right], captions, height)
        both = image.Photo(pixels, bit_depth=max(photo.bit_depth for photo in photos))
        unkept = image.write_photo(
            both, target, quality=quality, overwrite=overwrite, protect=inputs
        )
    warnings += [f"{target}: {text}" for text in unkept]
    for warning in warnings:
        console.warning(warning)
    console.record |= {
        "output": str(target),
        "width": both.width,
        "height": both.height,
        "warnings": warnings,
        "status": "done",
    }
    console.emit(console.record if as_json else str(target))
