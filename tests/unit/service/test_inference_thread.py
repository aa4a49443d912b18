"""The inference thread's work, run in the test's own thread, with a fake pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from edge_fer.domain.events import Event, FaceEvent, SystemEvent
from edge_fer.domain.faces import Frame, Observation
from edge_fer.domain.health import LoadReport
from edge_fer.errors import InferenceError
from edge_fer.identity.gallery import Gallery
from edge_fer.pipeline.visits import VisitTracker
from edge_fer.service.camera_thread import CameraBack, CameraLost, Delivery, SourceEnded
from edge_fer.service.event_forwarder import EventForwarder
from edge_fer.service.health import Health
from edge_fer.service.inference_thread import InferenceThread
from edge_fer.service.latest_frame import LatestSlot
from tests.fakes import FakePipeline

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
LOST = CameraLost(START + timedelta(seconds=1), "/dev/video0: no such camera")
BACK = CameraBack(START + timedelta(seconds=2))


def frame(seq: int, captured_s: float | None = None) -> Frame:
    at_s = seq / 10 if captured_s is None else captured_s
    return Frame(np.zeros((48, 64, 3), np.uint8), seq, at_s, START + timedelta(seconds=seq / 10))


class RecordingForwarder(EventForwarder):
    """Keeps events instead of sending them.

    Attributes:
        log: Types of events, face events with their track, and "[state]" for a status.
    """

    def __init__(self) -> None:
        self.log: list[str] = []
        self.events: list[Event] = []
        self.latencies_s: list[float | None] = []

    def send_event(self, event: Event, latency_s: float | None = None) -> None:
        if isinstance(event, FaceEvent):
            self.log.append(f"{event.type.value} {event.track_id}")
        elif isinstance(event, SystemEvent):
            self.log.append(event.type.value)
        self.events.append(event)
        self.latencies_s.append(latency_s)

    def send_status(self, camera_state: str) -> None:
        self.log.append(f"[{camera_state}]")


class Harness:
    """Runs the work of an inference thread on a list of deliveries."""

    def __init__(self, pipeline: FakePipeline | None = None, *, timed: bool = True) -> None:
        self.pipeline = pipeline or FakePipeline()
        self.forwarder = RecordingForwarder()
        self.health = Health()
        self.slot = LatestSlot[Delivery]()
        self.thread = InferenceThread(
            self.slot,
            self.pipeline,
            VisitTracker(heartbeat_s=5),
            self.forwarder,
            self.health,
            timed=timed,
            on_end=lambda _: None,
        )

    def run(self, *deliveries: Delivery) -> list[str]:
        """Deliver these, then close the slot; what was sent."""
        waiting = list(deliveries)

        def take(timeout_s: float) -> Delivery | None:
            if not waiting:
                self.slot.close()
                return None
            return waiting.pop(0)

        self.slot.take = take  # type: ignore[method-assign]
        self.thread.work()
        return self.forwarder.log


def test_a_visit_from_the_first_frame_to_the_stop() -> None:
    """The camera is ok with the first frame; a face that is present when the slot is closed leaves."""
    assert Harness().run(frame(0), frame(1)) == ["[ok]", "enter 1", "leave 1"]


def test_a_lost_camera_ends_every_visit_first() -> None:
    """Leave, then camera_lost; after camera_back the same face is a new visit."""
    log = Harness().run(frame(0), LOST, BACK, frame(0))
    assert log == ["[ok]", "enter 1", "leave 1", "camera_lost", "[lost]", "camera_back", "[ok]", "enter 2", "leave 2"]


def test_a_lost_camera_is_explained() -> None:
    """The event carries reason and time; the reason stays until the camera is ok."""
    harness = Harness()
    harness.run(LOST)
    (event,) = harness.forwarder.events
    assert isinstance(event, SystemEvent)
    assert (event.detail, event.at) == (LOST.detail, LOST.at)
    assert harness.thread.camera_problem == LOST.detail
    assert (harness.thread.camera_state, harness.health.report(0).faces) == ("lost", 0)


def test_a_reconnected_camera_is_reported() -> None:
    """In words, with the time of the first frame."""
    harness = Harness()
    harness.run(LOST, BACK)
    event = harness.forwarder.events[-1]
    assert isinstance(event, SystemEvent)
    assert (event.detail, event.at) == ("camera reconnected", BACK.at)


def test_the_end_of_a_file_ends_the_thread() -> None:
    """State ended, every face leaves, and later deliveries are not read."""
    harness = Harness()
    assert harness.run(frame(0), SourceEnded(), frame(1)) == ["[ok]", "enter 1", "[ended]", "leave 1"]
    assert harness.pipeline.frames == [0]


def test_a_failing_pipeline_still_gives_leave_events() -> None:
    """The error goes up to the top of the thread after them."""

    def fail(frame: Frame) -> None:
        if frame.seq == 1:
            raise InferenceError("identity.tflite: inference failed", "report it")

    harness = Harness(FakePipeline(fail))
    with pytest.raises(InferenceError):
        harness.run(frame(0), frame(1))
    assert harness.forwarder.log == ["[ok]", "enter 1", "leave 1"]


def test_latency_is_from_capture_to_sending() -> None:
    """Of a camera's frame that is half a second old: a bit more than that."""
    harness = Harness()
    harness.run(frame(0, captured_s=time.monotonic() - 0.5))
    latency_s = harness.forwarder.latencies_s[0]
    assert latency_s is not None
    assert 0.5 <= latency_s < 5
    report = harness.health.report(time.monotonic())
    assert report.latency_p50_ms is not None
    assert 500 <= report.latency_p50_ms < 5000


def test_a_file_played_fast_has_no_latency() -> None:
    """Its frames have no time of capture; health reports the time of processing."""
    harness = Harness(timed=False)
    harness.run(frame(0, captured_s=1e9))
    assert harness.forwarder.latencies_s[0] is None
    report = harness.health.report(time.monotonic())
    assert report.latency_p50_ms is not None
    assert 0 <= report.latency_p50_ms < 500


def test_a_leave_is_never_before_the_last_frame() -> None:
    """A file played fast may be ahead of the clock."""
    harness = Harness(timed=False)
    future = datetime.now(timezone.utc) + timedelta(hours=1)
    harness.run(Frame(frame(0).rgb, 0, 0.0, future))
    last = harness.forwarder.events[-1]
    assert isinstance(last, FaceEvent)
    assert last.at == future


def test_every_turn_is_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while no frame comes: waiting for a lost camera is progress."""
    harness = Harness()
    promises_s: list[float] = []
    monkeypatch.setattr(harness.thread, "expect_heartbeat_within", promises_s.append)
    harness.run(frame(0), frame(1), LOST)
    assert len(promises_s) == 4


def test_the_pipeline_is_told_whether_the_board_throttles_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each frame, by what health knows."""
    harness = Harness()
    answers = iter([False, True, False])
    monkeypatch.setattr(harness.health, "is_throttled", lambda _: next(answers))
    harness.run(frame(0), frame(1), frame(2))
    assert harness.pipeline.throttled == [False, True, False]


def test_a_changed_gallery_reaches_the_pipeline() -> None:
    """Once, before the next frame."""
    harness, gallery = Harness(), Gallery("0" * 64)

    class FakeWatcher:
        answers = iter([None, gallery, None])

        def changed(self, now_s: float) -> Gallery | None:
            return next(self.answers)

    harness.thread._gallery_watcher = FakeWatcher()  # type: ignore[assignment]
    harness.run(frame(0), frame(1), frame(2))
    assert harness.pipeline.galleries == [gallery]


def test_degradations_are_in_the_health_report() -> None:
    """In the words of the pipeline."""
    harness = Harness()
    harness.pipeline.load = LoadReport(("newcomers are looked for half as often",), 1.25)
    harness.run(frame(0))
    report = harness.health.report(time.monotonic())
    assert (report.degradations, report.emotion_age_s) == (("newcomers are looked for half as often",), 1.25)
    assert report.warnings == ()


def test_a_warning_about_biased_labels_is_in_the_health_report() -> None:
    """Every frame is counted, and the words reach health."""
    harness, counted_s = Harness(), []

    class FakeMonitor:
        def observe(self, observations: Sequence[Observation], now_s: float) -> None:
            counted_s.append(now_s)

        def warning(self) -> str | None:
            return "all sad"

    harness.thread._bias_monitor = FakeMonitor()  # type: ignore[assignment]
    harness.run(frame(0), frame(1))
    assert counted_s == [0.0, 0.1]
    assert harness.health.report(time.monotonic()).warnings == ("all sad",)
