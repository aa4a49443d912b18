"""Ends a thread's wait in `select` from another thread or from a signal handler: the self-pipe trick.

Source: https://cr.yp.to/docs/selfpipe.html
"""

from __future__ import annotations

import contextlib
import socket


class Waker:
    """A pair of sockets: one thread waits until it is readable, any thread may write to it."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that becomes readable; makes the waker itself an argument of `select`."""
        return self._reader.fileno()

    def write_fileno(self) -> int:
        """The descriptor to write to, for `signal.set_wakeup_fd`."""
        return self._writer.fileno()

    def wake(self) -> None:
        """End the wait that is under way, or the next one. Never blocks, and does nothing after close()."""
        with contextlib.suppress(OSError):  # full: a wake-up is pending anyway; closed: nobody waits
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Forget the wake-ups so far; should there be thousands, the next wait ends early."""
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(4096)

    def close(self) -> None:
        """Release the sockets."""
        self._reader.close()
        self._writer.close()
