"""A training run from a folder of photos to a filter, which can be stopped and resumed."""

from __future__ import annotations

import logging
import math
import re
import tempfile
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from photostyle.device import resolve_device
from photostyle.errors import TrainingError, UsageError
from photostyle.networks import repair
from photostyle.progress import Progress, silent
from photostyle.training.board import Board
from photostyle.training.checkpoint import (
    SCHEDULE,
    check_settings,
    read_checkpoint,
    save_checkpoint,
)
from photostyle.training.dataset import Dataset, read_dataset
from photostyle.training.interrupt import interrupts_noted
from photostyle.training.preview import Preview, preview, write_preview
from photostyle.training.restoration import RestorationTrainer
from photostyle.training.result import Description, TrainingResult, rounded, write_result
from photostyle.training.tone import ToneTrainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from photostyle.progress import ProgressCallback
    from photostyle.training.config import TrainConfig

REPORT_STEPS = 50
"""Steps between reports of the losses."""

CHECKPOINT_STEPS = 200
"""Steps between checkpoints."""

PREVIEW_STEPS = 500
"""Steps between previews."""

PREVIEW_EXAMPLES = 16
"""Examples in a preview."""

MEMORY = 0.98
"""Share of itself that the running mean of a loss keeps in a step."""

CYCLES = 7
"""The learning rate's first cycle is a seventh of the steps, so that three make up a run: each is
twice as long as the one before."""

TIMED_STEPS = 8
"""Steps taken to find out how many fit into the time."""

USED = 0.95
"""Share of the time that is filled with steps; the rest goes to previews and checkpoints."""

SUFFIX = ".safetensors"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Family:
    """How the filters of one family are trained."""

    trainer: type[RestorationTrainer]
    """What advances a run step by step."""

    params: Mapping[str, Any]
    """What its generator is built with; the key of `FAMILIES` is the architecture."""


FAMILIES = {
    "repair": Family(
        RestorationTrainer,
        {
            "widths": list(repair.WIDTHS),
            "encoder_blocks": list(repair.ENCODER_BLOCKS),
            "decoder_blocks": list(repair.DECODER_BLOCKS),
        },
    ),
    "tone": Family(ToneTrainer, {"width": 16, "depth": 8}),
}
"""By `TrainConfig.family`."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """How a run does after a step."""

    step: int
    """Steps done."""

    losses: Mapping[str, float]
    """Running means by name."""

    preview: Preview | None = None
    """Examples as they are repaired now, every so often."""


def train(
    name: str,
    folder: Path,
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    minutes: float = math.inf,
    fit: bool = False,
    license: str = "unspecified",  # noqa: A002 - the name of the field in lists of models
    recipe: str = "photostyle train",
    progress: ProgressCallback = silent,
    report: Callable[[Measurement], None] | None = None,
    warn: Callable[[str], None] = log.warning,
) -> TrainingResult:
    """Train a filter that undoes degradations, on clean photos that are degraded on the fly.

    Beside the result lie a checkpoint, preview pictures and TensorBoard logs. Ctrl-C ends the run
    after the step in hand, with the filter so far; a killed run loses what came after its last
    checkpoint, and ends with the same weights when it is resumed.

    Args:
        name: What the filter is called: letters, digits, - and _.
        folder: The clean photos, in it and its subfolders.
        config: The settings.
        out: The weights file to write, `*.safetensors`.
        resume: Continue from the checkpoint beside `out`.
        overwrite: Start anew even if there is a result or a checkpoint.
        minutes: Stop after so much time, if the steps are not done before.
        fit: The steps of `config` are but a default. Where there is a limit of time, take as many
            as fit into it, with a learning rate that falls accordingly; a resumed run takes those
            of its checkpoint.
        license: Of the weights, for the file's description.
        recipe: The command that trains this filter, for the file's description; the number of
            steps is added.
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
    files = _Files.beside(out)
    _check_name(name)
    files.check(resume=resume, overwrite=overwrite)
    device = resolve_device(config.device)
    saved = read_checkpoint(files.checkpoint) if resume else None
    if saved is not None:
        settings = saved["settings"]
        if fit:
            config = replace(config, steps=settings["steps"])
        check_settings(files.checkpoint, settings, config)
        config = replace(config, **{key: settings[key] for key in SCHEDULE})
    dataset = read_dataset(folder, config, progress=progress, warn=warn)
    until = begun + 60 * minutes
    if fit and saved is None and minutes < math.inf:
        progress(Progress("time", 0, 1))
        steps = int(USED * (until - time.monotonic()) / _seconds_a_step(dataset, config, device))
        config = replace(config, steps=max(1, steps), first_cycle=first_cycle(steps))
    trainer = FAMILIES[config.family].trainer(dataset.train, config, device)
    if saved is not None:
        if saved["fingerprint"] != dataset.fingerprint:
            raise UsageError(
                f"'{files.checkpoint}' was made with other photos than those in '{folder}'"
            )
        _restore(trainer, saved["state"], files.checkpoint)
    description = Description(
        name=name,
        kind=config.family,
        architecture=config.family,
        params=FAMILIES[config.family].params,
        license=license,
        trained_on=f"{len(dataset.train)} photos of {folder.resolve().name or folder}",
        recipe=f"{recipe} --steps {config.steps}",
    )
    run = _Run(trainer, config, dataset, files, description, warn)
    try:
        interrupted = run.loop(until, progress, report or _ignore)
    except TrainingError as error:
        raise run.rescued(error) from error
    finally:
        run.close()
    if config.snapshots > 1 and len(run.snapshots()) < config.snapshots:
        warn(f"the run had {len(run.snapshots())} cycles, so the result has no more snapshots")
    return TrainingResult(
        path=out,
        checkpoint=files.checkpoint,
        steps=trainer.steps,
        total=config.steps,
        interrupted=interrupted,
        photos=len(dataset.train),
        held_out=len(dataset.held_out),
        skipped=dataset.skipped,
        preview=run.preview(),
        seconds=time.monotonic() - begun,
        device=str(device),
        entry=run.write_result(),
    )


def first_cycle(steps: int) -> int:
    """The first cycle of the learning rate with which a run of so many steps ends at its floor."""
    return max(1, math.ceil(steps / CYCLES))


@dataclass(frozen=True, slots=True)
class _Files:
    """What a run writes."""

    out: Path
    checkpoint: Path
    previews: Path
    logs: Path

    @classmethod
    def beside(cls, out: Path) -> _Files:
        if out.suffix != SUFFIX:
            raise UsageError(f"the result is a {SUFFIX} file: '{out}' must end so")
        return cls(out, *(out.with_suffix(s) for s in (".checkpoint", ".previews", ".runs")))

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """See that everything can be written, and that nothing is lost by it."""
        if resume and overwrite:
            raise UsageError("--resume and --overwrite exclude each other: give one of them")
        if resume and not self.checkpoint.exists():
            raise UsageError(f"there is no checkpoint '{self.checkpoint}' to resume from")
        for path in (self.checkpoint, self.out):
            if path.is_dir():
                raise TrainingError(f"cannot write '{path}': it is a folder")
            if path.exists() and not (resume or overwrite):
                more = "--resume to continue it, " if self.checkpoint.exists() else ""
                raise TrainingError(
                    f"'{path}' exists already: use {more}--overwrite to start anew, or another name"
                )
        if not self.out.parent.is_dir():
            raise TrainingError(f"cannot write '{self.out}': there is no such folder")
        try:
            with tempfile.TemporaryFile(dir=self.out.parent):
                pass
        except OSError as error:
            raise TrainingError(f"cannot write '{self.out}': {error.strerror}") from error

    def preview(self, step: int) -> Path:
        return self.previews / f"step-{step:06d}.png"

    def remove_previews_after(self, step: int) -> None:
        """Remove what an earlier run left and this one has not come to."""
        for path in self.previews.glob("step-*.png"):
            if path.name > self.preview(step).name:
                path.unlink()


class _Run:
    """The loop around a trainer, and what it writes."""

    def __init__(
        self,
        trainer: RestorationTrainer,
        config: TrainConfig,
        dataset: Dataset,
        files: _Files,
        description: Description,
        warn: Callable[[str], None],
    ) -> None:
        self._trainer = trainer
        self._config = config
        self._dataset = dataset
        self._files = files
        self._description = description
        self._warn = warn
        self._examples = _examples(dataset, config)
        self._means: dict[str, float] = {}
        self._board = Board(files.logs, trainer.steps, warn)
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
            while trainer.steps < total and time.monotonic() < until and not interrupted():
                for name, loss in trainer.step().items():
                    self._means[name] = loss + MEMORY * (self._means.get(name, loss) - loss)
                step, means = trainer.steps, dict(self._means)
                progress(Progress("train", min(step, total), total))
                if step % REPORT_STEPS == 0:
                    self._board.add_losses(step, means)
                    report(Measurement(step, means))
                if step % PREVIEW_STEPS == 0 and step < total:
                    report(Measurement(step, means, self._show()))
                if step % CHECKPOINT_STEPS == 0 and step < total:
                    self._save()
            self._save()
            report(Measurement(trainer.steps, dict(self._means), self._show()))
            return trainer.steps < total and interrupted()

    def preview(self) -> Preview:
        """Apply the filter to the examples, as it is now."""
        return preview(self._examples, self._trainer)

    def snapshots(self) -> list[dict[str, Tensor]]:
        """The weights of the result: the ends of cycles, and now."""
        ends = self._trainer.snapshots
        now = self._trainer.weights()
        if not ends or any(not torch.equal(ends[-1][key], now[key]) for key in now):
            ends = [*ends, now]
        return ends[-self._config.snapshots :]

    def write_result(self) -> dict[str, Any]:
        """Write the weights file and return its entry."""
        degraded, _ = self._examples
        snapshots = rounded(
            self.snapshots(), lambda weights: self._trainer.repair(degraded, weights)
        )
        description, steps = self._description, self._trainer.steps
        if steps < self._config.steps:
            recipe = f"{description.recipe} (stopped after step {steps})"
            description = replace(description, recipe=recipe)
        return write_result(self._files.out, snapshots, description)

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
        self._board.close()

    def _save(self) -> None:
        save_checkpoint(
            self._files.checkpoint,
            self._trainer.state(),
            self._config,
            self._dataset.fingerprint,
        )

    def _show(self) -> Preview:
        made, step = self.preview(), self._trainer.steps
        self._board.add_preview(step, made)
        try:
            write_preview(made, self._files.preview(step))
        except OSError as error:  # no reason to stop: it is only a picture
            self._warn(f"cannot write '{self._files.preview(step)}': {error.strerror or error}")
        return made


def _examples(dataset: Dataset, config: TrainConfig) -> tuple[Tensor, Tensor]:
    """Examples that stay the same: of the photos held out, or else of those trained on."""
    # A trainer knows how examples of its family are made; this one does nothing else.
    settings = replace(config, batch=PREVIEW_EXAMPLES, adversarial=0.0)
    maker = FAMILIES[config.family].trainer(
        dataset.held_out or dataset.train, settings, torch.device("cpu")
    )
    # No step of a run has this number.
    return maker.examples(2**62)


def _seconds_a_step(dataset: Dataset, config: TrainConfig, device: torch.device) -> float:
    """Take some steps with a trainer that is not used any further."""
    # The adversarial steps take the longest.
    trainer = FAMILIES[config.family].trainer(
        dataset.train, replace(config, adversarial_from=0.0), device
    )
    trainer.step()  # the first one also sets things up
    begun = time.perf_counter()
    for _ in range(TIMED_STEPS):
        trainer.step()  # what it returns was waited for
    return (time.perf_counter() - begun) / TIMED_STEPS


def _restore(trainer: RestorationTrainer, state: dict[str, Any], path: Path) -> None:
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
