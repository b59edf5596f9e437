"""Settings of a transfer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from photostyle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Solver = Literal["grid", "luan", "gatys", "mkl", "idt"]
"""How a look is found: `grid` fits bilateral grids of colour maps; `luan` is Luan et al. 2017 on
the features of VGG-19, `gatys` its first stage; `mkl` is one affine map a segment; `idt` moves the
whole distribution of colours."""

SOLVERS: tuple[Solver, ...] = get_args(Solver)

Segmentation = Literal["auto", "ade20k", "none"]
"""Where segments come from without masks: `auto` finds those that both photos have; `ade20k` asks a
network what they show, and pairs sky with sky and ground with ground; `none` takes both photos as a
whole."""

SEGMENTATIONS: tuple[Segmentation, ...] = get_args(Segmentation)

SIZES: Mapping[Solver, int] = {"grid": 352, "luan": 700, "gatys": 700, "mkl": 700, "idt": 700}
"""Long side in pixels at which each solver works unless told otherwise."""

ITERATIONS: Mapping[Solver, int] = {"grid": 130, "luan": 1000, "gatys": 1000, "mkl": 1, "idt": 20}
"""Steps of each solver unless told otherwise; `luan` takes so many in each of its two stages."""

FEATURES = "vgg19"
"""Name of the model whose features are compared unless told otherwise."""


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

    structure: float = 5.0
    """Edge maps that no longer match the content's."""

    photorealism: float = 180.0
    """Share of local variance that no affine colour map explains."""

    calm: float = 100.0
    """Variation invented where the content is calm, root mean square in [0, 1] units."""

    gamut: float = 100.0
    """Mean distance outside [0, 1]."""

    smooth: float = 30.0
    """Squared differences between neighbouring maps of a grid in space."""

    even: float = 270.0
    """The same of what maps do to chroma, beside that, unless masks say what belongs together:
    colours of the style that have no place in the content are left out, not made a patch of."""

    order: float = 2000.0
    """Squared slope of tone curves where they fall, so that what was brighter becomes darker."""

    skin: float = 8.0
    """Lab units by which skin leaves the hues and the chroma that it has."""

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

    solver: Solver = "grid"
    """How the look is found."""

    segment: Segmentation = "auto"
    """Where segments come from when no masks are given."""

    keep_skin: bool | None = None
    """Whether `grid` finds the skin of people in the content and keeps its hues. None: it does
    without masks; with masks each part takes the look of the part they say."""

    size: int = None  # type: ignore[assignment]  # replaced below
    """Long side in pixels at which the look is fitted, 64 to 2048. The result has full size. The
    solver's own of `SIZES` when None."""

    iterations: int = None  # type: ignore[assignment]  # replaced below
    """Optimisation steps, >= 1; the solver's own of `ITERATIONS` when None. `mkl` has none."""

    refine: int = 0
    """Further steps of `grid` on the pixels of the small result, >= 0: closer to the style, a
    little less of a photograph."""

    features: str = FEATURES
    """Model of architecture `vgg19` whose features `luan` and `gatys` compare."""

    offline: bool = False
    """Never use the network, not even to download the model of `features` or of `ade20k`."""

    seed: int = 0
    """Seed of every random choice: the same seed on the same device gives the same result."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""

    weights: LossWeights = field(default_factory=LossWeights)
    """Weights of the objective of `grid`."""

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise UsageError(f"unknown solver '{self.solver}': use {', '.join(SOLVERS)}")
        if self.segment not in SEGMENTATIONS:
            raise UsageError(f"unknown segment '{self.segment}': use {', '.join(SEGMENTATIONS)}")
        if self.size is None:
            object.__setattr__(self, "size", SIZES[self.solver])
        if self.iterations is None:
            object.__setattr__(self, "iterations", ITERATIONS[self.solver])
        if not 0 <= self.strength <= 1:
            raise UsageError(f"strength is {self.strength:g}: choose a value from 0 to 1")
        if not 64 <= self.size <= 2048:
            raise UsageError(f"size is {self.size}: choose a value from 64 to 2048 pixels")
        if self.iterations < 1:
            raise UsageError(f"iterations is {self.iterations}: choose 1 or more")
        if self.refine < 0:
            raise UsageError(f"refine is {self.refine}: choose 0 or more")
        if self.refine and self.solver != "grid":
            raise UsageError(f"only the solver grid is refined, not {self.solver}: leave refine 0")
        if self.features != FEATURES and self.solver not in ("luan", "gatys"):
            raise UsageError(f"features are for the solvers luan and gatys, not for {self.solver}")
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"seed is {self.seed}: choose a value from 0 to {2**63 - 1}")
