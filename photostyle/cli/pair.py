"""`photostyle transfer CONTENT STYLE`: the look of one photo onto another."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from photostyle.cli import look_files, mask_files, naming
from photostyle.cli.provenance import made_by
from photostyle.cli.streams import INPUT, streams
from photostyle.progress import Progress
from photostyle.transfers.config import TransferConfig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from photostyle.cli.console import Console
    from photostyle.cli.look_files import LookFiles
    from photostyle.cli.mask_files import MaskFiles
    from photostyle.cli.streams import Streams
    from photostyle.image import Photo
    from photostyle.image.metadata import Policy
    from photostyle.progress import ProgressCallback
    from photostyle.transfers import TransferResult

FIELDS = (
    "input", "style", "output", "width", "height", "seconds", "device", "seed", "warnings",
    *look_files.FIELDS, *mask_files.FIELDS, "status", "error",
)  # fmt: skip
"""Of the `--json` object, whether or not the transfer succeeds."""

_DEFAULT = TransferConfig()


@dataclass(frozen=True, slots=True)
class Pair:
    """What is asked for."""

    content: Path
    """The photo to change."""

    style: Path
    """The photo whose look it gets."""

    masks: tuple[Path, ...]
    """Of content and style; or none."""

    config: TransferConfig
    files: LookFiles
    mask_files: MaskFiles

    template: str
    extension: str | None
    output: Path | None
    out_dir: Path | None
    overwrite: bool

    quality: int
    metadata: Policy
    color: Literal["keep", "srgb"]
    provenance: bool
    max_pixels: int | None

    @property
    def command(self) -> str:
        """How the result is made, as on the command line."""
        config = self.config
        words = [f"transfer --strength {config.strength:g} --size {config.size}"]
        for option, value, usual in (
            ("--solver", config.solver, _DEFAULT.solver),
            ("--segment", config.segment, _DEFAULT.segment),
        ):
            words += [] if value == usual else [f"{option} {value}"]
        if config.keep_skin is not None:
            words += ["--keep-skin" if config.keep_skin else "--no-keep-skin"]
        words += [f"--iterations {config.iterations} --refine {config.refine} --seed {config.seed}"]
        return " ".join(words)


def transfer_pair(pair: Pair, console: Console) -> None:
    """Give one photo the look of another.

    Args:
        pair: What is asked for.
        console: Is told what becomes of the photo; its record gets `FIELDS`.

    Raises:
        PhotostyleError: The photo could not be changed.
    """
    with streams(
        pair.content, pair.output, extension=pair.extension, as_json=console.json
    ) as pipes:
        target = pipes.target or _target(pair)
        inputs = [pipes.source, pair.style, *pair.masks]
        _check(pair, target, inputs)
        started = time.perf_counter()
        with console.progress() as report:
            report(Progress("start", 0, 1))
            photos = _read(pair, inputs, pipes, console, report)
            result = _transfer(pair, photos, report)
            report(Progress("write", 0, 1))
            final = _with_metadata(pair, result.photo, target)
            unkept = _write(pair, final, target, inputs)
        if pair.mask_files.paths:
            pair.mask_files.write(result.masks, inputs, console)
        of_look = _write_look(pair, photos[0], result.photo, console) if pair.files.paths else []
        seconds = round(time.perf_counter() - started, 3)
        pipes.send()
    warnings = [
        *_distinct(inputs, photos, result, final, pipes),
        *(pipes.named(f"{target}: {text}") for text in unkept),
        *of_look,
    ]
    for warning in warnings:
        console.warning(warning)
    name = INPUT if pipes.received else pair.content.name
    console.info(f"{name} with the look of {pair.style.name}: {seconds:.1f} s on {result.device}")
    console.record |= {
        "output": pipes.shown(target),
        "width": result.photo.width,
        "height": result.photo.height,
        "seconds": seconds,
        "device": result.device,
        "warnings": warnings,
        "status": "done",
    }
    if console.json:
        console.emit(console.record)
    elif not pipes.sends:
        console.emit(str(target))


def _target(pair: Pair) -> Path:
    """The file beside the content, or in another folder, that the result goes to."""
    return naming.output_path(
        pair.content,
        op="transfer",
        style=pair.style,
        out_dir=pair.out_dir,
        template=pair.template,
        extension=pair.extension,
    )


def _check(pair: Pair, target: Path, inputs: Sequence[Path]) -> None:
    """See that everything can be read and written, before any work.

    Raises:
        PhotostyleError: Something cannot.
    """
    naming.check_inputs(inputs)
    naming.check_output(target, inputs, overwrite=pair.overwrite)
    pair.files.check(inputs)
    pair.mask_files.check(inputs)


def _read(
    pair: Pair,
    inputs: Sequence[Path],
    pipes: Streams,
    console: Console,
    report: ProgressCallback,
) -> list[Photo]:
    """The photos, after a word about the device they are for."""
    from photostyle.device import resolve_device
    from photostyle.image import MAX_PIXELS, read_photo

    console.detail(f"device {pair.config.device}: {resolve_device(pair.config.device)}")
    photos: list[Photo] = []
    for path in inputs:
        report(Progress("read", len(photos), len(inputs)))
        photo = read_photo(path, max_pixels=pair.max_pixels or MAX_PIXELS)
        console.detail(pipes.named(f"{path}: {photo.width} x {photo.height} pixels"))
        photos.append(photo)
    return photos


def _transfer(pair: Pair, photos: Sequence[Photo], report: ProgressCallback) -> TransferResult:
    from photostyle import transfers

    content, style, *masks = photos
    return transfers.transfer(
        content,
        style,
        content_mask=masks[0] if masks else None,
        style_mask=masks[1] if masks else None,
        config=pair.config,
        progress=report,
    )


def _with_metadata(pair: Pair, result: Photo, target: Path) -> Photo:
    """The result with what is wanted of the content's metadata, and a note on how it was made."""
    from photostyle.image import format_of
    from photostyle.image.metadata import with_metadata

    made = made_by(pair.command) if pair.provenance else None
    longest = format_of(target).longest_block
    return with_metadata(result, pair.metadata, made, longest_xmp=longest)


def _write(pair: Pair, photo: Photo, target: Path, inputs: Sequence[Path]) -> Sequence[str]:
    """Write the result; tells what could not be kept."""
    from photostyle.image import write_photo

    return write_photo(
        photo,
        target,
        quality=pair.quality,
        color=pair.color,
        overwrite=pair.overwrite,
        protect=inputs,
    )


def _write_look(pair: Pair, content: Photo, result: Photo, console: Console) -> list[str]:
    """Write the look that comes closest to a result, and say how close that is."""
    from photostyle.transfers import closest_look, frame_of

    look, apart = closest_look(content.floats(), result.floats())
    console.info(
        f"the look without what depends on the place is off the result by {apart.mean:.1f} levels "
        "on average"
    )
    return pair.files.write(
        look,
        frame_of(content).colours,
        console,
        style=pair.style,
        photos="1 photo",
        command=pair.command,
    )


def _distinct(
    inputs: Sequence[Path],
    photos: Sequence[Photo],
    result: TransferResult,
    final: Photo,
    pipes: Streams,
) -> list[str]:
    """Warnings about photos and result, each said once, with the file it is about if it has one."""
    of_photos = [
        (path, text) for path, photo in zip(inputs, photos, strict=True) for text in photo.warnings
    ]
    repeated = {text for _, text in of_photos}
    return [
        *(pipes.named(f"{path}: {text}") for path, text in of_photos),
        *(text for text in result.warnings if text not in repeated),
        *(text for text in final.warnings if text not in {*repeated, *result.warnings}),
    ]
