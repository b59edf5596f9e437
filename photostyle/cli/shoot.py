"""`photostyle transfer FILES... --style STYLE`: one look onto many photos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photostyle.batch import (
    BatchConfig,
    Plan,
    Template,
    check_report,
    plan_batch,
    thumbnail_side,
)
from photostyle.cli import look_files, naming
from photostyle.cli.provenance import made_by
from photostyle.cli.streams import streams
from photostyle.cli.summary import Summary, bar
from photostyle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from photostyle.batch.run import Apply
    from photostyle.cli.console import Console
    from photostyle.cli.look_files import LookFiles
    from photostyle.image import Photo
    from photostyle.progress import ProgressCallback
    from photostyle.transfers.config import TransferConfig

FIELDS = (
    "style", "device", "seed", "frames", *look_files.FIELDS, "photos", "done", "skipped", "failed",
    "megapixels", "seconds", "warnings", "status", "error",
)  # fmt: skip
"""Of the last `--json` object; each one before is a photo's, as those of `filter`."""


@dataclass(frozen=True, slots=True)
class Shoot:
    """What is asked for."""

    given: Sequence[Path]
    """Photos and folders."""

    style: Path
    """The photo whose look they get."""

    config: TransferConfig
    batch: BatchConfig
    files: LookFiles

    template: str
    extension: str | None
    output: Path | None
    out_dir: Path | None
    recursive: bool
    overwrite: bool

    provenance: bool
    report: Path | None
    dry_run: bool


def transfer_shoot(shoot: Shoot, console: Console) -> None:
    """Fit one look to all photos, and give it to each.

    Args:
        shoot: What is asked for.
        console: Is told what becomes of the photos.

    Raises:
        Exit: A photo failed.
        PhotostyleError: The run cannot begin, or no photo could be changed in it.
    """
    given, batch_config = list(shoot.given), shoot.batch
    known: dict[str, object] = {
        "style": str(shoot.style),
        "seed": shoot.config.seed,
        "warnings": [],
    }
    summary = Summary(console, f"photostyle transfer: {shoot.style.name}", FIELDS, known)
    # Unlike that of a pair, the batch's template knows no style.
    style_word = shoot.style.stem.replace("{", "{{").replace("}", "}}")
    template = Template(shoot.template.replace("{style}", style_word), "transfer", shoot.extension)
    with streams(given[0], shoot.output, extension=shoot.extension, as_json=console.json) as pipes:
        if pipes.received:
            given = [pipes.source]
        naming.check_inputs([shoot.style])
        plan = plan_batch(
            given,
            template,
            recursive=shoot.recursive,
            output=pipes.target,
            out_dir=shoot.out_dir,
            overwrite=shoot.overwrite,
        )
        plan = _without_style(plan, shoot.style, console)
        inputs = [photo.source for photo in plan.photos if photo.problem is None]
        if pipes.target is not None:
            naming.check_output(pipes.target, [*inputs, shoot.style], overwrite=shoot.overwrite)
        if shoot.report is not None:
            if shoot.dry_run:
                raise UsageError("--report tells what was done, --dry-run does nothing: drop one")
            check_report(shoot.report, overwrite=shoot.overwrite)
            side = thumbnail_side(len(plan.photos))
            batch_config = replace(batch_config, thumbnail=side)
        shoot.files.check([*inputs, shoot.style], again=True)
        summary.expect(plan, pipes)
        if shoot.dry_run:
            summary.show(plan)
            summary.end()
            return

        from photostyle import batch

        def add(result: batch.PhotoResult) -> None:
            summary.add(pipes.delivered(result))

        apply: Apply = _unchanged
        command = _command(shoot)
        missing = [path for path in shoot.files.paths if shoot.overwrite or not path.exists()]
        if inputs and (plan.to_do or missing):
            kept = len(plan.photos) - len(plan.to_do)
            if plan.to_do and kept and any(photo.exists for photo in plan.photos):
                console.info(
                    "results of an earlier run are kept; they have the same look if photos, style "
                    "and options have not changed since"
                )
            apply = _fitted(shoot, inputs, command, summary, console)
            if shoot.provenance:
                batch_config = replace(batch_config, made=made_by(command))
        try:
            with bar(console, summary) as progress:
                batch.run_batch(plan, apply, batch_config, report=add, progress=progress)
        finally:
            # After an interruption, too: what is done is done.
            summary.tell()
            if shoot.report is not None:
                summary.write(shoot.report, plan)
    summary.end()


def _without_style(plan: Plan, style: Path, console: Console) -> Plan:
    """A plan that leaves the style photo as it is, which often lies among the others.

    Raises:
        UsageError: There is no other photo.
    """
    photos = [p for p in plan.photos if not (p.source.exists() and p.source.samefile(style))]
    if len(photos) == len(plan.photos):
        return plan
    if not photos:
        raise UsageError(f"'{style}' is the style: name the photos that are to get its look")
    console.info(f"{style}: is the style, and left as it is")
    return Plan(tuple(photos), plan.own_results)


def _fitted(
    shoot: Shoot, inputs: Sequence[Path], command: str, summary: Summary, console: Console
) -> Apply:
    """What is done to every photo, once the look is fitted to them."""
    import numpy as np

    from photostyle import filters, image, transfers

    max_pixels = shoot.batch.max_pixels
    with console.progress() as progress:
        frames = transfers.read_frames(
            inputs, jobs=shoot.batch.jobs, max_pixels=max_pixels, progress=progress
        )
        console.record["frames"] = len(frames)
        if not frames:
            return _unchanged  # which is not going to happen: the batch says why of each
        style = image.read_photo(shoot.style, max_pixels=max_pixels or image.MAX_PIXELS)
        smalls = [frame.small for frame in frames]
        look = transfers.fit_shoot(smalls, style.floats(), shoot.config, progress=progress)
    of = f" of {len(inputs)}" if len(frames) < len(inputs) else ""
    console.detail(f"the look is fitted to {len(frames)}{of} photos")
    warnings = [f"{shoot.style}: {text}" for text in style.warnings]
    colours: NDArray[np.float32] = np.concatenate([frame.colours for frame in frames])
    warnings += shoot.files.write(
        look,
        colours,
        console,
        style=shoot.style,
        photos=f"{len(frames)} photo{'s' if len(frames) > 1 else ''}",
        command=command,
    )
    for warning in warnings:
        console.warning(warning)
    console.record["warnings"] = warnings
    chain = filters.look_chain(shoot.style.stem, look, shoot.config.device)
    summary.run_on(chain.device)
    return chain.apply


def _command(shoot: Shoot) -> str:
    config = shoot.config
    return (
        f"transfer --style {shoot.style.name} --strength {config.strength:g} --size {config.size} "
        f"--iterations {config.iterations} --seed {config.seed}"
    )


def _unchanged(photo: Photo, _progress: ProgressCallback) -> Photo:
    return photo
