"""The orderly stop of the daemon: signals, stuck threads, slow and absent brokers."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from edge_fer.domain.faces import Frame
from edge_fer.errors import InferenceError
from edge_fer.mqtt.publisher import LinkState
from tests.component.service.harness import CAMERA, FILE, After, DaemonHarness, TimedSignal
from tests.fakes import FakePipeline, FakeSource


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_order(after: After, number: signal.Signals) -> None:
    """Every face leaves, then offline; exit code 0, well within 5 s."""
    harness = DaemonHarness(CAMERA, [FakeSource(endless=True)])
    stop = TimedSignal(number)
    after(0.3, stop.send)
    assert harness.run() == 0
    assert stop.elapsed_s() < 2
    assert harness.publisher.log[-3:] == ["leave", "health", "stop"]


def test_a_stuck_inference_thread_cannot_delay_the_stop() -> None:
    """It takes less than 5 s, and ends with an error that says so."""
    release = threading.Event()
    stop = TimedSignal(signal.SIGTERM)

    def block(_: Frame) -> None:
        stop.send()  # from here, so that the thread is certainly stuck when the signal comes
        release.wait(20)

    harness = DaemonHarness(CAMERA, [FakeSource(endless=True)], FakePipeline(block))
    with pytest.raises(InferenceError, match="does not stop"):
        harness.run()
    assert stop.elapsed_s() < 5
    assert harness.publisher.log[-1] == "stop"
    release.set()


def test_the_end_of_a_file_waits_for_a_slow_broker(after: After) -> None:
    """So that events that are still queued can be sent before the publisher is stopped."""
    harness = DaemonHarness(FILE, [FakeSource(2)])
    harness.publisher.queued = 3
    harness.publisher.state = LinkState(connected=False)
    after(0.5, lambda: setattr(harness.publisher, "queued", 0))
    started_s = time.monotonic()
    assert harness.run() == 0
    assert 0.45 <= time.monotonic() - started_s < 3


def test_the_end_of_a_file_does_not_wait_for_an_absent_broker() -> None:
    """One that cannot be reached."""
    harness = DaemonHarness(FILE, [FakeSource(2)])
    harness.publisher.queued = 3
    harness.publisher.state = LinkState(connected=False, problem="connection refused")
    started_s = time.monotonic()
    assert harness.run() == 0
    assert time.monotonic() - started_s < 2
