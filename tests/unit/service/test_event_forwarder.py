"""Events and states of the device → published messages."""

from __future__ import annotations

from edge_fer.config.schema import Config
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.topics import Topics
from edge_fer.service.event_forwarder import EventForwarder
from tests.factories import REPORT, face_event
from tests.fakes import FakePublisher


def make_forwarder() -> tuple[EventForwarder, FakePublisher]:
    publisher = FakePublisher()
    return EventForwarder(Config(), MessageBuilder(Topics("site-1", "room-1"), {}), publisher), publisher


def last_payload(publisher: FakePublisher) -> dict[str, object]:
    payload = publisher.messages[-1].payload
    assert not isinstance(payload, str)
    return dict(payload)


def test_an_event_carries_its_latency_in_milliseconds() -> None:
    """None where it means nothing."""
    forwarder, publisher = make_forwarder()
    forwarder.send_event(face_event(), 0.0425)
    assert last_payload(publisher)["latency_ms"] == 42.5
    forwarder.send_event(face_event())
    assert last_payload(publisher)["latency_ms"] is None
    assert publisher.log == ["enter", "enter"]


def test_a_status_reports_the_camera() -> None:
    """In its present state."""
    forwarder, publisher = make_forwarder()
    forwarder.send_status("lost")
    assert publisher.log == ["[lost]"]


def test_health_has_the_counters_of_slot_and_queue() -> None:
    """Beside the figures of the report."""
    forwarder, publisher = make_forwarder()
    publisher.queued = 3
    forwarder.send_health(REPORT, camera_state="ok", frames_dropped=7)
    payload = last_payload(publisher)
    assert (payload["frames"], payload["frames_dropped"], payload["camera"]) == (REPORT.frames, 7, "ok")
    assert payload["outbox"] == {"queued": 3, "acked": 0, "refused": 0, "dropped": 0}
