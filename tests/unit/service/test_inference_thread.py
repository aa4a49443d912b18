"""The inference thread's work, run in the test's own thread, with a scripted pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from edge_fer.domain.events import Event, FaceEvent, SystemEvent
from edge_fer.domain.faces import Emotion, EmotionState, Frame, Identity, IdentityState, Observation, Track, TrackState
from edge_fer.domain.geometry import Box
from edge_fer.errors import InferenceError
from edge_fer.identity.gallery import Gallery
from edge_fer.pipeline.pipeline import LoadReport
from edge_fer.pipeline.visits import VisitTracker
from edge_fer.service.camera_thread import CameraBack, CameraLost, Delivery, SourceEnded
from edge_fer.service.health import Health
from edge_fer.service.inference_thread import InferenceThread
from edge_fer.service.latest_frame import LatestSlot

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def frame(seq: int, captured_s: float | None = None) -> Frame:
    at_s = seq / 10 if captured_s is None else captured_s
    return Frame(np.zeros((48, 64, 3), np.uint8), seq, at_s, START + timedelta(seconds=seq / 10))


class OneFace:
    """A pipeline that sees one face in every frame, and notes what it is asked."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.track_id = 1
        self.seen: list[int] = []
        self.load = LoadReport()
        self.shares: list[float] = []
        self.galleries: list[Gallery] = []

    def process(self, frame: Frame) -> Sequence[Observation]:
        if frame.seq == self.fails_at:
            raise InferenceError("identity.tflite: inference failed", "report it")
        self.seen.append(frame.seq)
        box = Box(10, 10, 20, 20)
        track = Track(self.track_id, TrackState.CONFIRMED, box, 0.0, frame.captured_s, 3, None)
        return (Observation(track, frame.seq, None, Identity(IdentityState.DISABLED), Emotion(EmotionState.DISABLED)),)

    def forget(self) -> None:
        self.track_id += 1

    def use_share(self, share: float) -> None:
        self.shares.append(share)

    def use_gallery(self, gallery: Gallery) -> None:
        self.galleries.append(gallery)


class Notes:
    """A sink that keeps everything as words, in order."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.events: list[Event] = []
        self.latencies: list[float | None] = []

    def send_event(self, event: Event, latency_s: float | None) -> None:
        track = f" {event.track_id}" if isinstance(event, FaceEvent) else ""
        self.words.append(f"{event.type.value}{track}")
        self.events.append(event)
        self.latencies.append(latency_s)

    def send_camera_state(self, state: str) -> None:
        self.words.append(f"[{state}]")


class Stage:
    """Feeds deliveries to a thread object whose work runs here, one after the other."""

    def __init__(self, pipeline: OneFace | None = None, *, timed: bool = True) -> None:
        self.pipeline = pipeline or OneFace()
        self.notes = Notes()
        self.health = Health()
        self.slot = LatestSlot[Delivery]()
        events = VisitTracker(heartbeat_s=5)
        self.worker = InferenceThread(
            self.slot, self.pipeline, events, self.notes, self.health, timed=timed, on_end=lambda _: None
        )

    def play(self, *deliveries: Delivery) -> list[str]:
        """Run the thread's work on these deliveries, then close the slot."""
        waiting = list(deliveries)

        def take(timeout_s: float) -> Delivery | None:
            if not waiting:
                self.slot.close()
                return None
            return waiting.pop(0)

        self.slot.take = take  # type: ignore[method-assign]
        self.worker.work()
        return self.notes.words


LOST = CameraLost(START + timedelta(seconds=1), "/dev/video0: no such camera")
BACK = CameraBack(START + timedelta(seconds=2))


def test_a_visit_from_first_frame_to_stop() -> None:
    """The camera is ok with the first frame; whoever is present when the slot is closed leaves."""
    assert Stage().play(frame(0), frame(1)) == ["[ok]", "enter 1", "leave 1"]


def test_a_lost_camera_ends_every_visit_first() -> None:
    """Leave, then camera_lost; after camera_back the same face is a new visit."""
    words = Stage().play(frame(0), LOST, BACK, frame(0))
    assert words == ["[ok]", "enter 1", "leave 1", "camera_lost", "[lost]", "camera_back", "[ok]", "enter 2", "leave 2"]


def test_a_lost_camera_is_explained() -> None:
    """The event carries why and when; the problem stands until the camera is ok."""
    stage = Stage()
    stage.play(LOST)
    (event,) = stage.notes.events
    assert isinstance(event, SystemEvent)
    assert (event.detail, event.at) == (LOST.detail, LOST.at)
    assert stage.worker.camera_problem == LOST.detail
    assert (stage.worker.camera_state, stage.health.report(0).faces) == ("lost", 0)


def test_a_file_ends_the_thread() -> None:
    """State ended, everybody leaves, and what might follow is not read."""
    stage = Stage()
    assert stage.play(frame(0), SourceEnded(), frame(1)) == ["[ok]", "enter 1", "[ended]", "leave 1"]
    assert stage.pipeline.seen == [0]


def test_a_failing_pipeline_still_says_leave() -> None:
    """The error goes up to the thread's top, after the leave events."""
    stage = Stage(OneFace(fails_at=1))
    with pytest.raises(InferenceError):
        stage.play(frame(0), frame(1))
    assert stage.notes.words == ["[ok]", "enter 1", "leave 1"]


def test_latency_is_from_capture_to_sending() -> None:
    """Of a camera's frame that is half a second old: a bit more than that."""
    stage = Stage()
    stage.play(frame(0, captured_s=time.monotonic() - 0.5))
    latency_s = stage.notes.latencies[0]
    assert latency_s is not None
    assert 0.5 <= latency_s < 5
    report = stage.health.report(time.monotonic())
    assert report.latency_p50_ms is not None
    assert 500 <= report.latency_p50_ms < 5000


def test_a_file_played_fast_has_no_latency() -> None:
    """Its frames have no capture; health tells the time of processing."""
    stage = Stage(timed=False)
    stage.play(frame(0, captured_s=1e9))
    assert stage.notes.latencies[0] is None
    report = stage.health.report(time.monotonic())
    assert report.latency_p50_ms is not None
    assert 0 <= report.latency_p50_ms < 500


def test_the_leave_is_never_before_the_last_frame() -> None:
    """A file played fast may be ahead of the clock."""
    stage = Stage(timed=False)
    future = datetime.now(timezone.utc) + timedelta(hours=1)
    picture = frame(0)
    stage.play(Frame(picture.rgb, 0, 0.0, future))
    assert stage.notes.events[-1].at == future


def test_every_turn_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while no frame comes: waiting for a lost camera is no lack of progress."""
    stage = Stage()
    promises: list[float] = []
    monkeypatch.setattr(stage.worker, "expect_heartbeat_within", promises.append)
    stage.play(frame(0), frame(1), LOST)
    assert len(promises) == 4


def test_a_hot_board_is_given_half_the_work() -> None:
    """From the next frame on, and all of it again when it has cooled."""
    stage = Stage()
    stage.play(frame(0))
    stage.worker.hot = True
    stage.play(frame(1))
    stage.worker.hot = False
    stage.play(frame(2))
    assert stage.pipeline.shares == [1.0, 0.5, 1.0]


def test_a_changed_gallery_reaches_the_pipeline() -> None:
    """Once, before the next frame."""
    stage, gallery = Stage(), Gallery("0" * 64)

    class Watch:
        news = iter([None, gallery, None])

        def changed(self, now_s: float) -> Gallery | None:
            return next(self.news)

    stage.worker._gallery_watcher = Watch()  # type: ignore[assignment]
    stage.play(frame(0), frame(1), frame(2))
    assert stage.pipeline.galleries == [gallery]


def test_what_the_pipeline_gives_up_is_in_the_health_report() -> None:
    """In the words of the scheduler."""
    stage = Stage()
    stage.pipeline.load = LoadReport(("newcomers are looked for half as often",), 1.25)
    stage.play(frame(0))
    report = stage.health.report(time.monotonic())
    assert (report.degradations, report.emotion_age_s) == (("newcomers are looked for half as often",), 1.25)
    assert report.warnings == ()


def test_a_skewed_model_is_warned_of_in_the_health_report() -> None:
    """Every frame is counted, and the words reach health."""
    stage, counted = Stage(), []

    class Odd:
        def observe(self, observations: Sequence[Observation], now_s: float) -> None:
            counted.append(now_s)

        def warning(self) -> str | None:
            return "all sad"

    stage.worker._bias_monitor = Odd()  # type: ignore[assignment]
    stage.play(frame(0), frame(1))
    assert counted == [0.0, 0.1]
    assert stage.health.report(time.monotonic()).warnings == ("all sad",)
