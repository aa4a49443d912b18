"""The daemon from start to end, and what becomes of failures."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError, EdgeFerError, InferenceError
from edge_fer.service import daemon as daemon_module
from tests.component.service.harness import CAMERA, FILE, After, DaemonHarness
from tests.fakes import FakePipeline, FakeSource


def test_a_file_from_start_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, one visit, leave at the end of the file, then the publisher stops; exit code 0."""
    monkeypatch.setattr(daemon_module, "_POLL_S", 60.0)  # the main thread is woken; it does not wait for its next turn
    harness = DaemonHarness(FILE, [FakeSource(5)])
    started_s = time.monotonic()
    assert harness.run() == 0
    assert time.monotonic() - started_s < 30
    assert harness.publisher.log == ["[opening]", "start", "[ok]", "enter", "[ended]", "leave", "health", "stop"]


def test_a_missing_file_is_an_error() -> None:
    """Before anything is published."""
    missing = CameraError("clip.avi: no such file or folder", "check camera.source")
    harness = DaemonHarness(FILE, [missing])
    with pytest.raises(CameraError) as caught:
        harness.run()
    assert caught.value is missing
    assert harness.publisher.log == []


def fail_with(error: Exception) -> Callable[[Frame], None]:
    """Raises the error at the third frame."""

    def on_frame(frame: Frame) -> None:
        if frame.seq == 2:
            raise error

    return on_frame


def test_the_first_failure_ends_the_daemon_in_order() -> None:
    """Leave and offline come before the error does."""
    error = InferenceError("identity.tflite: inference failed", "report it")
    harness = DaemonHarness(FILE, [FakeSource(9)], FakePipeline(fail_with(error)))
    with pytest.raises(InferenceError) as caught:
        harness.run()
    assert caught.value is error
    assert harness.publisher.log == ["[opening]", "start", "[ok]", "enter", "leave", "health", "stop"]


def test_a_bug_ends_in_one_line_and_a_logged_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Exit code 70; nothing is swallowed."""
    harness = DaemonHarness(FILE, [FakeSource(9)], FakePipeline(fail_with(KeyError("boxes"))))
    with pytest.raises(EdgeFerError, match="unexpected KeyError: 'boxes'") as caught:
        harness.run()
    assert caught.value.exit_code == 70
    assert "Traceback" in caplog.text


def test_a_failed_publisher_ends_the_daemon(after: After) -> None:
    """An absent broker is a state, but without its MQTT thread the daemon would never send anything again."""
    harness = DaemonHarness(CAMERA, [FakeSource(endless=True)])
    after(0.2, lambda: setattr(harness.publisher, "failure", TypeError("paho")))
    with pytest.raises(EdgeFerError, match="unexpected TypeError: paho"):
        harness.run()
    assert harness.publisher.log[-3:] == ["leave", "health", "stop"]
