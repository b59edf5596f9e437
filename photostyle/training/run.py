"""A training run from folders of photos to a filter, which can be stopped and resumed."""

from __future__ import annotations

import logging
import math
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from photostyle.device import resolve_device
from photostyle.errors import TrainingError, UsageError
from photostyle.progress import Progress, silent
from photostyle.training.board import Board
from photostyle.training.card import Card, write_card
from photostyle.training.checkpoint import (
    TAKEN,
    check_settings,
    read_checkpoint,
    save_checkpoint,
)
from photostyle.training.files import Files
from photostyle.training.interrupt import interrupts_noted
from photostyle.training.preview import Preview, preview, write_preview
from photostyle.training.processes import Processes, find_processes
from photostyle.training.result import Description, TrainingResult, rounded, write_result
from photostyle.training.start import find_start, started
from photostyle.training.task import Task, read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from photostyle.progress import ProgressCallback
    from photostyle.training.config import TrainConfig
    from photostyle.training.trainer import Trainer

REPORT_STEPS = 50
"""Steps between reports of the losses."""

CHECKPOINT_STEPS = 200
"""Steps between checkpoints."""

PREVIEW_STEPS = 500
"""Steps between previews."""

MEMORY = 0.98
"""Share of itself that the running mean of a loss keeps in a step."""

CYCLES = 7
"""The learning rate's first cycle is a seventh of the steps, so that three make up a run: each is
twice as long as the one before."""

TIMED_STEPS = 8
"""Steps taken to find out how many fit into the time."""

USED = 0.95
"""Share of the time that is filled with steps; the rest goes to previews and checkpoints."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measurement:
    """How a run does after a step."""

    step: int
    """Steps done."""

    losses: Mapping[str, float]
    """Running means by name."""

    preview: Preview | None = None
    """Examples as they come out now, every so often."""


def train(
    name: str,
    folders: Sequence[Path],
    config: TrainConfig,
    out: Path,
    *,
    init: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    minutes: float = math.inf,
    fit: bool = False,
    masks: Sequence[Path] = (),
    license: str = "unspecified",  # noqa: A002 - the name of the field in lists of models
    recipe: str = "photostyle train",
    repo_id: str | None = None,
    progress: ProgressCallback = silent,
    report: Callable[[Measurement], None] | None = None,
    warn: Callable[[str], None] = log.warning,
) -> TrainingResult:
    """Train a filter: one that undoes degradations, or one that gives photos a look.

    Beside the result lie the best state so far, a checkpoint, a model card, preview pictures and
    TensorBoard logs. Ctrl-C ends the run
    after the step in hand, with the filter so far; a killed run loses what came after its last
    checkpoint, and ends with the same weights when it is resumed.

    Args:
        name: What the filter is called: letters, digits, - and _.
        folders: One, if `config` says what shall befall its photos; otherwise one of photos, and
            one of what they shall become. Subfolders count. Where a single photo is imitated, it is
            the second; where two are, each is a photo.
        config: The settings.
        out: The weights file to write, `*.safetensors`.
        init: The filter to start from, as in `find_start`. A resumed run has started already.
        resume: Continue from the checkpoint beside `out`.
        overwrite: Start anew even if there is a result or a checkpoint.
        minutes: Stop after so much time, if the steps are not done before.
        fit: The steps of `config` are but a default. Where there is a limit of time, take as many
            as fit into it, with a learning rate that falls accordingly; a resumed run takes those
            of its checkpoint.
        masks: Colour-coded masks of the segments of two photos that imitate each other, or none.
        license: Of the weights, for the file's description.
        recipe: The command that trains this filter, for the file's description; the number of
            steps is added.
        repo_id: Repository on the hub that the model card is written for, `owner/name`.
        progress: Told of photos read and steps done.
        report: Told of losses and previews.
        warn: Told of what is not as one may expect.

    Returns:
        The result.

    Raises:
        UsageError: The request makes no sense, or the photos will not do, or the checkpoint is of
            another run.
        DeviceError: There is no such device.
        ModelError: The adversarial phase needs the encoder, whose weights are missing.
        TrainingError: Files exist or cannot be written or read, or a loss is not finite.
    """
    begun = time.monotonic()
    files = Files.beside(out)
    _check_name(name)
    files.check(resume=resume, overwrite=overwrite)
    device = resolve_device(config.device)
    processes = find_processes(device)
    device = processes.device(device)
    saved = read_checkpoint(files.checkpoint) if resume else None
    start = (
        find_start(init, config.kind, architecture=config.architecture)
        if saved is None or init is not None
        else started(saved["settings"]["init"], saved["params"])
    )
    config = replace(config, init=start.label)
    if saved is not None:
        settings = saved["settings"]
        if fit:
            config = replace(config, steps=settings["steps"])
        check_settings(files.checkpoint, settings, config)
        if init is not None and settings["init"] != start.label:
            raise UsageError(
                f"'{files.checkpoint}' was started from {settings['init'] or 'nothing'}, not from "
                f"{start.label or 'nothing'}: leave out --init, or give another name to start anew"
            )
        config = replace(config, **{key: settings[key] for key in TAKEN})
    if config.only_norm and not start.label:
        raise UsageError("--only-norm keeps convolutions that are there: name their filter, --init")
    task = read_task(
        folders,
        config,
        start.params,
        start.weights,
        name=name,
        masks=masks,
        progress=progress,
        warn=warn,
    )
    until = begun + 60 * minutes
    if fit and saved is None and minutes < math.inf:
        progress(Progress("time", 0, 1))
        seconds = torch.tensor([_seconds_a_step(task, config, device)], device=device)
        processes.average([seconds])
        steps = int(USED * (until - time.monotonic()) / seconds.item())
        config = replace(config, steps=max(1, steps), first_cycle=first_cycle(steps))
    trainer = task.trainer(config, device, task.weights, processes)
    if saved is not None:
        if saved["fingerprint"] != task.fingerprint:
            places = " and ".join(f"'{folder}'" for folder in folders)
            raise UsageError(
                f"'{files.checkpoint}' was made with other photos than those in {places}"
            )
        _restore(trainer, saved["state"], files.checkpoint)
    names = " and ".join(folder.resolve().name or str(folder) for folder in folders)
    description = Description(
        name=name,
        kind=config.kind,
        architecture=task.family.architecture,
        params=dict(task.family.params),
        license=license,
        trained_on=f"{task.photos} {'pairs' if config.paired else 'photos'} of {names}",
        recipe=f"{recipe} --init {start.name} --steps {config.steps}",
    )
    processes.wait()  # some may still have to see that no files are in the way
    run = _Run(trainer, config, task, files, description, processes, warn)
    if saved is not None:
        run.best = saved["best"]
    try:
        interrupted = run.loop(until, progress, report or _ignore)
    except TrainingError as error:
        raise run.rescued(error) from error
    finally:
        run.close()
    if config.snapshots > 1 and len(run.snapshots()) < config.snapshots:
        warn(f"the run had {len(run.snapshots())} cycles, so the result has no more snapshots")
    entry, made = run.write_result(), run.preview()
    picture = files.preview(trainer.steps)
    minutes_taken = (time.monotonic() - begun) / 60
    result = TrainingResult(
        path=out,
        best=files.best,
        card=files.card,
        picture=picture if picture.is_file() else None,
        checkpoint=files.checkpoint,
        steps=trainer.steps,
        total=config.steps,
        init=start.name,
        parameters=trainer.parameters,
        interrupted=interrupted,
        photos=task.photos,
        held_out=task.held_out,
        skipped=task.skipped,
        preview=made,
        seconds=60 * minutes_taken,
        device=str(device),
        entry=entry,
    )
    if processes.index == 0:
        write_card(files.card, _card(name, folders, config, result, repo_id))
    return result


def _card(
    name: str,
    folders: Sequence[Path],
    config: TrainConfig,
    result: TrainingResult,
    repo_id: str | None,
) -> Card:
    """What a model card says of the result."""
    made = result.preview
    measure, unit = made.measure.name, made.measure.unit
    figures = (("before", made.before), ("after", made.after))
    picture = result.picture
    return Card(
        name=name,
        entry=result.entry,
        file=result.path.name,
        folders=[folder.resolve().name or str(folder) for folder in folders],
        degrade=config.degrade,
        render=config.render,
        paired=config.paired,
        imitate=config.imitate,
        photos=result.photos,
        held_out=result.held_out,
        skipped=result.skipped,
        steps=result.steps,
        minutes=result.seconds / 60,
        device=result.device,
        seed=config.seed,
        metrics={f"{measure} {when}": f"{value:.2f} {unit}" for when, value in figures},
        parameters=result.parameters,
        picture=None if picture is None else f"{picture.parent.name}/{picture.name}",
        repo_id=repo_id,
    )


def first_cycle(steps: int) -> int:
    """The first cycle of the learning rate with which a run of so many steps ends at its floor."""
    return max(1, math.ceil(steps / CYCLES))


class _Run:
    """The loop around a trainer, and what it writes."""

    def __init__(
        self,
        trainer: Trainer,
        config: TrainConfig,
        task: Task,
        files: Files,
        description: Description,
        processes: Processes,
        warn: Callable[[str], None],
    ) -> None:
        self._trainer = trainer
        self._config = config
        self._task = task
        self._files = files
        self._description = description
        self._processes = processes
        self._writes = processes.index == 0
        self._warn = warn
        self.best: float | None = None
        """The figure of the best preview so far."""
        self._means: dict[str, float] = {}
        self._board = Board(files.logs, trainer.steps, warn) if self._writes else None
        if self._writes:
            files.remove_previews_after(trainer.steps)

    def loop(
        self,
        until: float,
        progress: ProgressCallback,
        report: Callable[[Measurement], None],
    ) -> bool:
        """Take steps until they are done, the time is over, or Ctrl-C; return whether it was."""
        trainer, total = self._trainer, self._config.steps
        # If the disk is too small, or nobody may write there, it shows now.
        self._save()
        with interrupts_noted() as interrupted:
            while trainer.steps < total and not self._processes.any(
                time.monotonic() >= until or interrupted()
            ):
                for name, loss in trainer.step().items():
                    self._means[name] = loss + MEMORY * (self._means.get(name, loss) - loss)
                step, means = trainer.steps, dict(self._means)
                progress(Progress("train", min(step, total), total))
                if step % REPORT_STEPS == 0:
                    if self._board is not None:
                        self._board.add_losses(step, means)
                    report(Measurement(step, means))
                if step % PREVIEW_STEPS == 0 and step < total:
                    report(Measurement(step, means, self._show()))
                if step % CHECKPOINT_STEPS == 0 and step < total:
                    self._save()
            self._save()
            made = self._show()
            self._save()  # now it knows whether the end is the best
            report(Measurement(trainer.steps, dict(self._means), made))
            return trainer.steps < total and interrupted()

    def preview(self) -> Preview:
        """Apply the filter to the examples, as it is now."""
        return preview(self._task.shown, self._trainer)

    def snapshots(self) -> list[dict[str, Tensor]]:
        """The weights of the result: the ends of cycles, and now."""
        ends = self._trainer.snapshots
        now = self._trainer.weights()
        if not ends or any(not torch.equal(ends[-1][key], now[key]) for key in now):
            ends = [*ends, now]
        return ends[-self._config.snapshots :]

    def write_result(self) -> dict[str, Any]:
        """Write the weights file and return its entry."""
        return self._write(self._files.out, self.snapshots())

    def _write(self, path: Path, snapshots: Sequence[dict[str, Tensor]]) -> dict[str, Any]:
        inputs, _ = self._task.shown
        halved = rounded(snapshots, lambda weights: self._trainer.apply(inputs, weights))
        description, steps = self._description, self._trainer.steps
        if steps < self._config.steps:
            recipe = f"{description.recipe} (stopped after step {steps})"
            description = replace(description, recipe=recipe)
        return write_result(path, halved, description, write=self._writes)

    def rescued(self, error: TrainingError) -> TrainingError:
        """Write the filter of the last checkpoint, and say so beside what went wrong."""
        path = self._files.checkpoint
        if not path.exists():
            return error
        _restore(self._trainer, read_checkpoint(path)["state"], path)
        if self._trainer.steps == 0:
            return error
        self.write_result()
        return TrainingError(
            f"{error}; '{self._files.out}' and '{path}' hold the state after step "
            f"{self._trainer.steps}"
        )

    def close(self) -> None:
        """Finish the logs."""
        if self._board is not None:
            self._board.close()

    def _save(self) -> None:
        if self._writes:
            save_checkpoint(
                self._files.checkpoint,
                self._trainer.state(),
                self._config,
                self._task.fingerprint,
                self._task.family.params,
                self.best,
            )

    def _show(self) -> Preview:
        """Make a preview, and keep the state if it is the best."""
        made, step = self.preview(), self._trainer.steps
        if self.best is None or made.measure.better(made.after, self.best):
            self.best = made.after
            self._write(self._files.best, [self._trainer.weights()])
        if self._board is None:
            return made
        self._board.add_preview(step, made)
        try:
            write_preview(made, self._files.preview(step))
        except OSError as error:  # no reason to stop: it is only a picture
            self._warn(f"cannot write '{self._files.preview(step)}': {error.strerror or error}")
        return made


def _seconds_a_step(task: Task, config: TrainConfig, device: torch.device) -> float:
    """Take some steps with a trainer that is not used any further."""
    # The steps of the last phase take the longest.
    config = replace(config, adversarial_from=0.0, init="something")
    trainer = task.trainer(config, device)
    trainer.step()  # the first one also sets things up
    begun = time.perf_counter()
    for _ in range(TIMED_STEPS):
        trainer.step()  # what it returns was waited for
    return (time.perf_counter() - begun) / TIMED_STEPS


def _restore(trainer: Trainer, state: dict[str, Any], path: Path) -> None:
    try:
        trainer.restore(state)
    except (RuntimeError, KeyError, ValueError) as error:
        raise TrainingError(
            f"'{path}' does not fit the network: another version of photostyle made it"
        ) from error


def _check_name(name: str) -> None:
    if not re.fullmatch(r"\w[\w-]*", name):
        raise UsageError(f"a filter's name is made of letters, digits, - and _, not '{name}'")


def _ignore(measurement: Measurement) -> None:
    pass
