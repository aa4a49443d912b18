"""The daemon: puts the threads together, watches over them, and stops them in order.

Camera thread → one latest frame → inference thread → events → MQTT thread. Main holds the signals, feeds systemd's
watchdog while the threads prove progress, sends health, keeps the first failure, and ends with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_fer.config.schema import CameraConfig, Config
from edge_fer.domain.events import Event
from edge_fer.domain.health import CameraState, OutboxReadings
from edge_fer.errors import EdgeFerError, InferenceError
from edge_fer.identity.gallery_watcher import GalleryWatcher
from edge_fer.mqtt.publisher import LinkState, Publisher
from edge_fer.pipeline import building
from edge_fer.pipeline.visits import VisitTracker
from edge_fer.protocol.messages import Message
from edge_fer.protocol.payloads import Payloads
from edge_fer.protocol.topics import Topics
from edge_fer.service.camera_thread import CameraThread, Delivery
from edge_fer.service.health import Health
from edge_fer.service.inference_thread import FrameProcessor, InferenceThread
from edge_fer.service.latest_frame import LatestSlot
from edge_fer.service.signals import Signals
from edge_fer.service.systemd import Notifier
from edge_fer.sources import opening
from edge_fer.sources.base import Source
from edge_fer.tflite.manifest import Manifest
from edge_fer.tflite.model import Model

LOG = logging.getLogger(__name__)

_TURN_S = 1.0
_STATUS_S = 5.0
_STOP_S = 4.5
"""The whole orderly stop, so that it is over within the 5 s that are promised."""
_DRAIN_S = 10.0
"""How long the end of a file waits for a broker that is slow to connect."""
_DRAIN_TURN_S = 0.05


class Observer(FrameProcessor, Protocol):
    """What the daemon needs of the pipeline."""

    @property
    def models(self) -> Sequence[Model]: ...


class Outlet(Protocol):
    """What the daemon needs of the MQTT publisher."""

    @property
    def state(self) -> LinkState: ...

    @property
    def failure(self) -> Exception | None: ...

    def start(self) -> None: ...

    def publish(self, message: Message) -> None: ...

    def readings(self) -> OutboxReadings: ...

    def stop(self, timeout_s: float) -> None: ...


class EventForwarder:
    """Events and changes of state → messages → publisher."""

    def __init__(self, config: Config, payloads: Payloads, outlet: Outlet) -> None:
        self._config = config
        self._payloads = payloads
        self._outlet = outlet

    def send_event(self, event: Event, latency_s: float | None) -> None:
        latency_ms = None if latency_s is None else latency_s * 1000
        self._outlet.publish(self._payloads.event(event, latency_ms=latency_ms))

    def send_camera_state(self, state: CameraState) -> None:
        self._outlet.publish(self._payloads.status(self._config, camera_state=state))


@dataclass(frozen=True, slots=True)
class _Running:
    """The parts of a daemon that has started; started_s in monotonic seconds."""

    notifier: Notifier
    payloads: Payloads
    outlet: Outlet
    slot: LatestSlot[Delivery]
    health: Health
    capture: CameraThread
    inference: InferenceThread
    started_s: float

    def send_health(self, now_s: float) -> None:
        """Publish how the device is."""
        message = self.payloads.health(
            self.health.report(now_s),
            uptime_s=now_s - self.started_s,
            camera_state=self.inference.camera_state,
            frames_dropped=self.slot.dropped,
            outbox=self.outlet.readings(),
        )
        self.outlet.publish(message)

    def summary(self, now_s: float) -> str:
        """The line of `systemctl status`."""
        report, link = self.health.report(now_s), self.outlet.state
        problem = self.inference.camera_problem
        seen = f"no picture: {problem}" if problem else f"{report.fps:.1f} frames/s, {report.faces} faces"
        return f"{seen}; " + ("broker connected" if link.connected else link.problem or "connecting to the broker")


class Daemon:
    """One run of edge_fer.

    Args:
        config: What to do.
        build_pipeline: Loads the models; for tests.
        open_source: Opens camera or file; for tests.
        make_outlet: Makes the publisher; for tests.
    """

    def __init__(
        self,
        config: Config,
        *,
        build_pipeline: Callable[[Config], Observer] = building.build,
        open_source: Callable[[CameraConfig], Source] = opening.open_source,
        make_outlet: Callable[[Config, Payloads], Outlet] | None = None,
    ) -> None:
        self._config = config
        self._build_pipeline = build_pipeline
        self._open_source = open_source
        self._make_outlet = make_outlet or _publisher
        self._lock = threading.Lock()
        self._failure: Exception | None = None
        self._stuck_told = False

    def run(self) -> int:
        """Run until the file ends, a signal comes or something fails. Only in the main thread.

        Returns:
            0 after an orderly stop.

        Raises:
            EdgeFerError: What ended the daemon; everything has been stopped in order before.
        """
        with Signals() as signals:
            running = self._start(signals)
            self._watch(running, signals)
            running.notifier.stopping()
            self._stop(running, signals)
        if self._failure is not None:
            raise self._to_user_error(self._failure)
        return 0

    def _start(self, signals: Signals) -> _Running:
        """Models first, then the source if it is a file, then the threads: what is wrong for good is told at once."""
        config = self._config
        notifier = Notifier()
        observer = self._build_pipeline(config)
        is_camera = opening.is_device(config.camera.source)
        file = None if is_camera else self._open_source(config.camera)
        payloads = Payloads(Topics(config.device.site, config.device.name), _manifests(observer))
        outlet = self._make_outlet(config, payloads)
        news = EventForwarder(config, payloads, outlet)
        slot = LatestSlot[Delivery]()

        def ended(failure: Exception | None) -> None:
            self._record_failure(failure)
            signals.wake()

        health = Health(window_s=config.health.interval_s)
        capture = CameraThread(config.camera, slot, ended, open_camera=self._open_source, file=file)
        inference = InferenceThread(
            slot,
            observer,
            VisitTracker(heartbeat_s=config.events.heartbeat_s),
            news,
            health,
            gallery_watcher=_gallery_watcher(config, observer),
            timed=is_camera or config.camera.pace == "realtime",
            on_end=ended,
        )
        news.send_camera_state(inference.camera_state)
        outlet.start()
        inference.start()
        capture.start()
        notifier.ready(f"started, reading {config.camera.source}")
        return _Running(notifier, payloads, outlet, slot, health, capture, inference, time.monotonic())

    def _watch(self, running: _Running, signals: Signals) -> None:
        """Main's loop: ends on a signal, on a failure, or when the inference thread is over."""
        feed_s = running.notifier.watchdog_interval_s
        next_feed_s = next_status_s = running.started_s
        next_health_s = running.started_s + self._config.health.interval_s
        while signals.stop_signal is None and self._failure is None and not running.inference.is_over:
            now_s = time.monotonic()
            if feed_s is not None and now_s >= next_feed_s and self._makes_progress(running, now_s):
                running.notifier.watchdog()
                next_feed_s = now_s + feed_s
            if now_s >= next_status_s:
                running.inference.hot = bool(running.health.report(now_s).throttled)
                running.notifier.status(running.summary(now_s))
                next_status_s = now_s + _STATUS_S
            if now_s >= next_health_s:
                running.send_health(now_s)
                next_health_s += self._config.health.interval_s
            self._record_failure(running.outlet.failure)
            signals.wait(min(_TURN_S, feed_s or _TURN_S))
        if signals.stop_signal is not None:
            LOG.info("%s: stopping", signals.stop_signal.name)

    def _makes_progress(self, running: _Running, now_s: float) -> bool:
        """False starves the watchdog. A lost camera or broker is no lack of progress as long as it is looked after."""
        stuck = [worker.name for worker in (running.capture, running.inference) if worker.is_stuck(now_s)]
        if stuck and not self._stuck_told:
            LOG.error("the %s thread is stuck: the watchdog is not fed any more", " and the ".join(stuck))
        self._stuck_told = bool(stuck)
        return not stuck

    def _stop(self, running: _Running, signals: Signals) -> None:
        """Threads first, so that everybody's leave is queued; then the publisher flushes and says offline."""
        if signals.stop_signal is None and self._failure is None:
            _drain(running.outlet, signals)
        deadline_s = time.monotonic() + _STOP_S
        running.capture.stop()
        running.inference.join(_STOP_S / 3)
        if running.inference.is_alive():
            self._record_failure(InferenceError("the inference thread does not stop", "report it with the log"))
        running.send_health(time.monotonic())  # the last count: a short file may end before the first one is due
        running.outlet.stop(_STOP_S / 3)
        running.capture.join(max(0.0, deadline_s - time.monotonic()))

    def _record_failure(self, failure: Exception | None) -> None:
        with self._lock:
            self._failure = self._failure or failure

    def _to_user_error(self, failure: Exception) -> EdgeFerError:
        """A fault of ours, too, ends in one line; the traceback stands in the log."""
        if isinstance(failure, EdgeFerError):
            return failure
        LOG.error("unexpected failure", exc_info=failure)
        return EdgeFerError(f"unexpected {type(failure).__name__}: {failure}", "report it with the log above")


def _publisher(config: Config, payloads: Payloads) -> Outlet:
    return Publisher(config.mqtt, payloads.topics, gap_message=payloads.gap)


def _gallery_watcher(config: Config, observer: Observer) -> GalleryWatcher | None:
    for model in observer.models:
        if model.manifest.task == "identity":
            return GalleryWatcher(config.identity.gallery, model.manifest)
    return None


def _manifests(observer: Observer) -> dict[str, Manifest]:
    """By task; the three detectors, which share one, by name."""
    manifests = [model.manifest for model in observer.models]
    return {item.name if item.task == "detector" else item.task: item for item in manifests}


def _drain(outlet: Outlet, signals: Signals) -> None:
    """At the end of a file: give a broker that is slow to connect the time to take what is queued."""
    deadline_s = time.monotonic() + _DRAIN_S
    while outlet.readings()["queued"] and outlet.state.problem is None and time.monotonic() < deadline_s:
        if signals.stop_signal is not None:
            return
        signals.wait(_DRAIN_TURN_S)
