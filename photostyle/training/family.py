"""What training has to know about a family of filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from torch import Tensor, nn

    from photostyle.training.examples import Image
    from photostyle.training.photos import Pixels


@dataclass(frozen=True, slots=True)
class Applied:
    """What a generator makes of photos."""

    photos: Tensor
    """`B 3 H W`, not clipped."""

    roughness: Tensor
    """How much the change varies over the picture, a scalar; 0 where the family has no measure."""

    part: tuple[slice, slice] = (slice(None), slice(None))
    """Rows and columns that `photos` are of what was given; while learning, a family may take but a
    part of its examples."""

    def of(self, others: Tensor) -> Tensor:
        """Cut the same part out of other photos, `B C H W`."""
        return others[:, :, self.part[0], self.part[1]]


class Family(Protocol):
    """A kind of generator, and how it learns from examples."""

    @property
    def architecture(self) -> str:
        """What the registry calls the generator's network."""
        ...

    @property
    def params(self) -> Mapping[str, Any]:
        """What that network is built with."""
        ...

    def generator(self) -> nn.Module:
        """Make a generator that changes nothing yet."""
        ...

    def cut(
        self, photos: Sequence[Sequence[Pixels]], size: int, random: np.random.Generator
    ) -> Image:
        """Cut a random example out of a random one of the photos.

        Args:
            photos: Each at several scales, `H W C`.
            size: Side of an example in pixels, where the family does not know better.
            random: Source of all random numbers.

        Returns:
            `S S C` in `[0, 1]`.
        """
        ...

    def apply(self, generator: nn.Module, photos: Tensor, to: Tensor | None = None) -> Applied:
        """Apply a generator.

        Args:
            generator: What `generator` made.
            photos: `B 3 S S` in `[0, 1]`, what the generator looks at.
            to: `B 3 H W`, the same photos at another size, if those shall be changed; tone
                filters alone can do that.
        """
        ...

    def reconstruction(self, applied: Applied, inputs: Tensor, targets: Tensor) -> Tensor:
        """How far results are from the targets, a scalar.

        Args:
            applied: What the generator made of the inputs.
            inputs: `B 3 S S` in `[0, 1]`.
            targets: `B 3 S S` in `[0, 1]`.
        """
        ...
