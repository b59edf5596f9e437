"""The learning rate: cosine cycles, each twice as long as the one before."""

from __future__ import annotations

import pytest

from photostyle.training.schedule import FLOOR, warm_restarts


def test_cycles_double() -> None:
    ends = [step for step in range(70) if warm_restarts(step, 10)[1]]
    assert ends == [9, 29, 69]


@pytest.mark.parametrize("begin", [0, 10, 30])
def test_each_cycle_starts_at_the_top(begin: int) -> None:
    assert warm_restarts(begin, 10)[0] == 1


@pytest.mark.parametrize("end", [9, 29, 69])
def test_each_cycle_ends_at_the_floor(end: int) -> None:
    assert warm_restarts(end, 10)[0] == pytest.approx(FLOOR)


def test_half_way_it_is_half() -> None:
    assert warm_restarts(5, 11)[0] == pytest.approx((1 + FLOOR) / 2)


def test_it_falls_within_a_cycle() -> None:
    factors = [warm_restarts(step, 10)[0] for step in range(10, 30)]
    assert factors == sorted(factors, reverse=True)


def test_cycles_of_one_step() -> None:
    assert [warm_restarts(step, 1) for step in range(2)] == [(1.0, True), (1.0, False)]
