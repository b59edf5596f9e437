"""The state of a scene parser's training, advanced step by step."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from photostyle.errors import UsageError
from photostyle.features.scene_parser import KINDS, SceneParser
from photostyle.training.encoder_looks import random_degradations, random_looks
from photostyle.training.scene_crops import pasted, random_crops
from photostyle.training.scene_photos import UNKNOWN, NamedPhoto

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

BATCH = 12
SIZE = 224
"""Photos a step, and height and width of their crops in pixels."""

RATE = 1.5e-3
ENCODER_RATE = 4e-4
"""Largest learning rates: the encoder has been trained before."""

WARM_UP = 100
"""Steps in which the learning rates rise."""

DECAY = 0.05
SMOOTHING = 0.05
AVERAGE = 0.995

DROPOUT = 0.15
"""Share of the coarsest channels that are left out of a varied step."""

ODD = 0.35
"""Share of crops in which some kinds have another look than the rest, so that a sky may be black
over a bright town."""


class SceneTrainer:
    """A scene parser and its optimiser.

    Colours tell little of what photos of other times and grades show, so crops get random looks.
    All randomness of step n comes from the seed and n, so a run that was stopped and resumed ends
    with the same weights as one that was not.
    """

    def __init__(
        self,
        photos: Sequence[NamedPhoto],
        steps: int,
        encoder: Mapping[str, Tensor] | None = None,
        seed: int = 0,
        *,
        varied: bool = False,
    ) -> None:
        """Start a run.

        Args:
            photos: The photos.
            steps: How many steps there will be; the learning rates end at zero.
            encoder: Weights of the encoder to start from; random ones when None.
            seed: The same seed, photos and steps give the same weights.
            varied: Also learn from close and turned crops, with subjects of other photos in them,
                and with some channels left out.
        """
        self.steps = 0
        self._photos, self._end, self._seed, self._varied = photos, steps, seed, varied
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._parser = SceneParser(dropout=DROPOUT if varied else 0.0)
        if encoder is not None:
            self._parser.encoder.load_state_dict(encoder)
        self._average = copy.deepcopy(self._parser)
        counts = sum(np.bincount(photo.kinds.ravel(), minlength=256) for photo in photos)
        shares = np.asarray(counts)[: len(KINDS)] / max(1, np.asarray(counts)[: len(KINDS)].sum())
        self._weight = torch.from_numpy((shares + 0.01) ** -0.5).float()
        pre = list(self._parser.encoder.parameters())
        known = {id(parameter) for parameter in pre}
        rest = [p for p in self._parser.parameters() if id(p) not in known]
        self._optimizer = torch.optim.AdamW(
            [{"params": pre, "peak": ENCODER_RATE}, {"params": rest, "peak": RATE}],
            weight_decay=DECAY,
        )

    def start(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of another run to start from.

        Args:
            weights: What that run's `weights` returned.

        Raises:
            RuntimeError: They are of another network.
        """
        for network in (self._parser, self._average):
            network.load_state_dict(weights)

    def step(self) -> float:
        """Take one optimisation step.

        Returns:
            The loss: mean cross-entropy over places, by kind.
        """
        source = np.random.default_rng([self._seed, self.steps])
        random = torch.Generator().manual_seed(int(source.integers(2**62)))
        crops, kinds = random_crops(self._photos, BATCH, SIZE, source, varied=self._varied)
        if self._varied:
            crops, kinds = pasted(crops, kinds, random)
        looks = random_degradations(_looks(crops, kinds, random), random)
        self._parser.train()
        # Convolutions in bfloat16 take half the time; losses and weights stay float32.
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", torch.bfloat16):
            torch.manual_seed(int(torch.randint(2**62, (), generator=random)))  # for dropout
            logits = self._parser(looks)
        large = F.interpolate(logits.float(), scale_factor=4, mode="bilinear")
        loss = F.cross_entropy(
            large,
            kinds[:, 1::2, 1::2],
            weight=self._weight,
            ignore_index=UNKNOWN,
            label_smoothing=SMOOTHING,
        )
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._parser.parameters(), 2.0)
        done = self.steps + 1
        ease = min(done / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * done / self._end))
        for group in self._optimizer.param_groups:
            group["lr"] = ease * group["peak"]
        self._optimizer.step()
        self.steps = done
        with torch.no_grad():
            keep = min(AVERAGE, done / (done + 9))
            for average, now in zip(
                self._average.state_dict().values(),
                self._parser.state_dict().values(),
                strict=True,
            ):
                if average.is_floating_point():
                    average.lerp_(now, 1 - keep)
        return loss.item()

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs: tensors and numbers in dicts and lists."""
        return {
            "run": self._run(),
            "steps": self.steps,
            "parser": self._parser.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from the state of a run with the same photos.

        Args:
            state: What `state` returned.

        Raises:
            UsageError: That run had another seed or length, other photos, or varied otherwise.
        """
        others = [
            f"{name} {state['run'][name]}, not {own}"
            for name, own in self._run().items()
            if state["run"][name] != own
        ]
        if others:
            raise UsageError(f"the checkpoint is of another run: {'; '.join(others)}")
        self.steps = state["steps"]
        self._parser.load_state_dict(state["parser"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])

    def _run(self) -> dict[str, int]:
        """What a run must have in common with the one it continues."""
        return {
            "seed": self._seed,
            "steps": self._end,
            "photos": len(self._photos),
            "varied": self._varied,
        }

    def score(self, photos: Sequence[NamedPhoto]) -> tuple[float, float]:
        """Say how good the averaged weights are.

        Args:
            photos: Photos that training did not see.

        Returns:
            Share of the pixels whose kind is found, and the mean over kinds of intersection over
            union.
        """
        found = confusion(self._average.eval(), photos)
        unions = found.sum(0) + found.sum(1) - found.diagonal()
        seen = found.sum(1) > 0
        right = found.diagonal()
        return float(right.sum() / found.sum()), float((right[seen] / unions[seen]).mean())

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights, in half precision."""
        return {
            name: value.half() if value.is_floating_point() else value
            for name, value in self._average.state_dict().items()
        }


def confusion(parser: SceneParser, photos: Sequence[NamedPhoto]) -> NDArray[np.int64]:
    """Count what places show against what a parser says they do.

    Args:
        parser: In evaluation mode.
        photos: The photos.

    Returns:
        `K K`: pixels of each kind, by rows, that were said to be of each kind, by columns.
    """
    count = len(KINDS)
    found = np.zeros((count, count), np.int64)
    for photo in photos:
        batch = torch.from_numpy(photo.pixels).permute(2, 0, 1)[None] / 255
        with torch.inference_mode():
            large = F.interpolate(parser(batch), scale_factor=8, mode="bilinear")
        height, width = photo.kinds.shape
        said = large[0].argmax(0)[:height, :width].numpy()
        known = photo.kinds != UNKNOWN
        pairs = photo.kinds[known].astype(np.int64) * count + said[known]
        found += np.bincount(pairs, minlength=count * count).reshape(count, count)
    return found


def _looks(crops: Tensor, kinds: Tensor, random: torch.Generator) -> Tensor:
    """Random looks; in some photos two, one for some of the kinds."""
    first, second = random_looks(crops, random), random_looks(crops, random)
    odd = torch.rand(len(crops), generator=random) < ODD
    chosen = torch.rand(len(crops), 256, generator=random) < 0.5
    inside = chosen.gather(1, kinds.flatten(1)).view(kinds.shape) & odd[:, None, None]
    soft = [cv2.GaussianBlur(mask, (0, 0), 1.5) for mask in inside.float().numpy()]
    return torch.lerp(first, second, torch.from_numpy(np.stack(soft))[:, None])
