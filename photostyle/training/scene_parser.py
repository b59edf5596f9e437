"""Train the scene parser: `python -m photostyle.training.scene_parser PHOTOS LABELS --out FILE`.

It learns from photos whose places have names. The run can be stopped at any time and resumed from
the checkpoint beside the output.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from photostyle.errors import UsageError
from photostyle.registry import load_encoder
from photostyle.training.cut_outs import cut_outs
from photostyle.training.resumable import checkpoint_of, save
from photostyle.training.room_pictures import rendered_rooms
from photostyle.training.scene_photos import read_named_photos, split
from photostyle.training.scene_trainer import SceneTrainer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photostyle.training.scene_photos import NamedPhoto

LONG_SIDE = 352
"""Pixels of the long side to which photos are brought: about the size at which they are parsed."""

CLOSE_LONG_SIDE = 480
"""The same for varied training, which also sees less of them, enlarged."""

CHECKPOINT_STEPS = 200
"""Steps between checkpoints."""

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the scene parser, from the bundled encoder or from the checkpoint beside the output.

    Args:
        arguments: The command line; that of the process when None.

    Raises:
        PhotoError: A photo cannot be read.
        UsageError: The labels or the weights to start from cannot be read, or no photos are left to
            score on, or there is no checkpoint to resume from, or there is one that would be lost.
    """
    parser = argparse.ArgumentParser(prog="python -m photostyle.training.scene_parser")
    parser.add_argument("photos", type=Path, help="the folder that the labels' names start from")
    parser.add_argument("labels", type=Path, help="npz: a map of labels for each photo's name")
    parser.add_argument("--out", type=Path, required=True, help="weights, *.safetensors")
    parser.add_argument(
        "--hold-out", default="clean", help="folder of which every eighth photo is for scoring"
    )
    parser.add_argument("--rooms", type=int, default=0, help="rendered rooms to add")
    parser.add_argument("--cut-outs", type=int, default=0, help="subjects on plain paper to add")
    parser.add_argument(
        "--varied",
        action="store_true",
        help="also learn from close and turned crops, with subjects of other photos in them",
    )
    parser.add_argument("--start", type=Path, help="weights of a parser to start from")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--resume", action="store_true", help="continue from OUT's checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    checkpoint = checkpoint_of(options.out, resume=options.resume)
    long_side = CLOSE_LONG_SIDE if options.varied else LONG_SIDE
    photos, aside = split(
        read_named_photos(options.photos, options.labels, long_side), options.hold_out
    )
    if not aside:
        raise UsageError(f"no photos to score on: {options.hold_out} has fewer than 8 with labels")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    aside = [photo.shrunk(LONG_SIDE) for photo in aside]
    made = rendered_rooms(options.rooms, photos, options.seed)
    made += cut_outs(options.cut_outs, photos, options.seed)
    trainer = SceneTrainer(
        [*photos, *made],
        options.steps,
        load_encoder().state_dict(),
        options.seed,
        varied=options.varied,
    )
    if options.start:
        _start(trainer, options.start)
    if options.resume:
        trainer.restore(torch.load(checkpoint, weights_only=True))
    mean = 0.0
    while trainer.steps < options.steps:
        loss = trainer.step()
        mean = loss + 0.98 * ((mean or loss) - loss)
        if trainer.steps % 50 == 0:
            log.info("step %d: loss %.3f", trainer.steps, mean)
        if trainer.steps % CHECKPOINT_STEPS == 0 and trainer.steps < options.steps:
            save(trainer, options.out, checkpoint)
            log.info("step %d: %s", trainer.steps, _scored(trainer, aside))
    save(trainer, options.out, checkpoint)
    log.info("step %d: saved %s, %s", trainer.steps, options.out, _scored(trainer, aside))


def _start(trainer: SceneTrainer, path: Path) -> None:
    try:
        trainer.start(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UsageError(f"{path} does not hold the weights of a scene parser") from error


def _scored(trainer: SceneTrainer, photos: Sequence[NamedPhoto]) -> str:
    right, overlap = trainer.score(photos)
    return f"{right:.1%} of the pixels of {len(photos)} other photos, mean IoU {overlap:.1%}"


if __name__ == "__main__":
    main()
