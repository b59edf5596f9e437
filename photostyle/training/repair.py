"""Training of repairs on patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from photostyle.networks import RepairGenerator, repair
from photostyle.training.family import Applied
from photostyle.training.photos import random_patch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from torch import Tensor, nn

    from photostyle.training.examples import Image
    from photostyle.training.photos import Pixels

TOLERANCE = 0.01
"""Added to the errors there were (2.5 of 255 levels), so that clean photos count finitely."""

ROUNDING = 1e-7
"""Added to squared errors, about that of rounding to 8 bits: of 0 the root has no gradient."""

PARAMS = {
    "widths": list(repair.WIDTHS),
    "encoder_blocks": list(repair.ENCODER_BLOCKS),
    "decoder_blocks": list(repair.DECODER_BLOCKS),
}


class RepairFamily:
    """Filters that change pixels, from what is around them."""

    architecture = "repair"

    def __init__(self, params: Mapping[str, Any] = PARAMS) -> None:
        """Choose a network.

        Args:
            params: What `RepairGenerator` is built with.
        """
        self.params = params

    def generator(self) -> nn.Module:
        """Make a generator that changes nothing yet."""
        return RepairGenerator(**self.params)

    def cut(
        self, photos: Sequence[Sequence[Pixels]], size: int, random: np.random.Generator
    ) -> Image:
        """Cut a patch, `size size C`."""
        return random_patch(photos, size, random)

    def apply(self, generator: nn.Module, photos: Tensor, to: Tensor | None = None) -> Applied:
        """Repair photos, `B 3 S S`.

        Raises:
            ValueError: Others shall be changed than those seen.
        """
        if to is not None:
            raise ValueError("a repair changes the photos it sees, and no others")
        repaired: Tensor = generator(photos)
        return Applied(repaired.float(), photos.new_zeros(()))

    def reconstruction(self, applied: Applied, inputs: Tensor, targets: Tensor) -> Tensor:
        """The error left, relative to the one there was: see `relative_error`."""
        return relative_error(applied.photos, inputs, targets)


def relative_error(restored: Tensor, degraded: Tensor, clean: Tensor) -> Tensor:
    """Mean over examples of the rms error left, relative to the root of the one there was.

    Plain errors are those of the noisiest examples, and a network trained for them blurs
    the others: photos that were nearly clean come out worse than they went in. Ratios of errors are
    those of the cleanest, and heavy noise is hardly learned. The root stands between.

    Args:
        restored: `B C H W`.
        degraded: `B C H W`.
        clean: `B C H W`.

    Returns:
        A scalar.
    """
    before, after = (
        ((photos - clean).square().mean(dim=(1, 2, 3)) + ROUNDING).sqrt()
        for photos in (degraded, restored)
    )
    return (after / (before + TOLERANCE).sqrt()).mean()
