"""The inference thread: frames from the slot → observations → events → messages.

It alone touches the pipeline, the visits and the gallery watcher.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from edge_fer.domain.events import SystemEvent, SystemEventType
from edge_fer.domain.faces import Frame, Observation, TrackState
from edge_fer.domain.health import CameraState
from edge_fer.emotion.bias_monitor import LabelBiasMonitor
from edge_fer.identity.gallery_watcher import GalleryWatcher
from edge_fer.pipeline.visits import VisitTracker
from edge_fer.service.camera_thread import CameraBack, CameraLost, Delivery, SourceEnded
from edge_fer.service.event_forwarder import EventForwarder
from edge_fer.service.health import Health
from edge_fer.service.interfaces import FramePipeline
from edge_fer.service.latest_frame import LatestSlot
from edge_fer.service.thread import HEARTBEAT_S, DaemonThread

_POLL_S = 0.5
"""How long one wait for the slot takes: also the interval of heartbeats while no frame comes."""


class InferenceThread(DaemonThread):
    """Runs until the slot is closed or its source has ended; then every face present leaves.

    Args:
        slot: Where frames and notices come from.
        pipeline: Frame → observations.
        visits: Observations → events.
        forwarder: Events → messages.
        health: Gets the figures of every frame.
        gallery_watcher: Notices changes of the gallery; None where identity is disabled.
        timed: The frames' times are those of the clock: a camera, or a file at its own pace.
        on_end: As for DaemonThread.

    Attributes:
        camera_state: As the status message reports it.
        camera_problem: Why there is no picture, in one line; None while there is one.
    """

    def __init__(
        self,
        slot: LatestSlot[Delivery],
        pipeline: FramePipeline,
        visits: VisitTracker,
        forwarder: EventForwarder,
        health: Health,
        *,
        gallery_watcher: GalleryWatcher | None = None,
        timed: bool,
        on_end: Callable[[Exception | None], None],
    ) -> None:
        super().__init__("inference", on_end)
        self._slot = slot
        self._pipeline = pipeline
        self._visits = visits
        self._forwarder = forwarder
        self._health = health
        self._gallery_watcher = gallery_watcher
        self._bias_monitor = LabelBiasMonitor()
        self._timed = timed
        self._last_captured_at = datetime.min.replace(tzinfo=timezone.utc)
        self.camera_state: CameraState = "opening"
        self.camera_problem: str | None = None

    def work(self) -> None:
        try:
            while True:
                self.expect_heartbeat_within(HEARTBEAT_S)
                delivery = self._slot.take(_POLL_S)
                if isinstance(delivery, Frame):
                    self._process(delivery)
                elif isinstance(delivery, CameraLost):
                    self._handle_camera_lost(delivery)
                elif isinstance(delivery, CameraBack):
                    self._send_system_event(SystemEventType.CAMERA_BACK, delivery.at, "camera reconnected")
                elif isinstance(delivery, SourceEnded):
                    self._set_camera_state("ended")
                    return
                elif self._slot.closed:
                    return
        finally:
            self._end_visits()

    def _process(self, frame: Frame) -> None:
        started_s = time.monotonic()
        self._set_camera_state("ok")
        if self._gallery_watcher and (gallery := self._gallery_watcher.changed(started_s)):
            self._pipeline.use_gallery(gallery)
        observations = self._pipeline.process(frame, throttled=self._health.is_throttled(started_s))
        self._last_captured_at = frame.captured_at
        for event in self._visits.step(observations, frame):
            self._forwarder.send_event(event, time.monotonic() - frame.captured_s if self._timed else None)
        self._record_health(observations, frame, started_s)

    def _record_health(self, observations: Sequence[Observation], frame: Frame, started_s: float) -> None:
        self._bias_monitor.observe(observations, frame.captured_s)
        warning = self._bias_monitor.warning()
        self._health.record_load(self._pipeline.load, (warning,) if warning else ())
        self._health.record_frame(
            captured_s=frame.captured_s if self._timed else started_s,
            done_s=time.monotonic(),
            faces=sum(observation.track.state is TrackState.CONFIRMED for observation in observations),
        )

    def _handle_camera_lost(self, lost: CameraLost) -> None:
        self._end_visits()
        self._pipeline.end_tracks()
        self._health.record_camera_lost()
        self._send_system_event(SystemEventType.CAMERA_LOST, lost.at, lost.detail)
        self._set_camera_state("lost", lost.detail)

    def _end_visits(self) -> None:
        """Every face present leaves, now, or with the last frame of a file that was played faster than the clock."""
        for event in self._visits.finish(max(self._last_captured_at, datetime.now(timezone.utc))):
            self._forwarder.send_event(event)

    def _send_system_event(self, kind: SystemEventType, at: datetime, detail: str) -> None:
        self._forwarder.send_event(SystemEvent(kind, at, detail))

    def _set_camera_state(self, state: CameraState, problem: str | None = None) -> None:
        self.camera_problem = problem
        if state != self.camera_state:
            self.camera_state = state
            self._forwarder.send_status(state)
