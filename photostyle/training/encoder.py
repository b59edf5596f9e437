"""Train the encoder: `python -m photostyle.training.encoder PHOTOS... --out FILE`.

It learns from photos alone, without labels; `encoder_objectives` says what. The run can be stopped
at any time and resumed from the checkpoint beside the output.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from photostyle.training.encoder_photos import read_scenes
from photostyle.training.encoder_trainer import EncoderTrainer
from photostyle.training.resumable import checkpoint_of, save

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKPOINT_STEPS = 200
"""Steps between checkpoints."""

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the encoder, from the start or from the checkpoint beside the output.

    Args:
        arguments: The command line; that of the process when None.

    Raises:
        PhotoError: A photo cannot be read.
        UsageError: There are no photos, or there is no checkpoint to resume from, or there is one
            that would be lost.
    """
    parser = argparse.ArgumentParser(prog="python -m photostyle.training.encoder")
    parser.add_argument("photos", nargs="+", type=Path, help="photos, or folders of photos")
    parser.add_argument(
        "--cameras",
        nargs="+",
        type=Path,
        default=[],
        help="folders of photos that a fixed camera took at different times, one camera each",
    )
    parser.add_argument("--out", type=Path, required=True, help="weights, *.safetensors")
    parser.add_argument("--steps", type=int, default=5000, help="stop at this step ...")
    parser.add_argument("--minutes", type=float, default=math.inf, help="... or after this time")
    parser.add_argument("--resume", action="store_true", help="continue from OUT's checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    until = time.monotonic() + 60 * options.minutes
    checkpoint = checkpoint_of(options.out, resume=options.resume)
    trainer = EncoderTrainer(read_scenes(options.photos, options.cameras), options.seed)
    if options.resume:
        trainer.restore(torch.load(checkpoint, weights_only=True))
    means: dict[str, float] = {}
    while time.monotonic() < until and trainer.steps < options.steps:
        for name, loss in trainer.step().items():
            means[name] = loss + 0.98 * (means.get(name, loss) - loss)
        if trainer.steps % 50 == 0:
            losses = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
            log.info("step %d: %s", trainer.steps, losses)
        if trainer.steps % CHECKPOINT_STEPS == 0:
            save(trainer, options.out, checkpoint)
    save(trainer, options.out, checkpoint)
    log.info("step %d: saved %s", trainer.steps, options.out)


if __name__ == "__main__":
    main()
