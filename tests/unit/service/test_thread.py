"""A thread's heartbeat, and how its end is reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edge_fer.service.thread import DaemonThread


class SampleThread(DaemonThread):
    """Runs a function, then waits until it is released."""

    def __init__(self, job: Callable[[SampleThread], None], ends: list[Exception | None]) -> None:
        super().__init__("job", ends.append)
        self.job = job
        self.started_work = threading.Event()
        self.released = threading.Event()

    def work(self) -> None:
        self.job(self)
        self.started_work.set()
        self.released.wait(10)


def run(job: Callable[[SampleThread], None]) -> tuple[SampleThread, list[Exception | None]]:
    ends: list[Exception | None] = []
    thread = SampleThread(job, ends)
    thread.start()
    return thread, ends


def test_before_its_first_promise_a_thread_is_not_stuck() -> None:
    """It may take its time to start."""
    thread, ends = run(lambda _: None)
    assert thread.started_work.wait(5)
    assert not thread.is_stuck(time.monotonic() + 1e6)
    thread.released.set()
    thread.join(5)
    assert ends == [None]


def test_an_overdue_heartbeat_is_stuck() -> None:
    """Until the next one comes."""
    thread, _ = run(lambda job: job.expect_heartbeat_within(5))
    assert thread.started_work.wait(5)
    now_s = time.monotonic()
    assert not thread.is_stuck(now_s + 4)
    assert thread.is_stuck(now_s + 6)
    thread.expect_heartbeat_within(10)
    assert not thread.is_stuck(now_s + 6)
    thread.released.set()
    thread.join(5)


def test_a_thread_that_is_over_is_not_stuck() -> None:
    """Its end is reported by `on_end`."""
    thread, _ = run(lambda job: job.expect_heartbeat_within(0))
    thread.released.set()
    thread.join(5)
    assert not thread.is_stuck(time.monotonic() + 1e6)


def test_a_failure_is_reported() -> None:
    """Any exception reaches `on_end`, once."""

    def fail(_: SampleThread) -> None:
        raise ZeroDivisionError

    thread, ends = run(fail)
    thread.join(5)
    assert [type(end) for end in ends] == [ZeroDivisionError]
