"""The inference thread: frames from the slot through the pipeline, observations to events, events to the publisher.

It alone touches the pipeline and the event maker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Protocol

from edge_fer.domain.events import Event, SystemEvent, SystemEventType
from edge_fer.domain.faces import Frame, Observation, TrackState
from edge_fer.domain.health import CameraState
from edge_fer.emotion.bias_monitor import LabelBiasMonitor
from edge_fer.identity.gallery import Gallery
from edge_fer.identity.gallery_watcher import GalleryWatcher
from edge_fer.pipeline.pipeline import LoadReport
from edge_fer.pipeline.visits import VisitTracker
from edge_fer.service.camera_thread import CameraBack, CameraLost, Delivery, SourceEnded
from edge_fer.service.health import Health
from edge_fer.service.latest_frame import LatestSlot
from edge_fer.service.thread import PATIENCE_S, DaemonThread

_TURN_S = 0.5
"""How long one look into the slot waits: also how often the thread shows that it is alive while no frame comes."""

_HOT_SHARE = 0.5
"""Of the budget, on a board that throttles itself; it slows its clock by about as much. See docs/performance.md."""


class FrameProcessor(Protocol):
    """What the thread needs of the pipeline."""

    @property
    def load(self) -> LoadReport: ...

    def process(self, frame: Frame) -> Sequence[Observation]: ...

    def use_gallery(self, gallery: Gallery) -> None: ...

    def use_share(self, share: float) -> None: ...

    def forget(self) -> None: ...


class Sink(Protocol):
    """Where the thread's news go; neither call may wait for a network."""

    def send_event(self, event: Event, latency_s: float | None) -> None: ...

    def send_camera_state(self, state: CameraState) -> None: ...


class InferenceThread(DaemonThread):
    """Runs until the slot is closed or its source has ended; whatever ends it, everybody present leaves.

    Args:
        slot: Where frames and notices come from.
        pipeline: Observes frames.
        events: Makes events of observations.
        sink: Takes events and changes of the camera's state.
        health: Hears of every frame.
        gallery_watcher: Sees changes of the gallery; None where identity is disabled.
        timed: The frames' times are those of the clock: a camera, or a file at its own pace.
        on_end: As for DaemonThread.

    Attributes:
        hot: Set by whoever sees that the board throttles itself: half the work is done until it is unset.
    """

    def __init__(
        self,
        slot: LatestSlot[Delivery],
        pipeline: FrameProcessor,
        events: VisitTracker,
        sink: Sink,
        health: Health,
        *,
        gallery_watcher: GalleryWatcher | None = None,
        timed: bool,
        on_end: Callable[[Exception | None], None],
    ) -> None:
        super().__init__("inference", on_end)
        self._slot = slot
        self._pipeline = pipeline
        self._events = events
        self._sink = sink
        self._health = health
        self._gallery_watcher = gallery_watcher
        self._bias_monitor = LabelBiasMonitor()
        self._timed = timed
        self.hot = False
        self._newest_at = datetime.min.replace(tzinfo=timezone.utc)
        self.camera_state: CameraState = "opening"
        self.camera_problem: str | None = None

    def work(self) -> None:
        try:
            while True:
                self.expect_heartbeat_within(PATIENCE_S)
                delivery = self._slot.take(_TURN_S)
                if isinstance(delivery, Frame):
                    self._observe(delivery)
                elif isinstance(delivery, CameraLost):
                    self._lose_camera(delivery)
                elif isinstance(delivery, CameraBack):
                    self._send_system(SystemEventType.CAMERA_BACK, delivery.at, "frames come again")
                elif isinstance(delivery, SourceEnded):
                    self._set_camera("ended")
                    return
                elif self._slot.closed:
                    return
        finally:
            self._everybody_leaves()

    def _observe(self, frame: Frame) -> None:
        begun_s = time.monotonic()
        self._set_camera("ok")
        if self._gallery_watcher and (gallery := self._gallery_watcher.changed(begun_s)):
            self._pipeline.use_gallery(gallery)
        self._pipeline.use_share(_HOT_SHARE if self.hot else 1.0)
        observations = self._pipeline.process(frame)
        self._newest_at = frame.captured_at
        for event in self._events.step(observations, frame):
            latency_s = time.monotonic() - frame.captured_s if self._timed else None
            self._sink.send_event(event, latency_s)
        self._bias_monitor.observe(observations, frame.captured_s)
        load, warning = self._pipeline.load, self._bias_monitor.warning()
        self._health.record_load(
            emotion_age_s=load.emotion_age_s, degradations=load.degradations, warnings=(warning,) if warning else ()
        )
        self._health.frame_done(
            captured_s=frame.captured_s if self._timed else begun_s,
            done_s=time.monotonic(),
            faces=sum(seen.track.state is TrackState.CONFIRMED for seen in observations),
        )

    def _lose_camera(self, lost: CameraLost) -> None:
        self._everybody_leaves()
        self._pipeline.forget()
        self._health.camera_lost()
        self._send_system(SystemEventType.CAMERA_LOST, lost.at, lost.detail)
        self._set_camera("lost", lost.detail)

    def _everybody_leaves(self) -> None:
        """At the clock's time, or at the last frame's when a file was played faster than that."""
        for event in self._events.finish(max(self._newest_at, datetime.now(timezone.utc))):
            self._sink.send_event(event, None)

    def _send_system(self, kind: SystemEventType, at: datetime, detail: str) -> None:
        self._sink.send_event(SystemEvent(kind, at, detail), None)

    def _set_camera(self, state: CameraState, problem: str | None = None) -> None:
        self.camera_problem = problem
        if state != self.camera_state:
            self.camera_state = state
            self._sink.send_camera_state(state)
