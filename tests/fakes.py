"""Stand-ins for the large parts of the daemon: a pipeline, a source of frames, an MQTT publisher."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from edge_fer.domain.faces import Frame, Observation
from edge_fer.domain.health import LoadReport, OutboxReadings
from edge_fer.errors import CameraError
from edge_fer.identity.gallery import Gallery
from edge_fer.mqtt.publisher import LinkState
from edge_fer.protocol.messages import Message
from edge_fer.tflite.model import Model
from tests.factories import EPOCH, observation
from tests.subscriber import validate


class FakePipeline:
    """Sees one face in every frame, and records the calls.

    Args:
        on_frame: Called with each frame before it is observed; may raise, or block.
    """

    models: Sequence[Model] = ()

    def __init__(self, on_frame: Callable[[Frame], None] | None = None) -> None:
        self.on_frame = on_frame
        self.load = LoadReport()
        self.track_id = 1
        self.frames: list[int] = []
        self.throttled: list[bool] = []
        self.galleries: list[Gallery] = []

    def process(self, frame: Frame, *, throttled: bool) -> Sequence[Observation]:
        if self.on_frame:
            self.on_frame(frame)
        self.frames.append(frame.seq)
        self.throttled.append(throttled)
        return (observation(self.track_id),)

    def end_tracks(self) -> None:
        self.track_id += 1

    def use_gallery(self, gallery: Gallery) -> None:
        self.galleries.append(gallery)


class FakeSource:
    """A source of frames, 20 ms apart.

    Args:
        count: Number of frames of a file; then it ends.
        endless: A camera: it delivers frames until it is closed.
        error: Raised after `count` frames.
    """

    def __init__(self, count: int = 0, *, endless: bool = False, error: CameraError | None = None) -> None:
        self.count = count
        self.endless = endless
        self.error = error
        self.seq = 0
        self.closing = threading.Event()

    def read(self) -> Frame | None:
        if self.closing.wait(0.02):
            return None
        if self.seq >= self.count and self.error:
            raise self.error
        if self.seq >= self.count and not self.endless:
            return None
        self.seq += 1
        return Frame(np.zeros((100, 200, 3), np.uint8), self.seq - 1, time.monotonic(), EPOCH)

    def close(self) -> None:
        self.closing.set()


class FakePublisher:
    """Keeps every message, after validating it against its schema.

    Attributes:
        log: What happened, in order: "start", "stop", types of events, "[state of the camera]" for a status, "health".
        queued: Number of events that it claims to have in its queue.
    """

    def __init__(self) -> None:
        self.state = LinkState(connected=True, protocol="5")
        self.failure: Exception | None = None
        self.queued = 0
        self.messages: list[Message] = []
        self.log: list[str] = []

    def start(self) -> None:
        self.log.append("start")

    def publish(self, message: Message) -> None:
        assert not isinstance(message.payload, str)
        self.messages.append(message)
        if "event" in message.topic:
            validate({**message.payload, "seq": 1, "replayed": False})
            self.log.append(str(message.payload["type"]))
        elif message.topic.endswith("status"):
            validate(message.payload)
            self.log.append(f"[{message.payload['camera']['state']}]")
        else:
            validate(message.payload)
            self.log.append("health")

    def readings(self) -> OutboxReadings:
        return {"queued": self.queued, "acked": 0, "refused": 0, "dropped": 0}

    def stop(self, timeout_s: float) -> None:
        self.log.append("stop")
