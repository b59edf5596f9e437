"""TensorBoard, where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch.utils.tensorboard import SummaryWriter

    from photostyle.training.preview import Preview

ADVICE = "no TensorBoard logs: for them, pip install 'photostyle[train]'"


class Board:
    """Curves and preview pictures of a run; without TensorBoard it does nothing."""

    def __init__(self, folder: Path, step: int, warn: Callable[[str], None]) -> None:
        """Open the logs.

        Args:
            folder: Where they lie; it is made.
            step: Where the run continues: what older logs say of later steps is hidden.
            warn: Told how to get TensorBoard, where it is missing.
        """
        self._writer: SummaryWriter | None = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            warn(ADVICE)
            return
        self._writer = SummaryWriter(str(folder), purge_step=step)

    def add_losses(self, step: int, losses: Mapping[str, float]) -> None:
        """Log the losses after a step."""
        if self._writer is not None:
            for name, value in losses.items():
                self._writer.add_scalar(f"loss/{name}", value, step)

    def add_preview(self, step: int, made: Preview) -> None:
        """Log the figures and the picture of a preview after a step."""
        if self._writer is not None:
            tag = made.measure.name.replace(" ", "-")
            self._writer.add_scalar(f"{tag}/before", made.before, step)
            self._writer.add_scalar(f"{tag}/after", made.after, step)
            self._writer.add_image("preview", made.picture(), step, dataformats="HWC")

    def close(self) -> None:
        """Write what is not yet written."""
        if self._writer is not None:
            self._writer.close()
