"""What the daemon sends to systemd: readiness, status, and watchdog notifications while it makes progress."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError
from edge_fer.service import camera_thread, daemon, inference_thread
from tests.component.service.harness import CAMERA, FILE, NO_CAMERA, After, DaemonHarness, terminate
from tests.fakes import FakePipeline, FakeSource

pytestmark = pytest.mark.skipif(find_spec("systemd") is None, reason="systemd-python is not installed")


class Systemd:
    """The receiving end of a real notify socket; it reads all the time, as systemd does, since the queue is short."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._messages: list[str] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def received(self) -> list[str]:
        """The messages since the last call."""
        messages, self._messages = self._messages, []
        return messages

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def _read(self) -> None:
        while message := self._socket.recv(4096).decode():
            self._messages.append(message)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    """systemd with WatchdogSec=200ms, so that the daemon notifies it every 100 ms."""
    path = tmp_path / "notify"
    listener = Systemd(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    monkeypatch.setattr(inference_thread, "HEARTBEAT_S", 0.4)
    monkeypatch.setattr(camera_thread, "HEARTBEAT_S", 0.4)
    monkeypatch.setattr(inference_thread, "_POLL_S", 0.1)
    monkeypatch.setattr(daemon, "_STATUS_INTERVAL_S", 0.3)
    yield listener
    listener.close()


def test_ready_status_watchdog_and_stopping(systemd: Systemd, after: After) -> None:
    """READY first, a status with frame rate and faces, watchdog notifications, STOPPING last."""
    harness = DaemonHarness(CAMERA, [FakeSource(endless=True)])
    after(1.05, terminate)
    assert harness.run() == 0
    messages = systemd.received()
    assert messages[0] == "READY=1\nSTATUS=started, reading /dev/video99"
    assert any(message.startswith("STATUS=") and "frames/s" in message for message in messages)
    assert 5 <= messages.count("WATCHDOG=1") <= 14
    assert messages[-1] == "STOPPING=1"


def test_a_failed_start_is_never_ready(systemd: Systemd) -> None:
    """systemd must see a failed start, not a service that was up for a moment."""
    harness = DaemonHarness(FILE, [NO_CAMERA])
    with pytest.raises(CameraError):
        harness.run()
    assert systemd.received() == []


def test_a_missing_camera_does_not_stop_the_notifications(systemd: Systemd, after: After) -> None:
    """It is a state, not a reason for a restart; the status line says what is missing."""
    harness = DaemonHarness(CAMERA, [])
    after(1.05, terminate)
    assert harness.run() == 0
    messages = systemd.received()
    assert messages.count("WATCHDOG=1") >= 5
    assert any("no picture: /dev/video99: no such camera" in message for message in messages)


def test_a_stuck_inference_thread_stops_the_notifications(
    systemd: Systemd, after: After, caplog: pytest.LogCaptureFixture
) -> None:
    """Although the main thread still runs; they resume when the thread goes on."""
    release = threading.Event()

    def block(_: Frame) -> None:
        release.wait(20)

    harness = DaemonHarness(CAMERA, [FakeSource(endless=True)], FakePipeline(block))
    while_stuck: list[str] = []
    after(0.8, systemd.received)
    after(1.6, lambda: while_stuck.extend(systemd.received()))
    after(1.7, release.set)
    after(2.0, terminate)
    assert harness.run() == 0
    assert "WATCHDOG=1" not in while_stuck
    assert "the inference thread is stuck" in caplog.text
    assert "WATCHDOG=1" in systemd.received()


def test_a_hung_camera_driver_stops_the_notifications(systemd: Systemd, after: After) -> None:
    """Neither a frame nor a loss is reported: that is not progress."""

    class HungSource(FakeSource):
        def read(self) -> Frame | None:
            self.closing.wait(1.5)
            return None

    harness = DaemonHarness({**CAMERA, "fps": 30}, [HungSource()])
    while_hung: list[str] = []
    after(0.8, systemd.received)
    after(1.3, lambda: while_hung.extend(systemd.received()))
    after(1.4, terminate)
    assert harness.run() == 0
    assert "WATCHDOG=1" not in while_hung
