"""A place in the result is more like its own place in the content than like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence


def patch_contrast(
    results: Sequence[Tensor],
    contents: Sequence[Tensor],
    generator: torch.Generator,
    *,
    places: int = 64,
    temperature: float = 0.07,
) -> Tensor:
    """Patchwise contrastive loss on features (Park et al. 2020, CUT).

    At random places the feature of a result must pick out that of its content at the same place
    among those at the others, by their directions: cross entropy of a softmax over places.

    Args:
        results: Feature maps of results, `B C h w` each.
        contents: Those of the contents, of the same shapes; no gradient goes there.
        generator: Source of the places, on the CPU.
        places: How many, in each map.
        temperature: What cosines are divided by.

    Returns:
        Scalar >= 0, the mean over maps, photos and places.
    """
    losses = []
    for result, content in zip(results, contents, strict=True):
        batch, _, height, width = result.shape
        chosen = torch.randperm(height * width, generator=generator)[:places].to(result.device)
        ours, theirs = (
            F.normalize(maps.flatten(2)[:, :, chosen].float(), dim=1)
            for maps in (result, content.detach())
        )
        logits = torch.einsum("bci,bcj->bij", ours, theirs) / temperature
        own = torch.arange(len(chosen), device=result.device).expand(batch, -1)
        losses.append(F.cross_entropy(logits.flatten(0, 1), own.flatten()))
    return torch.stack(losses).mean()
