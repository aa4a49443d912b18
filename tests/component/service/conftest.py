"""Fixtures for tests of the daemon."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from edge_fer.service import camera_thread
from tests.component.service.harness import After


@pytest.fixture(autouse=True)
def _short_waits_and_no_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_thread, "_FIRST_RETRY_S", 0.02)
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def after() -> Iterator[After]:
    """Run something in another thread after so many seconds."""
    timers: list[threading.Timer] = []

    def schedule(delay_s: float, action: Callable[[], object]) -> None:
        timers.append(threading.Timer(delay_s, action))
        timers[-1].start()

    yield schedule
    for timer in timers:
        timer.join()
