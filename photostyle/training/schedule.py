"""Warm restarts of the learning rate."""

from __future__ import annotations

import math

FLOOR = 0.01
"""At a cycle's end the rate has fallen to this share of its start."""


def warm_restarts(step: int, first_cycle: int) -> tuple[float, bool]:
    """Learning rate by cosine cycles, each twice as long as the one before (SGDR, Loshchilov 2017).

    Args:
        step: Steps done before this one, >= 0.
        first_cycle: Length of the first cycle in steps.

    Returns:
        The factor on the largest rate, and whether this step is the last of its cycle.
    """
    begin, length = 0, first_cycle
    while step >= begin + length:
        begin, length = begin + length, 2 * length
    done = (step - begin) / max(length - 1, 1)
    factor = FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * done)) / 2
    return factor, step == begin + length - 1
