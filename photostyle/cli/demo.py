"""`photostyle demo`: the main job on sample photographs that everybody may use."""

import os
import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photostyle.cli import options
from photostyle.cli.console import console_of
from photostyle.errors import PhotoError
from photostyle.transfers.config import TransferConfig

if TYPE_CHECKING:
    from PIL import Image

    from photostyle.image import Photo

PAIRS = (
    ("coffee.png", "rocket.jpg"),
    ("rocket.jpg", "chelsea.png"),
    ("astronaut.png", "coffee.png"),
)
"""Content and style, from the photographs in scikit-image's wheel."""

CREDITS = {
    "astronaut.png": "astronaut Eileen Collins: NASA, public domain",
    "chelsea.png": "cat Chelsea: Stefan van der Walt, CC0",
    "coffee.png": "coffee: Rachel Michetti, CC0",
    "rocket.jpg": "rocket launch: SpaceX, public domain",
}

ROW_HEIGHT = 400
GUTTER = 8
CAPTION_SIZE = 16
"""Of the picture side by side, in pixels."""

_DEFAULT = TransferConfig()


def demo(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the pictures go; made if missing.")
    ] = Path("photostyle-demo"),
    overwrite: options.OverwriteOption = False,
    size: options.SizeOption = _DEFAULT.size,
    iterations: options.IterationsOption = _DEFAULT.iterations,
    device: options.DeviceOption = _DEFAULT.device,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Try transfer on sample photographs, shown side by side.

    The photographs are public domain or CC0 and come with scikit-image:
    pip install "photostyle[demo]". Nothing is downloaded.
    """
    console = console_of(context)
    console.configure(quiet=quiet, verbose=verbose, as_json=as_json)
    console.record = {
        "folder": str(folder),
        "comparisons": [],
        "seconds": None,
        "status": None,
        "error": None,
    }
    config = TransferConfig(size=size, iterations=iterations, device=device)
    samples = sample_folder()
    _claim(folder, overwrite=overwrite)

    from photostyle import image, transfers

    started = time.perf_counter()
    comparisons: list[str] = []
    for name, credit in CREDITS.items():
        shutil.copyfile(samples / name, folder / name)
        console.info(f"{folder / name}: {credit}")
    for content, style in PAIRS:
        photo, look = (image.read_photo(folder / name) for name in (content, style))
        with console.progress() as report:
            result = transfers.transfer(photo, look, config=config, progress=report)
        image.write_photo(result.photo, folder / _result(content, style), overwrite=True)
        comparison = folder / _comparison(content, style)
        side_by_side({"content": photo, "style": look, "result": result.photo}).save(comparison)
        timing = f"{result.seconds:.1f} s on {result.device}"
        console.info(f"{content} with the look of {style}: {timing}")
        comparisons.append(str(comparison))
    seconds = round(time.perf_counter() - started, 3)
    console.info(f"{len(PAIRS)} photos in {seconds:.1f} s; everything is in {folder}")
    if as_json:
        console.record |= {"comparisons": comparisons, "seconds": seconds, "status": "done"}
        console.emit(console.record)
    else:
        console.emit("\n".join(comparisons))


def sample_folder() -> Path:
    """Where the installed scikit-image keeps its photographs.

    Raises:
        PhotoError: It is not installed, or came without them.
    """
    package = find_spec("skimage")  # finds without importing, and without its downloader
    origin = package.origin if package else None
    folder = Path(origin).parent / "data" if origin else None
    if folder is None or not all((folder / name).is_file() for name in CREDITS):
        raise PhotoError(
            'the sample photographs come with scikit-image: pip install "photostyle[demo]"'
        )
    return folder


def side_by_side(photos: "dict[str, Photo]") -> "Image.Image":
    """Photos in a row at one height, with white gutters and a caption under each."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    panels = []
    for photo in photos.values():
        panel = Image.fromarray(np.round(photo.pixels * 255).astype(np.uint8))
        width = max(1, round(panel.width * ROW_HEIGHT / panel.height))
        panels.append(panel.resize((width, ROW_HEIGHT), Image.Resampling.LANCZOS))
    caption_height = 2 * CAPTION_SIZE
    row = Image.new(
        "RGB",
        (sum(panel.width + GUTTER for panel in panels) - GUTTER, ROW_HEIGHT + caption_height),
        "white",
    )
    draw = ImageDraw.Draw(row)
    font = ImageFont.load_default(CAPTION_SIZE)
    left = 0
    for caption, panel in zip(photos, panels, strict=True):
        row.paste(panel, (left, 0))
        middle = (left + panel.width / 2, ROW_HEIGHT + caption_height / 2)
        draw.text(middle, caption, fill="black", font=font, anchor="mm")
        left += panel.width + GUTTER
    return row


def _result(content: str, style: str) -> str:
    return f"{Path(content).stem}_{Path(style).stem}{Path(content).suffix}"


def _comparison(content: str, style: str) -> str:
    return f"{Path(content).stem}_{Path(style).stem}_compared.png"


def _claim(folder: Path, *, overwrite: bool) -> None:
    """Make the folder, and see that nothing in it is replaced unasked."""
    written = [*CREDITS, *(make(*pair) for pair in PAIRS for make in (_result, _comparison))]
    for path in (folder / name for name in written):
        if os.path.lexists(path) and not overwrite:
            raise PhotoError(
                f"cannot write '{path}': it exists already; use --overwrite or another folder"
            )
    folder.mkdir(parents=True, exist_ok=True)
