"""The examples of a step: what goes into the generator, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.training.degrade import degrade
from photostyle.training.exposure import with_whites
from photostyle.training.nightfall import rendered_night
from photostyle.training.sunset import rendered_sunset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photostyle.training.photos import Pixels

Image = NDArray[np.float32]

Cut = Callable[["Sequence[Sequence[Pixels]]", np.random.Generator], Image]
"""Cuts a random example, `S S C` in `[0, 1]`, out of a random one of the photos."""

RENDERINGS: dict[str, Callable[[Image], Image]] = {
    "night": rendered_night,
    "sunset": rendered_sunset,
}
"""Looks that need no examples, by name."""

Draw = Callable[[np.random.Generator], tuple[Image, Image]]
"""Draws an input and a target, `S S 3` each."""


@dataclass(frozen=True, slots=True)
class Examples:
    """A source of random examples. Those of step n come from the seed, n and the process alone."""

    draw: Draw
    """Draws one of them."""

    seed: int
    """Start of the random numbers."""

    def batch(self, step: int, count: int, process: int = 0) -> tuple[Tensor, Tensor]:
        """Make the examples of a step.

        Args:
            step: Its number, from 0.
            count: How many.
            process: Which one asks, of several that learn together.

        Returns:
            Inputs and targets, `B 3 S S` each, in `[0, 1]`, on the CPU.
        """
        random = np.random.default_rng([self.seed, step, process] if process else [self.seed, step])
        inputs, targets = zip(*(self.draw(random) for _ in range(count)), strict=True)
        return _tensor(inputs), _tensor(targets)


class Ahead:
    """Batches of examples, the next of which is made while the last is learned from."""

    def __init__(self, examples: Examples, count: int, process: int = 0) -> None:
        """Make nothing yet.

        Args:
            examples: Where they come from.
            count: Examples of a batch.
            process: As in `Examples.batch`.
        """
        self._examples = examples
        self._count = count
        self._process = process
        self._worker = ThreadPoolExecutor(1, "examples")
        self._begun: tuple[int, Future[tuple[Tensor, Tensor]]] | None = None

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The examples of a step, as `Examples.batch` makes them; the next step's are begun."""
        begun, self._begun = self._begun, None
        current = begun[1] if begun and begun[0] == step else self._begin(step)
        made = current.result()
        self._begun = step + 1, self._begin(step + 1)
        return made

    def _begin(self, step: int) -> Future[tuple[Tensor, Tensor]]:
        return self._worker.submit(self._examples.batch, step, self._count, self._process)


def degraded(photos: Sequence[Sequence[Pixels]], cut: Cut, names: Sequence[str]) -> Draw:
    """Inputs that are targets degraded on the fly.

    Args:
        photos: The good photos, each at several scales.
        cut: Cuts an example out of one of them.
        names: Keys of `DEGRADATIONS`, in its order.
    """

    def draw(random: np.random.Generator) -> tuple[Image, Image]:
        clean = cut(photos, random)
        bad = degrade(clean, names, random)
        return bad, with_whites(clean, bad) if "exposure" in names else clean

    return draw


def rendered(photos: Sequence[Sequence[Pixels]], cut: Cut, name: str) -> Draw:
    """Targets that are inputs rendered in another light.

    Args:
        photos: The photos, each at several scales.
        cut: Cuts an example out of one of them.
        name: Key of `RENDERINGS`.
    """
    render = RENDERINGS[name]

    def draw(random: np.random.Generator) -> tuple[Image, Image]:
        photo = cut(photos, random)
        return photo, render(photo)

    return draw


def paired(pairs: Sequence[Sequence[Pixels]], cut: Cut) -> Draw:
    """Inputs and targets that show the same.

    Args:
        pairs: Photos of six channels, three of the input and three of the target.
        cut: Cuts an example out of one of them.
    """

    def draw(random: np.random.Generator) -> tuple[Image, Image]:
        both = cut(pairs, random)
        return both[..., :3], both[..., 3:]

    return draw


def unpaired(
    photos: Sequence[Sequence[Pixels]], others: Sequence[Sequence[Pixels]], cut: Cut
) -> Draw:
    """Inputs and targets that have nothing to do with each other.

    Args:
        photos: What the filter will be applied to.
        others: What its results shall look like.
        cut: Cuts an example out of one of them.
    """

    def draw(random: np.random.Generator) -> tuple[Image, Image]:
        return cut(photos, random), cut(others, random)

    return draw


def _tensor(patches: Sequence[np.ndarray[Any, np.dtype[np.float32]]]) -> Tensor:
    return torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2)  # channels last already
