"""SIGTERM and SIGINT as bytes on a pair of sockets, so that main can wait for them and for its threads in one place."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from types import FrameType
from typing import Any

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Main's waiting room. Enter it in the main thread: only there does Python allow signal handlers."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._before: dict[signal.Signals, Any] = {}
        self._fd_before = -1
        self.stop_signal: signal.Signals | None = None

    def __enter__(self) -> Signals:
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._note) for number in STOPPING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd_before)
        self._reader.close()
        self._writer.close()

    def wake(self) -> None:
        """End main's wait; from any thread."""
        with contextlib.suppress(OSError):  # full: main is awake anyway; closed: main is gone
            self._writer.send(b"\0")

    def wait(self, timeout_s: float) -> None:
        """Wait for a signal, for wake(), or until the time is over."""
        readable, _, _ = select.select([self._reader], [], [], max(0.0, timeout_s))
        if readable:
            with contextlib.suppress(BlockingIOError):
                self._reader.recv(4096)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.stop_signal = self.stop_signal or signal.Signals(number)
