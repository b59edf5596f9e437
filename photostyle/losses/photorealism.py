"""The share of a result that no local affine colour map of the content explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photostyle.laplacian import MattingLaplacian, matting_energy

if TYPE_CHECKING:
    from torch import Tensor


class Photorealism:
    """Matting-Laplacian energy of a result over its total local variance.

    Luan et al. 2017 (Deep photo style transfer) penalise the energy itself. Divided by the total
    variance in the same windows it does not depend on contrast, means the same for a night and a
    snow scene, and is no reason to make a picture flatter.

    Args:
        content: `H W 3` in [0, 1], at least 3 pixels each way.
        epsilon: Ridge of the matting Laplacian. Far above Luan's 1e-7: at that value the noise in
            a clear sky "explains" any cloud one paints into it.
    """

    def __init__(self, content: Tensor, *, epsilon: float = 9e-4) -> None:
        self._laplacian = MattingLaplacian(content.permute(2, 0, 1).contiguous(), epsilon=epsilon)

    def __call__(self, result: Tensor) -> Tensor:
        """Measure a result.

        Args:
            result: `H W 3`, of the content's size.

        Returns:
            Scalar in [0, 1].
        """
        image = result.permute(2, 0, 1).contiguous()
        mean, square = _window_mean(image), _window_mean(image.square())
        total = 9 * (square - mean.square()).sum()
        return matting_energy(image, self._laplacian) / (total + 1e-3)


def _window_mean(maps: Tensor) -> Tensor:
    """Mean over windows of 3x3 pixels, `C H W` -> `C H-2 W-2`; pooling is slow on the CPU."""
    rows = maps[..., :-2] + maps[..., 1:-1] + maps[..., 2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
