"""The daemon's health messages, and a board that throttles itself."""

from __future__ import annotations

import time

import pytest

from edge_fer.protocol.messages import Message
from edge_fer.service import health
from tests.broker import wait_until
from tests.component.service.harness import CAMERA, After, DaemonHarness, terminate
from tests.fakes import FakeSource


def test_health_is_published_at_its_interval(after: After) -> None:
    """Every second here, with the counters of this run."""
    harness = DaemonHarness(CAMERA, [FakeSource(endless=True)], health_interval_s=1)

    def health_messages() -> list[Message]:
        return [message for message in harness.publisher.messages if message.topic.endswith("/health")]

    def stop_after_two() -> None:
        wait_until(lambda: len(health_messages()) >= 2)
        terminate()

    started_s = time.monotonic()
    after(0.0, stop_after_two)
    assert harness.run() == 0
    assert time.monotonic() - started_s >= 2
    payload = health_messages()[-1].payload
    assert not isinstance(payload, str)
    assert payload["camera"] == "ok"
    assert payload["frames"] > 5
    assert payload["fps"] > 1


def test_a_board_that_throttles_itself_is_given_less_work(monkeypatch: pytest.MonkeyPatch, after: After) -> None:
    """From the first frame on."""
    monkeypatch.setattr(health, "throttled", lambda _: True)
    harness = DaemonHarness(CAMERA, [FakeSource(endless=True)])

    def stop_after_a_frame() -> None:
        wait_until(lambda: bool(harness.pipeline.throttled))
        terminate()

    after(0.0, stop_after_a_frame)
    assert harness.run() == 0
    assert set(harness.pipeline.throttled) == {True}
