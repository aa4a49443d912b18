"""SIGTERM and SIGINT as something to wait for, so that main waits for them and for its threads in one place."""

from __future__ import annotations

import select
import signal
from types import FrameType
from typing import Any

from edge_fer.waker import Waker

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """What the main thread waits on; a context manager.

    Enter it in the main thread: Python allows signal handlers only there.

    Attributes:
        stop_signal: The first signal that asked the process to stop, or None.
    """

    def __init__(self) -> None:
        self._waker = Waker()
        self._previous_handlers: dict[signal.Signals, Any] = {}
        self._previous_fd = -1
        self.stop_signal: signal.Signals | None = None

    def __enter__(self) -> Signals:
        self._previous_fd = signal.set_wakeup_fd(self._waker.write_fileno(), warn_on_full_buffer=False)
        self._previous_handlers = {number: signal.signal(number, self._handle) for number in STOP_SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_fd)
        self._waker.close()

    def wake(self) -> None:
        """End the main thread's wait; from any thread."""
        self._waker.wake()

    def wait(self, timeout_s: float) -> None:
        """Wait for a signal, for wake(), or until the timeout is over."""
        readable, _, _ = select.select([self._waker], [], [], max(0.0, timeout_s))
        if readable:
            self._waker.clear()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.stop_signal = self.stop_signal or signal.Signals(number)
