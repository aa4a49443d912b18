"""What the daemon needs of its two large parts, so that tests can put others in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge_fer.domain.faces import Frame, Observation
from edge_fer.domain.health import LoadReport, OutboxReadings
from edge_fer.identity.gallery import Gallery
from edge_fer.mqtt.publisher import LinkState
from edge_fer.protocol.messages import Message
from edge_fer.tflite.model import Model


class FramePipeline(Protocol):
    """Frame → observations; `pipeline.Pipeline` in the daemon. The inference thread owns it."""

    @property
    def models(self) -> Sequence[Model]: ...

    @property
    def load(self) -> LoadReport: ...

    def process(self, frame: Frame, *, throttled: bool) -> Sequence[Observation]: ...

    def use_gallery(self, gallery: Gallery) -> None: ...

    def end_tracks(self) -> None: ...


class MessagePublisher(Protocol):
    """Sends messages; `mqtt.Publisher` in the daemon. `publish` may be called from any thread and never waits."""

    @property
    def state(self) -> LinkState: ...

    @property
    def failure(self) -> Exception | None: ...

    def start(self) -> None: ...

    def publish(self, message: Message) -> None: ...

    def readings(self) -> OutboxReadings: ...

    def stop(self, timeout_s: float) -> None: ...
