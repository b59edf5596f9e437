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
    ("china.jpg", "rocket.jpg"),
    ("china.jpg", "coffee.png"),
    ("flower.jpg", "coffee.png"),
)
"""Content and style, from photographs that come with other packages."""

SAMPLES = {
    "china.jpg": ("sklearn", "datasets/images", "Summer Palace: danielbuechele, CC BY 2.0"),
    "coffee.png": ("skimage", "data", "coffee: Rachel Michetti, CC0"),
    "flower.jpg": ("sklearn", "datasets/images", "dahlia: vultilion, CC BY 2.0"),
    "rocket.jpg": ("skimage", "data", "rocket before launch: SpaceX, public domain"),
}
"""Package, folder within it, and credit of every photograph."""

ROW_HEIGHT = 400
"""Of the photos side by side, in pixels."""

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
    r"""Try transfer on sample photographs, shown side by side.

    The photographs are public domain, CC0 or CC BY and come with scikit-image and
    scikit-learn: pip install "photostyle\[demo]". Nothing is downloaded.
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
    samples = {name: sample(name) for name in SAMPLES}
    _claim(folder, overwrite=overwrite)

    from photostyle import image, transfers

    started = time.perf_counter()
    comparisons: list[str] = []
    for name, path in samples.items():
        shutil.copyfile(path, folder / name)
        console.info(f"{folder / name}: {SAMPLES[name][2]}")
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


def sample(name: str) -> Path:
    """Where a photograph of `SAMPLES` lies.

    Raises:
        PhotoError: The package it comes with is not installed, or came without it.
    """
    package, folder, _ = SAMPLES[name]
    found = find_spec(package)  # finds without importing, and without any downloader
    path = Path(found.origin).parent / folder / name if found and found.origin else None
    if path is None or not path.is_file():
        raise PhotoError(
            "the sample photographs come with scikit-image and scikit-learn: "
            'pip install "photostyle[demo]"'
        )
    return path


def side_by_side(photos: "dict[str, Photo]") -> "Image.Image":
    """Photos in a row at one height, with white gutters and a caption under each."""
    import numpy as np
    from PIL import Image

    from photostyle.cli import picture

    row = picture.side_by_side(
        [picture.on_white(photo) for photo in photos.values()], list(photos), ROW_HEIGHT
    )
    return Image.fromarray(np.round(row * 255).astype(np.uint8))


def _result(content: str, style: str) -> str:
    return f"{Path(content).stem}_{Path(style).stem}{Path(content).suffix}"


def _comparison(content: str, style: str) -> str:
    return f"{Path(content).stem}_{Path(style).stem}_compared.png"


def _claim(folder: Path, *, overwrite: bool) -> None:
    """Make the folder, and see that nothing in it is replaced unasked."""
    written = [*SAMPLES, *(make(*pair) for pair in PAIRS for make in (_result, _comparison))]
    for path in (folder / name for name in written):
        if os.path.lexists(path) and not overwrite:
            raise PhotoError(
                f"cannot write '{path}': it exists already; use --overwrite or another folder"
            )
    folder.mkdir(parents=True, exist_ok=True)
