"""A thread of the daemon that shows its progress, and reports its end to the main thread."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Callable

HEARTBEAT_S = 10.0
"""A step that takes longer is stuck. The slowest legitimate one, ten faces through VGG16 on a Raspberry Pi 4, takes
about five."""


class DaemonThread(threading.Thread):
    """Base of the camera thread and the inference thread.

    Args:
        name: For log lines.
        on_end: Called in the thread when its work is over, with the exception that ended it, or None.

    Attributes:
        is_over: The work has ended; set before `on_end` is called.
    """

    def __init__(self, name: str, on_end: Callable[[Exception | None], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._on_end = on_end
        self._heartbeat_due_s = float("inf")
        self.is_over = False

    @abstractmethod
    def work(self) -> None:
        """What the thread does; returning ends it."""

    def expect_heartbeat_within(self, within_s: float) -> None:
        """Promise the next call of this method within so many seconds."""
        self._heartbeat_due_s = time.monotonic() + within_s

    def is_stuck(self, now_s: float) -> bool:
        """Whether a heartbeat is overdue. A thread that is over is not stuck."""
        return not self.is_over and now_s > self._heartbeat_due_s

    def run(self) -> None:
        failure: Exception | None = None
        try:
            self.work()
        except Exception as error:  # noqa: BLE001 - the top of a thread: main decides what it means
            failure = error
        self.is_over = True
        self._on_end(failure)
