"""The notifier with a real AF_UNIX datagram socket, as systemd opens one for Type=notify."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge_fer.service import systemd
from edge_fer.service.systemd import Notifier

needs_systemd_python = pytest.mark.skipif(find_spec("systemd") is None, reason="systemd-python is not installed")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def notify_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield receiver


@needs_systemd_python
def test_each_call_is_one_datagram(notify_socket: socket.socket) -> None:
    """The four messages arrive as sd_notify(3) specifies them."""
    notifier = Notifier()
    notifier.ready("2 faces")
    notifier.watchdog()
    notifier.status("camera lost")
    notifier.stopping()
    received = [notify_socket.recv(4096).decode() for _ in range(4)]
    assert received == ["READY=1\nSTATUS=2 faces", "WATCHDOG=1", "STATUS=camera lost", "STOPPING=1"]


@needs_systemd_python
def test_a_closed_socket_is_no_error(notify_socket: socket.socket) -> None:
    """A re-execution of systemd must not end the daemon."""
    notifier = Notifier()
    notify_socket.close()
    notifier.watchdog()


@needs_systemd_python
@pytest.mark.parametrize(
    ("microseconds", "pid", "interval_s"),
    [
        ("30000000", "", 15.0),
        ("30000000", "own", 15.0),
        ("30000000", "1", None),  # meant for another process
        ("0", "", None),
        ("soon", "", None),
        ("", "", None),
    ],
)
def test_the_watchdog_is_notified_twice_per_period(
    notify_socket: socket.socket, monkeypatch: pytest.MonkeyPatch, microseconds: str, pid: str, interval_s: float | None
) -> None:
    """sd_watchdog_enabled(3): half of WATCHDOG_USEC, when it is meant for this process."""
    if microseconds:
        monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)
    assert Notifier().watchdog_interval_s == interval_s


def test_without_systemd_nothing_happens(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a socket: every call does nothing, there is no watchdog, and one log line says so."""
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    with caplog.at_level(logging.INFO):
        notifier = Notifier()
        notifier.ready("up")
        notifier.watchdog()
        notifier.status("up")
        notifier.stopping()
    assert notifier.watchdog_interval_s is None
    assert [record.getMessage() for record in caplog.records] == [
        "not started by systemd with Type=notify: no notifications, no watchdog"
    ]


def test_without_systemd_python_a_log_line_says_what_to_install(
    notify_socket: socket.socket, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With systemd but without the package: nothing is sent, and the log line names the extra."""
    monkeypatch.setattr(systemd, "_daemon", None)
    with caplog.at_level(logging.INFO):
        Notifier().ready("up")
    notify_socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        notify_socket.recv(4096)
    assert len(caplog.records) == 1
    assert "edge-fer[systemd]" in caplog.text
