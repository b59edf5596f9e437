"""Settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass

from photostyle.errors import UsageError

RENDERINGS = "night", "sunset"
"""Looks that need no examples: names of `training.examples.RENDERINGS`."""

FAMILIES = {"tone": "tone", "repair": "repair", "deconvolution": "repair"}
"""Families of generators, and the kinds of filters that they are: tone filters change colours by a
bilateral grid, repairs change pixels, by convolutions alone or after Wiener's filter."""


@dataclass(frozen=True)
class TrainConfig:
    """How a filter is trained."""

    family: str = "repair"
    """Which generator: one of `FAMILIES`."""

    degrade: tuple[str, ...] = ("noise", "jpeg")
    """What befalls the photos of the only folder; names of `training.degrade.DEGRADATIONS`. None:
    there are two folders."""

    render: str = ""
    """The one of `RENDERINGS` to learn from the photos of the only folder; empty for none."""

    paired: bool = False
    """Photos of the same name in both folders show the same."""

    imitate: str = ""
    """What is to be imitated is a single photo: `"photo"` by those of a folder, `"pair"` by another
    photo, which is imitated in turn; empty if it is none."""

    only_norm: bool = False
    """Of a filter to start from, the convolutions stay, and so do its looks; only the normalisation
    of the new ones is learned."""

    steps: int = 28_000
    """Optimisation steps."""

    first_cycle: int = 4000
    """Steps until the learning rate's first warm restart; each cycle is twice the last."""

    batch: int = 16
    """Examples a step."""

    size: int = 96
    """Side of an example in pixels, a multiple of 16."""

    rate: float = 1e-3
    """Largest learning rate."""

    adversarial: float = 0.0
    """Weight of the adversarial loss; 0 trains without a discriminator."""

    adversarial_from: float = 0.5
    """It joins after this share of the steps; before, only the reconstruction counts."""

    hold_out: float = 0.05
    """Share of the photos that are kept for validation, at least one of eight or more; 0 trains on
    all of them."""

    snapshots: int = 1
    """Networks in the result: the averaged weights at the ends of so many of the learning rate's
    last cycles, the end of the run among them."""

    init: str = ""
    """What the weights at the start come from, a name and a digest; empty if from nothing."""

    amp: bool = True
    """Convolutions in bfloat16 while learning: half the time, and nothing else that one notices."""

    seed: int = 0
    """The same seed, photos and settings give the same weights on the CPU."""

    device: str = "auto"
    """`"auto"`, `"cpu"`, `"cuda"`, `"cuda:N"` or `"mps"`."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UsageError: A value is out of its range.
        """
        for name in ("steps", "first_cycle", "batch", "snapshots"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.family not in FAMILIES:
            raise UsageError(f"family must be one of {', '.join(FAMILIES)}, not '{self.family}'")
        if self.size < 32 or self.size % 16:
            raise UsageError(f"size must be a multiple of 16 from 32 on, not {self.size}")
        if not self.rate > 0:
            raise UsageError(f"rate must be positive, not {self.rate}")
        if self.adversarial < 0:
            raise UsageError(f"adversarial must not be negative, but is {self.adversarial}")
        if not 0 <= self.adversarial_from <= 1:
            raise UsageError(f"adversarial_from must be 0 to 1, not {self.adversarial_from}")
        if self.seed < 0:
            raise UsageError(f"seed must not be negative, but is {self.seed}")
        if not 0 <= self.hold_out <= 0.5:
            raise UsageError(f"hold_out must be 0 to 0.5, not {self.hold_out}")
        if self.render not in ("", *RENDERINGS):
            raise UsageError(f"no rendering '{self.render}': use one of {', '.join(RENDERINGS)}")
        if (bool(self.degrade), bool(self.render), self.paired).count(True) > 1:
            raise UsageError("--paired, --degrade and --render exclude each other: give one")
        self._check_imitation()
        if self.kind == "repair" and (self.render or self.is_look):
            raise UsageError("a repair needs pairs to learn from: --paired, or --degrade")

    @property
    def is_look(self) -> bool:
        """Whether there are two folders whose photos have nothing to do with each other."""
        return not (self.degrade or self.render or self.paired or self.imitate)

    @property
    def kind(self) -> str:
        """Whether the result is a `"tone"` filter or a `"repair"`."""
        return FAMILIES[self.family]

    @property
    def architecture(self) -> str:
        """What the registry calls the network that learns."""
        return "conditional-tone" if self.imitate else self.family

    def _check_imitation(self) -> None:
        if self.imitate not in ("", "photo", "pair"):
            raise UsageError(f"imitate must be photo or pair, not '{self.imitate}'")
        if self.imitate and (self.degrade or self.render or self.paired):
            raise UsageError("--paired, --degrade and --render need folders, not a single photo")
        if self.imitate and self.family != "tone":
            raise UsageError("a look of a single photo is a tone filter: leave out --family")
        if self.imitate and self.adversarial:
            raise UsageError("--adversarial needs a folder of photos to be imitated, not one photo")
        if self.only_norm and not self.imitate:
            raise UsageError("--only-norm is for looks of single photos: give a photo as B")
