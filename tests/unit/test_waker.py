"""Ending a wait in select from another thread."""

from __future__ import annotations

import select
import threading
import time

from edge_fer.waker import Waker


def is_awake(waker: Waker, timeout_s: float = 0) -> bool:
    """Whether a wait on the waker ends before the timeout."""
    return bool(select.select([waker], [], [], timeout_s)[0])


def test_a_thread_ends_the_wait() -> None:
    """At once, long before the timeout."""
    waker = Waker()
    timer = threading.Timer(0.05, waker.wake)
    timer.start()
    started_s = time.monotonic()
    assert is_awake(waker, 10)
    assert time.monotonic() - started_s < 5
    timer.join()
    waker.close()


def test_a_wake_up_before_the_wait_is_not_lost() -> None:
    """The next wait ends at once; after clear() it does not."""
    waker = Waker()
    waker.wake()
    assert is_awake(waker)
    waker.clear()
    assert not is_awake(waker)
    waker.close()


def test_many_wake_ups_are_one() -> None:
    """The sockets fill up; wake() neither blocks nor fails, and one clear() forgets all."""
    waker = Waker()
    for _ in range(100_000):
        waker.wake()
    waker.clear()
    assert not is_awake(waker)
    waker.close()


def test_waking_after_close_is_harmless() -> None:
    """A thread may end later than the one that it wakes."""
    waker = Waker()
    waker.close()
    waker.wake()
