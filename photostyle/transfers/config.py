"""Settings of a transfer."""

from __future__ import annotations

from dataclasses import dataclass, field

from photostyle.errors import UsageError


@dataclass(frozen=True)
class LossWeights:
    """How much each part of the objective counts."""

    style: float = 1.0
    """Sliced Wasserstein distance of the colours, in Lab units."""

    outliers: float = 0.3
    """Squared distance beside the plain one, per Lab unit: keeps casts off a grey style."""

    texture: float = 0.0
    """Distance of the encoder's features between result and style."""

    content: float = 0.0
    """Angle of the encoder's features to the content's, 1 - cosine."""

    structure: float = 8.0
    """Edge maps that no longer match the content's."""

    photorealism: float = 120.0
    """Share of local variance that no affine colour map explains."""

    calm: float = 150.0
    """Variation invented where the content is calm, root mean square in [0, 1] units."""

    gamut: float = 100.0
    """Mean distance outside [0, 1]."""

    smooth: float = 30.0
    """Squared differences between neighbouring maps of a grid in space."""

    tone: float = 0.3
    """Squared differences between neighbouring maps of a grid in luma."""


@dataclass(frozen=True)
class TransferConfig:
    """Settings of a transfer.

    Raises:
        UsageError: A value is out of range.
    """

    strength: float = 1.0
    """0 leaves the content as it is, 1 is the full transfer; between them, a blend."""

    size: int = 352
    """Long side in pixels at which the look is fitted, 64 to 2048. The result has full size."""

    iterations: int = 130
    """Optimisation steps, >= 1."""

    refine: int = 0
    """Further steps on the pixels of the small result, >= 0: closer to the style, a little less of
    a photograph."""

    seed: int = 0
    """Seed of every random choice: the same seed on the same device gives the same result."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""

    weights: LossWeights = field(default_factory=LossWeights)
    """Weights of the objective."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise UsageError(f"strength is {self.strength:g}: choose a value from 0 to 1")
        if not 64 <= self.size <= 2048:
            raise UsageError(f"size is {self.size}: choose a value from 64 to 2048 pixels")
        if self.iterations < 1:
            raise UsageError(f"iterations is {self.iterations}: choose 1 or more")
        if self.refine < 0:
            raise UsageError(f"refine is {self.refine}: choose 0 or more")
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"seed is {self.seed}: choose a value from 0 to {2**63 - 1}")
