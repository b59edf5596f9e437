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
        ({"family": "blur"}, "family must be one of tone, repair, deconvolution, not 'blur'"),
        ({"size": 40}, "size must be a multiple of 16 from 32 on, not 40"),
        ({"rate": 0.0}, "rate must be positive"),
        ({"adversarial": -1.0}, "adversarial must not be negative"),
        ({"adversarial_from": 1.5}, "adversarial_from must be 0 to 1"),
        ({"seed": -1}, "seed must not be negative"),
        ({"hold_out": 0.9}, r"hold_out must be 0 to 0.5, not 0.9"),
        ({"hold_out": float("nan")}, "hold_out must be"),
        ({"paired": True}, "--paired, --degrade .*exclude each other"),
        ({"render": "night"}, "exclude each other"),
        ({"render": "dawn", "degrade": ()}, "no rendering 'dawn': use one of night, sunset"),
        ({"render": "night", "degrade": ()}, "a repair needs pairs"),
        ({"degrade": ()}, "a repair needs pairs to learn from"),
        ({"imitate": "folder"}, "imitate must be photo or pair, not 'folder'"),
        ({"imitate": "pair"}, "need folders, not a single photo"),
        ({"imitate": "pair", "degrade": ()}, "is a tone filter: leave out --family"),
        (
            {"imitate": "photo", "degrade": (), "family": "tone", "adversarial": 0.1},
            "--adversarial needs a folder",
        ),
        ({"only_norm": True}, "--only-norm is for looks of single photos"),
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
        {"family": "deconvolution", "degrade": (), "paired": True},
    ],
)
def test_looks_are_of_tone_filters_and_pairs_of_both(values: dict[str, Any]) -> None:
    TrainConfig(**values)


@pytest.mark.parametrize(
    ("values", "is_look", "architecture"),
    [
        ({}, True, "tone"),
        ({"imitate": "pair"}, False, "conditional-tone"),
        ({"imitate": "photo", "only_norm": True}, False, "conditional-tone"),
        ({"paired": True}, False, "tone"),
    ],
)
def test_what_learns(values: dict[str, Any], is_look: bool, architecture: str) -> None:
    config = TrainConfig(family="tone", degrade=(), **values)
    assert (config.is_look, config.architecture) == (is_look, architecture)
