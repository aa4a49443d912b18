"""Events and states of the device → messages → publisher."""

from __future__ import annotations

import time

from edge_fer.config.schema import Config
from edge_fer.domain.events import Event
from edge_fer.domain.health import CameraState, HealthReport
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.service.interfaces import MessagePublisher


class EventForwarder:
    """Makes a message of each event and publishes it. Any thread may call any method; none waits for the network.

    Args:
        config: What the status message reports.
        builder: Builds the messages.
        publisher: Sends them.
    """

    def __init__(self, config: Config, builder: MessageBuilder, publisher: MessagePublisher) -> None:
        self._config = config
        self._builder = builder
        self._publisher = publisher
        self._started_s = time.monotonic()

    def send_event(self, event: Event, latency_s: float | None = None) -> None:
        """Publish an event; `latency_s` is from capture to now, None where that means nothing."""
        latency_ms = None if latency_s is None else latency_s * 1000
        self._publisher.publish(self._builder.event(event, latency_ms=latency_ms))

    def send_status(self, camera_state: CameraState) -> None:
        """Publish what this device is and runs."""
        self._publisher.publish(self._builder.status(self._config, camera_state=camera_state))

    def send_health(self, report: HealthReport, *, camera_state: CameraState, frames_dropped: int) -> None:
        """Publish the state of the device."""
        message = self._builder.health(
            report,
            uptime_s=time.monotonic() - self._started_s,
            camera_state=camera_state,
            frames_dropped=frames_dropped,
            outbox=self._publisher.readings(),
        )
        self._publisher.publish(message)
