"""Signals and calls from threads end the main thread's wait."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from edge_fer.service.signals import Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_and_is_remembered(number: signal.Signals) -> None:
    """At once, and instead of killing the process or raising KeyboardInterrupt."""
    with Signals() as signals:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), number))
        timer.start()
        started = time.monotonic()
        signals.wait(10)
        timer.join()
        assert time.monotonic() - started < 5
        assert signals.stop_signal is number


def test_the_first_signal_counts() -> None:
    """A second one, while stopping, changes nothing."""
    with Signals() as signals:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert signals.stop_signal is signal.SIGTERM


def test_a_thread_can_wake_the_main_thread() -> None:
    """Which can wait again after that."""
    with Signals() as signals:
        signals.wake()
        signals.wait(10)
        assert signals.stop_signal is None
        started = time.monotonic()
        signals.wait(0.05)
        assert time.monotonic() - started >= 0.045


def test_waking_after_the_end_is_harmless() -> None:
    """A thread may end later than the main loop."""
    with Signals() as signals:
        pass
    signals.wake()


def test_handlers_are_restored() -> None:
    """After the daemon, Python handles Ctrl-C again."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with Signals():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert signal.set_wakeup_fd(-1) == -1
