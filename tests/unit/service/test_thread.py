"""A thread's promise of progress, and how its end is heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edge_fer.service.thread import DaemonThread


class Job(DaemonThread):
    """Does what it is given, then waits until it is released."""

    def __init__(self, job: Callable[[Job], None], ends: list[Exception | None]) -> None:
        super().__init__("job", ends.append)
        self.job = job
        self.begun = threading.Event()
        self.released = threading.Event()

    def work(self) -> None:
        self.job(self)
        self.begun.set()
        self.released.wait(10)


def run(job: Callable[[Job], None]) -> tuple[Job, list[Exception | None]]:
    ends: list[Exception | None] = []
    worker = Job(job, ends)
    worker.start()
    return worker, ends


def test_without_a_promise_nobody_is_stuck() -> None:
    """Before it promises anything, a thread may take its time."""
    worker, ends = run(lambda _: None)
    assert worker.begun.wait(5)
    assert not worker.is_stuck(time.monotonic() + 1e6)
    worker.released.set()
    worker.join(5)
    assert ends == [None]


def test_a_broken_promise_is_stuck_until_it_is_renewed() -> None:
    """Overdue is stuck; the next sign of life mends it."""
    worker, _ = run(lambda job: job.expect_heartbeat_within(5))
    assert worker.begun.wait(5)
    now_s = time.monotonic()
    assert not worker.is_stuck(now_s + 4)
    assert worker.is_stuck(now_s + 6)
    worker.expect_heartbeat_within(10)
    assert not worker.is_stuck(now_s + 6)
    worker.released.set()
    worker.join(5)


def test_a_thread_that_is_over_is_not_stuck() -> None:
    """Its end is told in another way."""
    worker, _ = run(lambda job: job.expect_heartbeat_within(0))
    worker.released.set()
    worker.join(5)
    assert not worker.is_stuck(time.monotonic() + 1e6)


def test_the_failure_is_handed_over() -> None:
    """Whatever the thread dies of reaches main, once."""

    def fail(_: Job) -> None:
        raise ZeroDivisionError

    worker, ends = run(fail)
    worker.join(5)
    assert [type(end) for end in ends] == [ZeroDivisionError]
