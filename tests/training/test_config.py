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
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainConfig(**values)
