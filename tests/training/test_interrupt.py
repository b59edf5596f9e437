"""Ctrl-C is noted once, raised the second time, and left alone outside."""

from __future__ import annotations

import signal
import threading

import pytest

from photostyle.training.interrupt import interrupts_noted


def test_the_first_is_noted_and_the_second_raised() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts_noted() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_other_threads_get_no_signals() -> None:
    answers = []

    def work() -> None:
        with interrupts_noted() as interrupted:
            answers.append(interrupted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]
