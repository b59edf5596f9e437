"""`photostyle train`: a new filter from photos."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photostyle.cli import options
from photostyle.cli.console import Console, console_of
from photostyle.errors import UsageError
from photostyle.progress import Progress
from photostyle.training.config import TrainConfig

if TYPE_CHECKING:
    from photostyle.training.result import TrainingResult
    from photostyle.training.run import Measurement

FIELDS = (
    "name", "folder", "output", "checkpoint", "family", "degrade", "steps", "photos", "held_out",
    "skipped", "psnr_degraded", "psnr_repaired", "seconds", "device", "seed", "entry", "warnings",
    "status", "error",
)  # fmt: skip
"""Of the `--json` object, whether or not the training succeeds."""

INTERRUPTED = 130

_DEFAULT = TrainConfig()
_LICENSE = "unspecified"
_LEARNING = "Learning"


def train(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What the filter is called.", show_default=False)
    ],
    clean: Annotated[
        Path,
        typer.Argument(
            metavar="CLEAN",
            help="A folder of good photos; subfolders count.",
            show_default=False,
        ),
    ],
    degrade: Annotated[
        str | None,
        typer.Option(
            "--degrade",
            metavar="WHAT",
            help="What the filter shall undo: noise, jpeg, noise,jpeg or exposure.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            help=f"Steps to train. Default: what fits into --minutes, or {_DEFAULT.steps}.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            metavar="M",
            help="Stop after this time.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    batch: Annotated[
        int,
        typer.Option("--batch", metavar="N", help="Examples a step.", rich_help_panel=_LEARNING),
    ] = _DEFAULT.batch,
    size: Annotated[
        int,
        typer.Option(
            "--size",
            metavar="PIXELS",
            help="Side of an example, a multiple of 16.",
            rich_help_panel=_LEARNING,
        ),
    ] = _DEFAULT.size,
    adversarial: Annotated[
        float,
        typer.Option(
            "--adversarial",
            metavar="WEIGHT",
            help="Weight of an adversarial loss in the second half, such as 0.1: crisper, but less "
            "faithful.",
            rich_help_panel=_LEARNING,
        ),
    ] = _DEFAULT.adversarial,
    hold_out: Annotated[
        float,
        typer.Option(
            "--hold-out",
            metavar="SHARE",
            help="Photos to keep for validation; 0 trains on all.",
            rich_help_panel=_LEARNING,
        ),
    ] = _DEFAULT.hold_out,
    snapshots: Annotated[
        int,
        typer.Option(
            "--snapshots",
            metavar="N",
            help="Keep the networks of the last N cycles; their results will be averaged.",
            rich_help_panel=_LEARNING,
        ),
    ] = _DEFAULT.snapshots,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            help="Start of the random numbers: the same seed gives the same filter on the CPU.",
            rich_help_panel=_LEARNING,
        ),
    ] = _DEFAULT.seed,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write the filter here. Default: NAME.safetensors in the current folder.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue from the checkpoint beside the result.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Start anew, and replace the result and its checkpoint.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    license_: Annotated[
        str,
        typer.Option(
            "--license",
            metavar="TEXT",
            help="Licence of the filter, for its description.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = _LICENSE,
    device: options.DeviceOption = _DEFAULT.device,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Train a new filter from good photos.

    They are degraded on the fly, and the filter learns to undo it. Ctrl-C stops with the filter so
    far; --resume continues. The entry for a list of models is printed.
    """
    console = console_of(context)
    console.configure(quiet=quiet, verbose=verbose, as_json=as_json)
    console.record = dict.fromkeys(FIELDS) | {
        "name": name,
        "folder": str(clean),
        "seed": seed,
        "warnings": [],
    }
    if degrade is None:
        raise UsageError("say what the filter shall undo: --degrade noise,jpeg or exposure")
    if minutes is not None and not minutes > 0:
        raise UsageError(f"--minutes must be positive, not {minutes:g}")
    if not license_.strip():
        raise UsageError("--license is empty: leave it out, or name a licence")
    given = {
        "--degrade": (degrade, None),
        "--steps": (steps, None),
        "--minutes": (minutes, None),
        "--batch": (batch, _DEFAULT.batch),
        "--size": (size, _DEFAULT.size),
        "--adversarial": (adversarial, _DEFAULT.adversarial),
        "--hold-out": (hold_out, _DEFAULT.hold_out),
        "--snapshots": (snapshots, _DEFAULT.snapshots),
        "--seed": (seed, _DEFAULT.seed),
    }
    words = {
        option: (option, f"{value:g}" if isinstance(value, float) else str(value))
        for option, (value, default) in given.items()
        if value != default
    }
    of_run = [word for pair in words.values() for word in pair]
    # How many steps there are is known when the filter is; its recipe tells that, not the time.
    timing = ("--steps", "--minutes")
    of_filter = [word for option, pair in words.items() if option not in timing for word in pair]
    target = Path(f"{name}.safetensors") if out is None else out

    with console.progress() as progress:
        progress(Progress("start", 0, 1))
        from photostyle.training.degrade import parse_degradations
        from photostyle.training.families import family_of
        from photostyle.training.result import toml_table
        from photostyle.training.run import first_cycle
        from photostyle.training.run import train as train_filter

        degradations = parse_degradations(degrade)
        total = _DEFAULT.steps if steps is None else steps
        config = TrainConfig(
            family=family_of(degradations),
            degrade=degradations,
            steps=total,
            first_cycle=first_cycle(total),
            batch=batch,
            size=size,
            adversarial=adversarial,
            hold_out=hold_out,
            snapshots=snapshots,
            seed=seed,
            device=device,
        )
        console.record |= {"family": config.family, "degrade": list(degradations)}
        warnings: list[str] = []

        def warn(text: str) -> None:
            warnings.append(text)
            console.warning(text)

        result = train_filter(
            name,
            clean,
            config,
            target,
            resume=resume,
            overwrite=overwrite,
            minutes=math.inf if minutes is None else minutes,
            fit=steps is None,
            license=license_,
            recipe=_command(name, clean.resolve().name, of_filter),
            progress=progress,
            report=lambda measurement: _say(console, measurement),
            warn=warn,
        )
    console.record |= _record(result) | {"warnings": warnings}
    if result.interrupted:
        where = [] if out is None else ["--out", str(out)]
        again = _command(name, str(clean), [*of_run, *where, "--resume"])
        console.info(f"step {result.steps} of {result.total}; {target} is the filter so far")
        console.info(f"continue with: {again}")
        raise typer.Exit(INTERRUPTED)
    console.info(
        f"{name}: {result.steps} steps in {result.seconds:.0f} s on {result.device}, "
        f"{result.photos} photos, written to {target}"
    )
    console.record["status"] = "done"
    console.emit(console.record if as_json else toml_table(name, result.entry))


def _command(name: str, clean: str, words: list[str]) -> str:
    return shlex.join(["photostyle", "train", name, clean, *words])


def _say(console: Console, measurement: "Measurement") -> None:
    losses = ", ".join(f"{name} {mean:.4f}" for name, mean in measurement.losses.items())
    if measurement.preview is None:
        console.detail(f"step {measurement.step}: {losses}")
    else:
        before, after = measurement.preview.psnr_degraded, measurement.preview.psnr_repaired
        console.info(
            f"step {measurement.step}: PSNR {before:.2f} dB degraded, {after:.2f} dB repaired"
        )


def _record(result: "TrainingResult") -> dict[str, object]:
    return {
        "output": str(result.path),
        "checkpoint": str(result.checkpoint),
        "steps": result.steps,
        "photos": result.photos,
        "held_out": result.held_out,
        "skipped": result.skipped,
        "psnr_degraded": round(result.preview.psnr_degraded, 3),
        "psnr_repaired": round(result.preview.psnr_repaired, 3),
        "seconds": round(result.seconds, 3),
        "device": result.device,
        "entry": result.entry,
    }
