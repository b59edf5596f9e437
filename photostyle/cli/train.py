"""`photostyle train`: a new filter from photos."""

import math
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from photostyle.cli import options
from photostyle.cli.console import Console, console_of
from photostyle.errors import UsageError
from photostyle.progress import Progress
from photostyle.training.config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photostyle.training.result import TrainingResult
    from photostyle.training.run import Measurement

FIELDS = (
    "name", "folders", "output", "best", "card", "checkpoint", "family", "degrade", "render",
    "paired", "imitate", "only_norm", "masks", "init", "steps", "photos", "held_out", "skipped",
    "measure", "before", "after", "seconds", "device", "seed", "entry", "warnings", "status",
    "error",
)  # fmt: skip
"""Of the `--json` object, whether or not the training succeeds."""

INTERRUPTED = 130

LOOK_STEPS = 3000
LOOK_ADVERSARIAL = 0.05
LOOK_SNAPSHOTS = 2
TONE_BATCH = 8

IMITATION_STEPS = {"pair": 1200, "photo": 1000}
IMITATION_BATCH = {"pair": 1, "photo": 2}
IMITATION_RATE = 4e-3
ONLY_NORM_RATE = 1e-2
ONLY_NORM_SHARE = 6

T = TypeVar("T")

_DEFAULT = TrainConfig()
_LICENSE = "unspecified"
_LEARNING = "Learning"


def train(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What the filter is called.", show_default=False)
    ],
    photos: Annotated[
        Path,
        typer.Argument(
            metavar="A",
            help="A folder of photos like those the filter will be used on; with --degrade, of "
            "good photos. Or a single photo, if B is one, too.",
            show_default=False,
        ),
    ],
    others: Annotated[
        Path | None,
        typer.Argument(
            metavar="[B]",
            help="A folder of photos that look as results shall look. They need not show the same. "
            "Or a single photo that results shall look like; of two photos, each gives a look.",
            show_default=False,
        ),
    ] = None,
    paired: Annotated[
        bool,
        typer.Option(
            "--paired",
            help="Photos of the same name in A and B show the same.",
            rich_help_panel=_LEARNING,
        ),
    ] = False,
    degrade: Annotated[
        str | None,
        typer.Option(
            "--degrade",
            metavar="WHAT",
            help="Instead of B: what the filter shall undo, of exposure, night, haze, blur, "
            "noise, jpeg.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    render: Annotated[
        str | None,
        typer.Option(
            "--render",
            metavar="LOOK",
            help="Instead of B: a rendering to learn, night or sunset.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(
            "--family",
            metavar="FAMILY",
            help="With --paired: tone, to change colours (the default), repair, to change "
            "pixels, or deconvolution, to undo a blur.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="NAME",
            help="Start from this filter or file, or from none. Default: a bundled filter of the "
            "same family.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    only_norm: Annotated[
        bool,
        typer.Option(
            "--only-norm",
            help="With --init and a single photo as B: keep the convolutions and the looks of that "
            "filter, and learn the normalisation of new ones, in a sixth of the steps.",
            rich_help_panel=_LEARNING,
        ),
    ] = False,
    masks: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--masks",
            metavar="A_MASK B_MASK",
            help="Of two photos: their segments, painted in the same colours, as transfer takes "
            "them. Colours are compared segment by segment.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            help="Steps to train. Default: what fits into --minutes, or "
            f"{_DEFAULT.steps} ({LOOK_STEPS} for looks; {IMITATION_STEPS['photo']} for those of "
            f"one photo, {IMITATION_STEPS['pair']} for two photos).",
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
        int | None,
        typer.Option(
            "--batch",
            metavar="N",
            help=f"Examples a step. Default: {_DEFAULT.batch}, {TONE_BATCH} for tone filters, "
            f"{IMITATION_BATCH['photo']} for looks of one photo, {IMITATION_BATCH['pair']} for two "
            "photos.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    size: Annotated[
        int,
        typer.Option(
            "--size",
            metavar="PIXELS",
            help="Side of a repair's examples, a multiple of 16.",
            rich_help_panel=_LEARNING,
        ),
    ] = _DEFAULT.size,
    adversarial: Annotated[
        float | None,
        typer.Option(
            "--adversarial",
            metavar="WEIGHT",
            help=f"Weight of the adversarial loss. Default: {LOOK_ADVERSARIAL} for looks, else "
            "0; there, 0.1 is crisper but less faithful.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
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
        int | None,
        typer.Option(
            "--snapshots",
            metavar="N",
            help="Keep the networks of the last N cycles; their results will be averaged. Default: "
            f"1, or {LOOK_SNAPSHOTS} for looks.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    amp: Annotated[
        bool,
        typer.Option(
            "--amp/--no-amp",
            help="Learn in bfloat16 where that does no harm: twice as fast.",
            rich_help_panel=_LEARNING,
        ),
    ] = True,
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
    push: Annotated[
        str | None,
        typer.Option(
            "--push-to-hub",
            metavar="OWNER/NAME",
            help="Publish the filter and its card in this repository on the Hugging Face hub.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    private: Annotated[
        bool,
        typer.Option(
            "--private",
            help="Make that repository a private one, if it is new.",
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
    """Train a new filter.

    From two folders it learns to make photos of A look like those of B; with --degrade, to repair
    photos like those in A. From two photos it learns to make any photo look like the second, and a
    look NAME:back like the first; from a folder and a photo, to make its photos look like that one.
    Ctrl-C stops with the filter so far; --resume continues. The entry for a
    list of models is printed.
    """
    console = console_of(context)
    first = int(os.environ.get("RANK", "0")) == 0
    # Of several processes of `accelerate launch` one speaks for all.
    console.configure(quiet=quiet or not first, verbose=verbose and first, as_json=as_json)
    folders = [photos] if others is None else [photos, others]
    console.record = dict.fromkeys(FIELDS) | {
        "name": name,
        "folders": [str(folder) for folder in folders],
        "paired": paired,
        "render": render,
        "only_norm": only_norm,
        "masks": [str(mask) for mask in masks or ()],
        "seed": seed,
        "warnings": [],
    }
    if minutes is not None and not minutes > 0:
        raise UsageError(f"--minutes must be positive, not {minutes:g}")
    if not license_.strip():
        raise UsageError("--license is empty: leave it out, or name a licence")
    if private and push is None:
        raise UsageError("--private goes with --push-to-hub")
    given = {
        "--paired": (paired, False),
        "--degrade": (degrade, None),
        "--render": (render, None),
        "--family": (family, None),
        "--only-norm": (only_norm, False),
        "--steps": (steps, None),
        "--minutes": (minutes, None),
        "--batch": (batch, None),
        "--size": (size, _DEFAULT.size),
        "--adversarial": (adversarial, None),
        "--hold-out": (hold_out, _DEFAULT.hold_out),
        "--snapshots": (snapshots, None),
        "--no-amp": (not amp, False),
        "--seed": (seed, _DEFAULT.seed),
    }
    words = {
        option: (option,) if value is True else (option, _said(value))
        for option, (value, default) in given.items()
        if value != default
    }
    of_run = [word for pair in words.values() for word in pair]
    # How many steps there are is known when the filter is; its recipe tells that, not the time.
    timing = ("--steps", "--minutes")
    of_filter = [word for option, pair in words.items() if option not in timing for word in pair]
    if masks is not None:
        of_run += ["--masks", *map(str, masks)]
        of_filter += ["--masks", *(mask.name for mask in masks)]
    target = Path(f"{name}.safetensors") if out is None else out

    with console.progress() as progress:
        progress(Progress("start", 0, 1))
        from photostyle.registry.publish import check_access, check_repo_id, publish
        from photostyle.training.card import hub_entry
        from photostyle.training.degrade import parse_degradations
        from photostyle.training.families import family_of
        from photostyle.training.result import toml_table
        from photostyle.training.run import first_cycle
        from photostyle.training.run import train as train_filter
        from photostyle.training.sources import imitated

        if push is not None:
            check_repo_id(push)
            check_access(push)
        degradations = () if degrade is None else parse_degradations(degrade)
        if degradations:
            if family is not None:
                raise UsageError("--family goes with --paired: what is undone tells the family")
            family = family_of(degradations)
        chosen = family or "tone"
        imitate = imitated(folders)
        look = not (degradations or render or paired or imitate)
        usual = LOOK_STEPS if look else IMITATION_STEPS.get(imitate, _DEFAULT.steps)
        rate = IMITATION_RATE if imitate else _DEFAULT.rate
        if only_norm:  # there is less to learn, and it may be learned faster
            usual, rate = usual // ONLY_NORM_SHARE, ONLY_NORM_RATE
        total = _or(steps, usual)
        usual_batch = TONE_BATCH if chosen == "tone" else _DEFAULT.batch
        config = TrainConfig(
            family=chosen,
            degrade=degradations,
            render=render or "",
            paired=paired,
            imitate=imitate,
            only_norm=only_norm,
            steps=total,
            first_cycle=first_cycle(total),
            batch=_or(batch, IMITATION_BATCH.get(imitate, usual_batch)),
            size=size,
            rate=rate,
            adversarial=_or(adversarial, LOOK_ADVERSARIAL if look else 0.0),
            hold_out=hold_out,
            snapshots=_or(snapshots, LOOK_SNAPSHOTS if look else 1),
            amp=amp,
            seed=seed,
            device=device,
        )
        console.record |= {
            "family": config.family,
            "degrade": list(degradations),
            "imitate": imitate,
        }
        warnings: list[str] = []

        def warn(text: str) -> None:
            warnings.append(text)
            console.warning(text)

        result = train_filter(
            name,
            folders,
            config,
            target,
            init=init,
            resume=resume,
            overwrite=overwrite,
            minutes=math.inf if minutes is None else minutes,
            fit=steps is None,
            masks=masks or (),
            license=license_,
            recipe=_command(name, [folder.resolve().name for folder in folders], of_filter),
            repo_id=push,
            progress=progress,
            report=lambda measurement: _say(console, measurement),
            warn=warn,
        )
        entry = result.entry
        if push is not None and first and not result.interrupted:
            file = f"{name}.safetensors"
            files = {"README.md": result.card, file: result.path}
            if result.picture is not None:
                files[f"{result.picture.parent.name}/{result.picture.name}"] = result.picture
            published = publish(
                push, files, private=private, message=f"Add {name}", progress=progress
            )
            entry = hub_entry(
                entry, file=file, repo_id=published.repo_id, revision=published.revision
            )
            console.info(f"published: {published.url}")
    console.record |= _record(result) | {"entry": entry, "warnings": warnings}
    if result.interrupted:
        where = [] if out is None else ["--out", str(out)]
        again = _command(name, map(str, folders), [*of_run, *where, "--resume"])
        console.info(f"step {result.steps} of {result.total}; {target} is the filter so far")
        console.info(f"continue with: {again}")
        raise typer.Exit(INTERRUPTED)
    console.info(
        f"{name}: {result.steps} steps in {result.seconds:.0f} s on {result.device}, "
        f"{result.photos} photos, written to {target}"
    )
    console.record["status"] = "done"
    if first:
        console.emit(console.record if as_json else toml_table(name, entry))


def _command(name: str, folders: "Iterable[str]", words: list[str]) -> str:
    return shlex.join(["photostyle", "train", name, *folders, *words])


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _or(value: "T | None", default: "T") -> "T":
    return default if value is None else value


def _say(console: Console, measurement: "Measurement") -> None:
    losses = ", ".join(f"{name} {mean:.4f}" for name, mean in measurement.losses.items())
    made = measurement.preview
    if made is None:
        console.detail(f"step {measurement.step}: {losses}")
    else:
        measure = made.measure
        console.info(
            f"step {measurement.step}: {measure.name} {made.before:.2f} {measure.unit} before, "
            f"{made.after:.2f} after"
        )


def _record(result: "TrainingResult") -> dict[str, object]:
    made = result.preview
    return {
        "output": str(result.path),
        "best": str(result.best),
        "card": str(result.card),
        "checkpoint": str(result.checkpoint),
        "init": result.init,
        "steps": result.steps,
        "photos": result.photos,
        "held_out": result.held_out,
        "skipped": result.skipped,
        "measure": f"{made.measure.name}, {made.measure.unit}",
        "before": round(made.before, 3),
        "after": round(made.after, 3),
        "seconds": round(result.seconds, 3),
        "device": result.device,
    }
