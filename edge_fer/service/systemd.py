"""Notifies systemd: ready, alive, status, stopping. Does nothing where systemd has not started the process.

Uses systemd-python (``pip install "edge-fer[systemd]"`` or Debian's python3-systemd).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

try:
    from systemd import daemon as _daemon
except ImportError:
    _daemon = None

LOG = logging.getLogger(__name__)


class Notifier:
    """The connection to systemd's notify socket.

    Attributes:
        watchdog_interval_s: How often to call watchdog(): half of WatchdogSec. None without a watchdog.
    """

    def __init__(self) -> None:
        self._notify = _notify_function()
        self.watchdog_interval_s = _watchdog_interval_s() if self._notify else None

    def ready(self, status: str) -> None:
        """The start is complete: units that wait for this one start."""
        self._send(f"READY=1\nSTATUS={status}")

    def watchdog(self) -> None:
        """Alive; without it for WatchdogSec, systemd kills and restarts the service."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """The line that ``systemctl status`` shows."""
        self._send(f"STATUS={text}")

    def stopping(self) -> None:
        """The orderly stop has started."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._notify:
            try:
                self._notify(message)
            except OSError as error:  # systemd re-executes itself: the next message will reach it
                LOG.debug("systemd cannot be notified: %s", error)


def _notify_function() -> Callable[[str], object] | None:
    if not os.environ.get("NOTIFY_SOCKET"):
        LOG.info("not started by systemd with Type=notify: no notifications, no watchdog")
        return None
    if _daemon is None:
        LOG.info('systemd-python is not installed, systemd gets no notifications: pip install "edge-fer[systemd]"')
        return None
    notify: Callable[[str], object] = _daemon.notify
    return notify


def _watchdog_interval_s() -> float | None:
    watched_pid = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if watched_pid != str(os.getpid()) or not microseconds.isdigit() or int(microseconds) == 0:
        return None
    return int(microseconds) / 1e6 / 2
