"""The daemon: starts the threads, supervises them, and stops them in order.

Camera thread → slot → inference thread → MQTT thread. The main thread handles signals, feeds systemd's watchdog as long
as the threads make progress, publishes health, and keeps the first failure, which ends the daemon.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge_fer.config.schema import CameraConfig, Config
from edge_fer.errors import EdgeFerError, InferenceError
from edge_fer.identity.gallery_watcher import GalleryWatcher
from edge_fer.mqtt.publisher import Publisher
from edge_fer.pipeline import building
from edge_fer.pipeline.visits import VisitTracker
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.topics import Topics
from edge_fer.service.camera_thread import CameraThread, Delivery
from edge_fer.service.event_forwarder import EventForwarder
from edge_fer.service.health import Health
from edge_fer.service.inference_thread import InferenceThread
from edge_fer.service.interfaces import FramePipeline, MessagePublisher
from edge_fer.service.latest_frame import LatestSlot
from edge_fer.service.signals import Signals
from edge_fer.service.systemd import Notifier
from edge_fer.sources import opening
from edge_fer.sources.base import Source
from edge_fer.tflite.manifest import Manifest

LOG = logging.getLogger(__name__)

_POLL_S = 1.0
"""Longest wait of the main loop."""
_STATUS_INTERVAL_S = 5.0
"""Between two lines of `systemctl status`."""
_STOP_S = 4.5
"""The whole orderly stop, so that a signal ends the process within 5 s."""
_DRAIN_S = 10.0
"""How long the end of a file waits for a broker that is slow to connect."""
_DRAIN_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class _Running:
    """The parts of a daemon that has started."""

    notifier: Notifier
    publisher: MessagePublisher
    forwarder: EventForwarder
    slot: LatestSlot[Delivery]
    health: Health
    camera: CameraThread
    inference: InferenceThread

    def send_health(self, now_s: float) -> None:
        """Publish the state of the device."""
        self.forwarder.send_health(
            self.health.report(now_s), camera_state=self.inference.camera_state, frames_dropped=self.slot.dropped
        )

    def status_line(self, now_s: float) -> str:
        """The line of `systemctl status`."""
        report, link = self.health.report(now_s), self.publisher.state
        problem = self.inference.camera_problem
        frames = f"no picture: {problem}" if problem else f"{report.fps:.1f} frames/s, {report.faces} faces"
        return f"{frames}; " + ("broker connected" if link.connected else link.problem or "connecting to the broker")


class Daemon:
    """One run of edge_fer.

    Args:
        config: The configuration.
        build_pipeline: Loads the models; for tests.
        open_source: Opens a camera or file; for tests.
        make_publisher: Makes the publisher; for tests.
    """

    def __init__(
        self,
        config: Config,
        *,
        build_pipeline: Callable[[Config], FramePipeline] = building.build,
        open_source: Callable[[CameraConfig], Source] = opening.open_source,
        make_publisher: Callable[[Config, MessageBuilder], MessagePublisher] | None = None,
    ) -> None:
        self._config = config
        self._build_pipeline = build_pipeline
        self._open_source = open_source
        self._make_publisher = make_publisher or _mqtt_publisher
        self._lock = threading.Lock()
        self._failure: Exception | None = None
        self._stuck_logged = False

    def run(self) -> int:
        """Run until the file ends, a signal comes or something fails. Only in the main thread.

        Returns:
            0 after an orderly stop.

        Raises:
            EdgeFerError: What ended the daemon; everything has been stopped in order before.
        """
        with Signals() as signals:
            running = self._start(signals)
            self._supervise(running, signals)
            running.notifier.stopping()
            self._stop(running, signals)
        if self._failure is not None:
            raise _to_user_error(self._failure)
        return 0

    def _start(self, signals: Signals) -> _Running:
        """Load models, open the source if it is a file, start the threads: permanent errors are raised at once."""
        config = self._config
        notifier = Notifier()
        pipeline = self._build_pipeline(config)
        is_camera = opening.is_device(config.camera.source)
        file = None if is_camera else self._open_source(config.camera)
        manifests = _manifests(pipeline)
        builder = MessageBuilder(Topics(config.device.site, config.device.name), manifests)
        publisher = self._make_publisher(config, builder)
        forwarder = EventForwarder(config, builder, publisher)
        slot = LatestSlot[Delivery]()

        def on_end(failure: Exception | None) -> None:
            self._record_failure(failure)
            signals.wake()

        health = Health(window_s=config.health.interval_s)
        camera = CameraThread(config.camera, slot, on_end, open_camera=self._open_source, file=file)
        inference = InferenceThread(
            slot,
            pipeline,
            VisitTracker(heartbeat_s=config.events.heartbeat_s),
            forwarder,
            health,
            gallery_watcher=_gallery_watcher(config, manifests),
            timed=is_camera or config.camera.pace == "realtime",
            on_end=on_end,
        )
        forwarder.send_status(inference.camera_state)
        publisher.start()
        inference.start()
        camera.start()
        notifier.ready(f"started, reading {config.camera.source}")
        return _Running(notifier, publisher, forwarder, slot, health, camera, inference)

    def _supervise(self, running: _Running, signals: Signals) -> None:
        """The main loop: ends on a signal, on a failure, or when the inference thread is over."""
        watchdog_s = running.notifier.watchdog_interval_s
        next_watchdog_s = next_status_s = time.monotonic()
        next_health_s = next_status_s + self._config.health.interval_s
        while signals.stop_signal is None and self._failure is None and not running.inference.is_over:
            now_s = time.monotonic()
            if watchdog_s is not None and now_s >= next_watchdog_s and self._makes_progress(running, now_s):
                running.notifier.watchdog()
                next_watchdog_s = now_s + watchdog_s
            if now_s >= next_status_s:
                running.notifier.status(running.status_line(now_s))
                next_status_s = now_s + _STATUS_INTERVAL_S
            if now_s >= next_health_s:
                running.send_health(now_s)
                next_health_s += self._config.health.interval_s
            self._record_failure(running.publisher.failure)
            signals.wait(min(_POLL_S, watchdog_s or _POLL_S))
        if signals.stop_signal is not None:
            LOG.info("%s: stopping", signals.stop_signal.name)

    def _makes_progress(self, running: _Running, now_s: float) -> bool:
        """False starves the watchdog. Waiting for a lost camera or broker is progress, too."""
        stuck = [thread.name for thread in (running.camera, running.inference) if thread.is_stuck(now_s)]
        if stuck and not self._stuck_logged:
            LOG.error("the %s thread is stuck: no more watchdog notifications", " and the ".join(stuck))
        self._stuck_logged = bool(stuck)
        return not stuck

    def _stop(self, running: _Running, signals: Signals) -> None:
        """Threads first, so that every face's leave is queued; then the publisher flushes and sends offline."""
        if signals.stop_signal is None and self._failure is None:
            _drain(running.publisher, signals)
        deadline_s = time.monotonic() + _STOP_S
        running.camera.stop()
        running.inference.join(_STOP_S / 3)
        if running.inference.is_alive():
            self._record_failure(InferenceError("the inference thread does not stop", "report it with the log"))
        running.send_health(time.monotonic())  # the final counts: a short file may end before the first interval
        running.publisher.stop(_STOP_S / 3)
        running.camera.join(max(0.0, deadline_s - time.monotonic()))

    def _record_failure(self, failure: Exception | None) -> None:
        with self._lock:
            self._failure = self._failure or failure


def _to_user_error(failure: Exception) -> EdgeFerError:
    """A bug of ours, too, ends in one line for the user; its traceback is in the log."""
    if isinstance(failure, EdgeFerError):
        return failure
    LOG.error("unexpected failure", exc_info=failure)
    return EdgeFerError(f"unexpected {type(failure).__name__}: {failure}", "report it with the log above")


def _mqtt_publisher(config: Config, builder: MessageBuilder) -> MessagePublisher:
    return Publisher(config.mqtt, builder.topics, gap_message=builder.gap)


def _manifests(pipeline: FramePipeline) -> dict[str, Manifest]:
    """By task; the three networks of the detector, which share one task, by name."""
    manifests = [model.manifest for model in pipeline.models]
    return {manifest.name if manifest.task == "detector" else manifest.task: manifest for manifest in manifests}


def _gallery_watcher(config: Config, manifests: Mapping[str, Manifest]) -> GalleryWatcher | None:
    return GalleryWatcher(config.identity.gallery, manifests["identity"]) if "identity" in manifests else None


def _drain(publisher: MessagePublisher, signals: Signals) -> None:
    """At the end of a file: give a broker that is slow to connect the time to take what is queued."""
    deadline_s = time.monotonic() + _DRAIN_S
    while publisher.readings()["queued"] and publisher.state.problem is None and time.monotonic() < deadline_s:
        if signals.stop_signal is not None:
            return
        signals.wait(_DRAIN_POLL_S)
