"""What a run is to learn: by which examples, and by which objective."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from photostyle.errors import UsageError
from photostyle.training.conditional_tone import (
    PARAMS,
    ConditionalToneFamily,
    squashed,
    squashed_mask,
    whole,
)
from photostyle.training.dataset import (
    Dataset,
    photos_in,
    read_dataset,
    read_pairs,
    read_single,
)
from photostyle.training.deconvolution import DeconvolutionFamily
from photostyle.training.examples import Cut, Examples, degraded, paired, rendered, unpaired
from photostyle.training.imitation import Imitation
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

FAMILIES: dict[str, Callable[..., Family]] = {
    "tone": ToneFamily,
    "repair": RepairFamily,
    "deconvolution": DeconvolutionFamily,
}
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

    weights: Mapping[str, Tensor] | None = None
    """Of the generator at the start; None if it shall change nothing yet, or as `family` has it."""

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
    weights: Mapping[str, Tensor] | None = None,
    *,
    name: str = "look",
    masks: Sequence[Path] = (),
    progress: ProgressCallback,
    warn: Callable[[str], None],
) -> Task:
    """Read the photos of a run.

    Args:
        folders: One, if its photos are degraded or rendered; else that of inputs and of targets.
            Either may be a single photo where `config` says so.
        config: The settings.
        params: What the generator is built with; None for the family's own.
        weights: Of the filter that the generator starts from; None if there is none, or if a run
            is resumed.
        name: What the filter is called, and so the look that it learns from a single photo.
        masks: Colour-coded masks of the segments of two photos that imitate each other, or none.
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
        sides = "photos" if config.imitate else "folders"
        both = "two that look different" if config.imitate else "one of photos, one of the look"
        raise UsageError(f"both {sides} are '{folders[0]}': give {both}")
    if masks and config.imitate != "pair":
        raise UsageError("--masks are those of two photos: give two photos, or leave them out")
    if config.imitate:
        return _imitation(
            folders, config, params, weights, name, masks, progress=progress, warn=warn
        )
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
        return replace(_restoration(family, dataset, cut, config), weights=weights)
    photos, others = (
        read_dataset(folder, config, progress=progress, warn=warn) for folder in folders
    )
    return replace(_look(family, photos, others, cut, config), weights=weights)


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


def _imitation(
    sources: Sequence[Path],
    config: TrainConfig,
    params: Mapping[str, Any] | None,
    weights: Mapping[str, Tensor] | None,
    name: str,
    masks: Sequence[Path],
    *,
    progress: ProgressCallback,
    warn: Callable[[str], None],
) -> Task:
    """Results are compared with a single photo; and where that is one of a pair, it with them."""
    style = read_single(sources[1], masks[1] if masks else None)
    if config.imitate == "pair":
        photos = read_single(sources[0], masks[0] if masks else None)
    else:
        photos = read_dataset(sources[0], config, progress=progress, warn=warn)
    sides = (style, photos)[: 2 if config.imitate == "pair" else 1]
    # Thumbnails would lack the palest and the darkest colours; but of two photos, each is an input.
    as_style = squashed if config.imitate == "pair" else whole
    styles = [as_style(side.train[0]) for side in sides]
    parts = [squashed_mask(side.train[0]) for side in sides] if masks else []
    names = [name, f"{name}:back"][: len(styles)]
    known = {} if params is None else dict(params)
    others = list(known.pop("looks", []))
    if params is not None and weights is None:  # a run that is resumed has its looks already
        others = others[len(names) :]
    elif not config.only_norm:
        others = []
    if taken := [look for look in names if look in others]:
        raise UsageError(f"there is a look '{taken[0]}' already: give the new one another name")
    family = ConditionalToneFamily(
        {**PARAMS, **known, "looks": [*names, *others]}, styles, only_norm=config.only_norm
    )

    def examples(contents: Sequence[Sequence[Pixels]]) -> Examples:
        def cut(side: Sequence[Sequence[Pixels]], random: np.random.Generator) -> Image:
            return family.cut(side, config.size, random)

        return Examples(unpaired(contents, style.train, cut), config.seed)

    return Task(
        family=family,
        examples=examples(photos.train),
        shown=_shown(examples(photos.held_out or photos.train)),
        objective=lambda config, device: Imitation(
            family, styles, config, device, masks=parts, warn=warn
        ),
        photos=len(photos.train) + len(style.train),
        held_out=len(photos.held_out),
        skipped=photos.skipped,
        fingerprint=photos.fingerprint + style.fingerprint,
        weights=None if weights is None else family.grown(weights),
    )


def _shown(examples: Examples) -> tuple[Tensor, Tensor]:
    # No step of a run has this number.
    inputs, targets = examples.batch(2**62, PREVIEW_EXAMPLES)
    return inputs[:, :3], targets[:, :3]  # masks are not shown
