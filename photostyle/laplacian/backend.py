"""What the implementations of the matting Laplacian have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Backend(Protocol):
    """The matting Laplacian L of a batch of guides `B 3 H W`, one operator per image.

    Arguments have the dtype and device of the guide, and are never tracked by autograd.
    """

    def matvec(self, p: Tensor) -> Tensor:
        """L p, `B C H W` -> `B C H W`."""

    def energy(self, p: Tensor) -> Tensor:
        """p^T L p of each image, summed over channels, `B C H W` -> `B`, at least as precise."""

    def matvec_and_energy(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Both of the above, for less than the price of both."""

    def diagonal(self) -> Tensor:
        """Diagonal of L, `B 1 H W`."""
