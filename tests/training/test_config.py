from __future__ import annotations

from typing import Any

import pytest

from photostyle.errors import UsageError
from photostyle.training.config import TrainConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"snapshots": 0}, "snapshots must be at least 1, not 0"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"family": "blur"}, "family must be repair or tone, not 'blur'"),
        ({"size": 40}, "size must be a multiple of 16 from 32 on, not 40"),
        ({"rate": 0.0}, "rate must be positive"),
        ({"adversarial": -1.0}, "adversarial must not be negative"),
        ({"adversarial_from": 1.5}, "adversarial_from must be 0 to 1"),
        ({"seed": -1}, "seed must not be negative"),
        ({"hold_out": 0.9}, r"hold_out must be 0 to 0.5, not 0.9"),
        ({"hold_out": float("nan")}, "hold_out must be"),
        ({"paired": True}, "--paired, --degrade .*exclude each other"),
        ({"render": "night"}, "exclude each other"),
        ({"render": "dawn", "degrade": ()}, "there is no rendering 'dawn'"),
        ({"render": "night", "degrade": ()}, "a repair needs pairs"),
        ({"degrade": ()}, "a repair needs pairs to learn from"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainConfig(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"family": "tone", "degrade": ()},
        {"family": "tone", "degrade": (), "render": "night"},
        {"family": "tone", "degrade": (), "paired": True},
        {"family": "repair", "degrade": (), "paired": True},
    ],
)
def test_looks_are_of_tone_filters_and_pairs_of_both(values: dict[str, Any]) -> None:
    TrainConfig(**values)
