"""`photostyle compare-methods`: one look by several methods, on one sheet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from photostyle.cli import naming, options
from photostyle.cli.console import console_of
from photostyle.errors import UsageError
from photostyle.progress import Progress
from photostyle.transfers.config import FEATURES, SOLVERS, Solver, TransferConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]

FIELDS = ("content", "style", "output", "methods", "warnings", "status", "error")
"""Of the `--json` object, whether or not there is a sheet."""

METHODS = "grid,mkl,idt"
"""Those that need nothing from the network and are done in seconds."""

_COLUMNS = 3


def compare_methods(
    context: typer.Context,
    content: Annotated[
        Path, typer.Argument(metavar="CONTENT", help="The photo to change.", show_default=False)
    ],
    style: Annotated[
        Path,
        typer.Argument(metavar="STYLE", help="The photo whose look it gets.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write here. Default: beside CONTENT, with _methods in its name.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            "--methods",
            metavar="NAMES",
            help=f"Any of {', '.join(SOLVERS)}, with commas between them; see the solvers of "
            "photostyle transfer.",
            rich_help_panel=options.LOOK,
        ),
    ] = METHODS,
    content_mask: options.ContentMaskOption = None,
    style_mask: options.StyleMaskOption = None,
    height: Annotated[
        int,
        typer.Option(
            "--height",
            metavar="PIXELS",
            min=16,
            help="Of every photo on the sheet.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = 400,
    features: options.FeaturesOption = FEATURES,
    seed: options.SeedOption = 0,
    device: options.DeviceOption = "auto",
    offline: options.OfflineOption = False,
    quality: options.QualityOption = 95,
    overwrite: options.OverwriteOption = False,
    max_pixels: options.MaxPixelsOption = None,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Show a photo with the look of another by several methods.

    The sheet has content, style and each result, with the seconds it took.
    Its path is printed.
    """
    console = console_of(context)
    console.configure(quiet=quiet, verbose=verbose, as_json=as_json)
    console.record = dict.fromkeys(FIELDS) | {
        "content": str(content),
        "style": str(style),
        "warnings": [],
    }
    solvers = _solvers(methods)
    configs = [
        TransferConfig(
            solver=solver,
            features=features if solver in ("luan", "gatys") else FEATURES,
            seed=seed,
            device=device,
            offline=offline,
        )
        for solver in solvers
    ]
    if (content_mask is None) != (style_mask is None):
        raise UsageError("--content-mask and --style-mask go together: give both or neither")
    masks = [mask for mask in (content_mask, style_mask) if mask is not None]
    target = naming.output_path(content, op="methods", style=style, output=output)
    inputs = [content, style, *masks]
    naming.check_inputs(inputs)
    naming.check_output(target, inputs, overwrite=overwrite)

    with console.progress() as report:
        report(Progress("start", 0, 1))
        from photostyle import image, transfers
        from photostyle.cli import picture

        limit = max_pixels or image.MAX_PIXELS
        photos = [image.read_photo(path, max_pixels=limit) for path in inputs]
        panels = [(f"content: {content.name}", picture.on_white(photos[0]))]
        panels.append((f"style: {style.name}", picture.on_white(photos[1])))
        warnings = [
            f"{path}: {text}"
            for path, photo in zip(inputs, photos, strict=True)
            for text in photo.warnings
        ]
        seconds: dict[str, float] = {}
        for config in configs:
            result = transfers.transfer(
                photos[0],
                photos[1],
                content_mask=photos[2] if masks else None,
                style_mask=photos[3] if masks else None,
                config=config,
                progress=report,
            )
            seconds[config.solver] = round(result.seconds, 3)
            console.detail(f"{config.solver}: {result.seconds:.1f} s on {result.device}")
            caption = f"{config.solver}, {result.seconds:.1f} s on {result.device}"
            panels.append((caption, picture.on_white(result.photo)))
            said = {text for photo in photos for text in photo.warnings} | set(warnings)
            warnings += [text for text in result.warnings if text not in said]
        report(Progress("write", 0, 1))
        sheet = image.Photo(_sheet(panels, height))
        unkept = image.write_photo(
            sheet, target, quality=quality, overwrite=overwrite, protect=inputs
        )
    warnings += [f"{target}: {text}" for text in unkept]
    for warning in warnings:
        console.warning(warning)
    console.record |= {
        "output": str(target),
        "methods": seconds,
        "warnings": warnings,
        "status": "done",
    }
    console.emit(console.record if as_json else str(target))


def _solvers(methods: str) -> list[Solver]:
    """Read `--methods`.

    Raises:
        UsageError: A name is not that of a solver, or is there twice.
    """
    names = [name.strip() for name in methods.split(",")]
    for name in names:
        if name not in SOLVERS:
            raise UsageError(f"--methods: there is no '{name}', use {', '.join(SOLVERS)}")
        if names.count(name) > 1:
            raise UsageError(f"--methods: '{name}' is there twice")
    return cast("list[Solver]", names)


def _sheet(panels: "Sequence[tuple[str, Pixels]]", height: int) -> "Pixels":
    """Pictures with captions in rows of three, on white; `H W 3` in [0, 1]."""
    import numpy as np

    from photostyle.cli import picture

    rows = [
        picture.side_by_side(
            [pixels for _, pixels in panels[first : first + _COLUMNS]],
            [caption for caption, _ in panels[first : first + _COLUMNS]],
            height,
        )
        for first in range(0, len(panels), _COLUMNS)
    ]
    width = max(row.shape[1] for row in rows)
    whole = [
        np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=1) for row in rows
    ]
    return np.concatenate(whole)
