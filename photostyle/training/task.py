"""What a run is to learn: by which examples, and by which objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photostyle.errors import UsageError
from photostyle.training.dataset import Dataset, photos_in, read_dataset, read_pairs
from photostyle.training.examples import Cut, Examples, degraded, paired, rendered, unpaired
from photostyle.training.reconstruction import Reconstruction
from photostyle.training.repair import RepairFamily
from photostyle.training.tone import ToneFamily
from photostyle.training.trainer import Objective, Trainer
from photostyle.training.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import torch
    from torch import Tensor

    from photostyle.progress import ProgressCallback
    from photostyle.training.config import TrainConfig
    from photostyle.training.examples import Image
    from photostyle.training.family import Family
    from photostyle.training.photos import Pixels
    from photostyle.training.processes import Processes

FAMILIES: dict[str, Callable[..., Family]] = {"repair": RepairFamily, "tone": ToneFamily}
"""By `TrainConfig.family`; made with the params of a network, or with none for its own."""

PREVIEW_EXAMPLES = 16
"""Examples in a preview."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a run is to learn."""

    family: Family
    """What kind of generator learns."""

    examples: Examples
    """What it learns from."""

    shown: tuple[Tensor, Tensor]
    """Inputs and targets that stay the same, for previews: of photos that were held out, if any
    were."""

    objective: Callable[[TrainConfig, torch.device], Objective]
    """Makes what judges a generator."""

    photos: int
    """Photos trained on."""

    held_out: int
    """Photos kept for validation."""

    skipped: int
    """Photos that could not be read."""

    fingerprint: str
    """Digest of the photos trained on."""

    def trainer(
        self,
        config: TrainConfig,
        device: torch.device,
        weights: Mapping[str, Tensor] | None = None,
        processes: Processes | None = None,
    ) -> Trainer:
        """Start a run.

        Args:
            config: The settings.
            device: Where to train.
            weights: Of the generator at the start; None if it shall change nothing yet.
            processes: Those that learn together; by default there is but this one.

        Raises:
            ModelError: The encoder is needed, and its weights are missing.
        """
        objective = self.objective(config, device)
        return Trainer(self.family, self.examples, objective, config, device, weights, processes)


def read_task(
    folders: Sequence[Path],
    config: TrainConfig,
    params: Mapping[str, Any] | None = None,
    *,
    progress: ProgressCallback,
    warn: Callable[[str], None],
) -> Task:
    """Read the photos of a run.

    Args:
        folders: One, if its photos are degraded or rendered; else that of inputs and of targets.
        config: The settings.
        params: What the generator is built with; None for the family's own.
        progress: Told of each photo.
        warn: Told of photos that cannot be read, are small or have no counterpart.

    Raises:
        UsageError: Folders are missing, too many or the same, or have not enough photos that can
            be read.
    """
    wanted = 1 if config.degrade or config.render else 2
    if len(folders) != wanted:
        raise UsageError(
            "one folder is enough for that: leave out the second, or --degrade or --render"
            if wanted == 1
            else "say what the filter shall learn: a second folder with photos that have the look, "
            "--degrade with what it shall undo, or --render with what it shall do"
        )
    if wanted == 2 and folders[0].resolve() == folders[1].resolve():
        raise UsageError(f"both folders are '{folders[0]}': give one of photos, one of the look")
    for folder in folders:
        photos_in(folder)  # what is missing shows before much is read
    family = FAMILIES[config.family]() if params is None else FAMILIES[config.family](params)

    def cut(photos: Sequence[Sequence[Pixels]], random: np.random.Generator) -> Image:
        return family.cut(photos, config.size, random)

    if not config.is_look:
        dataset = (
            read_dataset(folders[0], config, progress=progress, warn=warn)
            if wanted == 1
            else read_pairs(folders[0], folders[1], config, progress=progress, warn=warn)
        )
        return _restoration(family, dataset, cut, config)
    photos, others = (
        read_dataset(folder, config, progress=progress, warn=warn) for folder in folders
    )
    return _look(family, photos, others, cut, config)


def _restoration(family: Family, dataset: Dataset, cut: Cut, config: TrainConfig) -> Task:
    """Results are compared with what they should be."""

    def examples(photos: Sequence[Sequence[Pixels]]) -> Examples:
        if config.render:
            draw = rendered(photos, cut, config.render)
        elif config.degrade:
            draw = degraded(photos, cut, config.degrade)
        else:
            draw = paired(photos, cut)
        return Examples(draw, config.seed)

    return Task(
        family=family,
        examples=examples(dataset.train),
        shown=_shown(examples(dataset.held_out or dataset.train)),
        objective=lambda config, device: Reconstruction(family, config, device),
        photos=len(dataset.train),
        held_out=len(dataset.held_out),
        skipped=dataset.skipped,
        fingerprint=dataset.fingerprint,
    )


def _look(family: Family, photos: Dataset, others: Dataset, cut: Cut, config: TrainConfig) -> Task:
    """Results are compared with other photos."""
    kept, others_kept = (side.held_out or side.train for side in (photos, others))
    return Task(
        family=family,
        examples=Examples(unpaired(photos.train, others.train, cut), config.seed),
        shown=_shown(Examples(unpaired(kept, others_kept, cut), config.seed)),
        objective=lambda config, device: Translation(
            family, photos.train, others.train, config, device
        ),
        photos=len(photos.train) + len(others.train),
        held_out=len(photos.held_out) + len(others.held_out),
        skipped=photos.skipped + others.skipped,
        fingerprint=photos.fingerprint + others.fingerprint,
    )


def _shown(examples: Examples) -> tuple[Tensor, Tensor]:
    # No step of a run has this number.
    return examples.batch(2**62, PREVIEW_EXAMPLES)
