"""Options that more than one command has, and how they are described in the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from photostyle.transfers.config import ITERATIONS, SIZES, Segmentation, Solver

OUTPUT = "Output"
LOOK = "Look"
MESSAGES = "Messages"

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write here; - for standard output.",
        rich_help_panel=OUTPUT,
    ),
]
OutDirOption = Annotated[
    Path | None,
    typer.Option(
        "--out-dir",
        "-d",
        metavar="DIR",
        help="Write into this folder, not beside the photo.",
        rich_help_panel=OUTPUT,
    ),
]
NameOption = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="TEMPLATE",
        help="File name of the result, of {stem}, {op}, {style} and {ext}.",
        rich_help_panel=OUTPUT,
    ),
]
BatchNameOption = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="TEMPLATE",
        help="File name of the results, of {stem}, {op}, {ext}, {index} (place in the batch) and "
        "{date} (when the photo was taken).",
        rich_help_panel=OUTPUT,
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="EXT",
        help="File format of the result: jpg, png, tif or webp. Default: the photo's own.",
        rich_help_panel=OUTPUT,
    ),
]
QualityOption = Annotated[
    int,
    typer.Option(
        "--quality",
        min=1,
        max=100,
        help="Quality of JPEG and WebP.",
        rich_help_panel=OUTPUT,
    ),
]
MetadataOption = Annotated[
    Literal["keep", "strip", "no-gps"],
    typer.Option(
        "--metadata",
        help="Of EXIF, XMP and IPTC data: keep all, write none, or leave out where the photo was "
        "taken.",
        rich_help_panel=OUTPUT,
    ),
]
ColorOption = Annotated[
    Literal["keep", "srgb"],
    typer.Option(
        "--color",
        help="Colours of the result: in the photo's own profile, or in sRGB.",
        rich_help_panel=OUTPUT,
    ),
]
ProvenanceOption = Annotated[
    bool,
    typer.Option(
        "--provenance/--no-provenance",
        help="Note in the XMP data what was done, with what.",
        rich_help_panel=OUTPUT,
    ),
]
OverwriteOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace an existing result.", rich_help_panel=OUTPUT),
]
StrengthOption = Annotated[
    float,
    typer.Option(
        "--strength",
        metavar="0..1",
        help="How much of the look: 0 keeps the photo, 1 is all of it.",
        rich_help_panel=LOOK,
    ),
]
TileOption = Annotated[
    int | None,
    typer.Option(
        "--tile",
        metavar="PIXELS",
        help="Side of the tiles of repairs. Default: what the memory allows.",
    ),
]
SizeOption = Annotated[
    int,
    typer.Option(
        "--size",
        metavar="PIXELS",
        help="Long side at which the look is fitted (64 to 2048); the result keeps its full size.",
        rich_help_panel=LOOK,
    ),
]
IterationsOption = Annotated[
    int,
    typer.Option("--iterations", metavar="N", help="Steps of the optimiser.", rich_help_panel=LOOK),
]
ContentMaskOption = Annotated[
    Path | None,
    typer.Option(
        "--content-mask",
        metavar="PNG",
        help="Segments of CONTENT, one colour each: black, white, red, green, blue, yellow, "
        "magenta, cyan or grey.",
        rich_help_panel=LOOK,
    ),
]
StyleMaskOption = Annotated[
    Path | None,
    typer.Option(
        "--style-mask",
        metavar="PNG",
        help="Segments of STYLE; each lends its look to the content's segment of its colour.",
        rich_help_panel=LOOK,
    ),
]
SegmentOption = Annotated[
    Segmentation | None,
    typer.Option(
        "--segment",
        help="Segments without masks. auto: find those that both photos have; ade20k: by what they "
        "show, with a network that is downloaded (241 MB); none: each photo as a whole. Default: "
        "auto.",
        rich_help_panel=LOOK,
    ),
]
KeepSkinOption = Annotated[
    bool | None,
    typer.Option(
        "--keep-skin/--no-keep-skin",
        help="Whether the skin of people keeps its hues whatever colours the style has. Default: "
        "--keep-skin, but with masks --no-keep-skin.",
        rich_help_panel=LOOK,
    ),
]
SaveMasksOption = Annotated[
    str | None,
    typer.Option(
        "--save-masks",
        metavar="DIR|PREFIX",
        help="Also write the segments as content_mask.png and style_mask.png, to be corrected and "
        "passed back as masks.",
        rich_help_panel=OUTPUT,
    ),
]
SolverOption = Annotated[
    Solver,
    typer.Option(
        "--solver",
        help="How the look is found. grid: grids of colour maps; luan: Deep photo style transfer, "
        "slow without a GPU; gatys: its first stage, which paints; mkl: one colour map a segment; "
        "idt: all of the style's colours.",
        rich_help_panel=LOOK,
    ),
]
SolverSizeOption = Annotated[
    int | None,
    typer.Option(
        "--size",
        metavar="PIXELS",
        help="Long side at which the look is fitted (64 to 2048); the result keeps its full size. "
        f"Default: {SIZES['grid']}; {SIZES['luan']} for the other solvers.",
        rich_help_panel=LOOK,
    ),
]
SolverIterationsOption = Annotated[
    int | None,
    typer.Option(
        "--iterations",
        metavar="N",
        help=f"Steps of the solver. Default: {ITERATIONS['grid']} for grid, {ITERATIONS['luan']} "
        f"for each stage of luan and for gatys, {ITERATIONS['idt']} for idt.",
        rich_help_panel=LOOK,
    ),
]
FeaturesOption = Annotated[
    str,
    typer.Option(
        "--features",
        metavar="MODEL",
        help="The VGG-19 of luan and gatys; its weights are downloaded once.",
        rich_help_panel=LOOK,
    ),
]
RefineOption = Annotated[
    int,
    typer.Option(
        "--refine",
        metavar="N",
        help="Further steps on pixels: closer to the style, a little less of a photograph.",
        rich_help_panel=LOOK,
    ),
]
SeedOption = Annotated[
    int,
    typer.Option(
        "--seed",
        metavar="N",
        help="Start of the random numbers: the same seed gives the same result.",
        rich_help_panel=LOOK,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps."),
]
ModelsOption = Annotated[
    Path | None,
    typer.Option("--models", metavar="FILE", help="Read more models from this models.toml."),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never use the network.")]
FilesFromOption = Annotated[
    Path | None,
    typer.Option(
        "--files-from",
        metavar="FILE",
        readable=False,
        help="Also take the photos and folders listed in this file, one a line or with a NUL "
        "between them; - for standard input.",
    ),
]
RecursiveOption = Annotated[
    bool,
    typer.Option("--recursive", "-r", help="Take the photos in folders within folders, too."),
]
FailFastOption = Annotated[
    bool, typer.Option("--fail-fast", help="Begin no more photos after one has failed.")
]
ReportOption = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Also write a page, HTML, that shows every photo before and after.",
        rich_help_panel=OUTPUT,
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
]
StyleOption = Annotated[
    Path | None,
    typer.Option(
        "--style",
        metavar="STYLE",
        readable=False,
        help="Give all photos the look of this one: the same look, so that they go together.",
        rich_help_panel=LOOK,
    ),
]
SaveLookOption = Annotated[
    Path | None,
    typer.Option(
        "--save-look",
        metavar="FILE",
        readable=False,
        help="Also save the look (.safetensors): photostyle filter FILE gives it to other photos.",
        rich_help_panel=OUTPUT,
    ),
]
ExportLutOption = Annotated[
    Path | None,
    typer.Option(
        "--export-lut",
        metavar="FILE",
        readable=False,
        help="Also write the look as a lookup table (.cube) for other programs.",
        rich_help_panel=OUTPUT,
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Photos read, and photos written, at the same time. Default: one per processor.",
    ),
]
MaxPixelsOption = Annotated[
    int | None,
    typer.Option(
        "--max-pixels",
        metavar="N",
        min=1,
        help="Refuse photos with more pixels than this. Default: 400 million.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object on standard output.", rich_help_panel=MESSAGES
    ),
]
BatchJsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print a JSON object a photo and one for the run on standard output, one a line.",
        rich_help_panel=MESSAGES,
    ),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Errors only.", rich_help_panel=MESSAGES)
]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Also say what was chosen and why.", rich_help_panel=MESSAGES
    ),
]
