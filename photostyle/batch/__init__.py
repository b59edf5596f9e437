"""Many photos in one go: all decided first, then read, changed and written side by side.

The public names are loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.batch.config import BatchConfig
    from photostyle.batch.plan import Plan, PlannedPhoto, plan_batch
    from photostyle.batch.report import check_report, thumbnail_side, write_report
    from photostyle.batch.result import PhotoResult
    from photostyle.batch.run import run_batch
    from photostyle.batch.template import Template, fill

__all__ = [
    "BatchConfig",
    "PhotoResult",
    "Plan",
    "PlannedPhoto",
    "Template",
    "check_report",
    "fill",
    "plan_batch",
    "run_batch",
    "thumbnail_side",
    "write_report",
]

_HOMES = {
    "BatchConfig": "config",
    "PhotoResult": "result",
    "Plan": "plan",
    "PlannedPhoto": "plan",
    "Template": "template",
    "check_report": "report",
    "fill": "template",
    "plan_batch": "plan",
    "run_batch": "run",
    "thumbnail_side": "report",
    "write_report": "report",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
