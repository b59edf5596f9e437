"""What the two implementations of the matting Laplacian have in common."""

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

    def window_energies(self, p: Tensor) -> Tensor:
        """p^T L p summed over channels, window by window, `B C H W` -> `B H-2r W-2r`."""

    def matvec_and_energies(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Both of the above, for less than the price of both."""

    def diagonal(self) -> Tensor:
        """Diagonal of L, `B 1 H W`."""
