"""A daemon with its real threads and signals, whose pipeline, sources and publisher are fakes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from edge_fer.config.schema import Config
from edge_fer.errors import CameraError
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.service.daemon import Daemon
from edge_fer.sources.base import Source
from tests.fakes import FakePipeline, FakePublisher, FakeSource

CAMERA: dict[str, object] = {"source": "/dev/video99", "retry_s": 1}
FILE: dict[str, object] = {"source": "clip.avi", "pace": "fast"}
NO_CAMERA = CameraError("/dev/video99: no such camera", "no USB camera is connected")

After: TypeAlias = Callable[[float, Callable[[], object]], None]
"""Type of the fixture `after`: run something in another thread after so many seconds."""


@dataclass
class DaemonHarness:
    """One run of a daemon.

    Attributes:
        camera: The section of the configuration.
        sources: Opened in turn; an error is raised instead, and after the last one there is no camera.
    """

    camera: dict[str, object]
    sources: list[FakeSource | CameraError]
    pipeline: FakePipeline = field(default_factory=FakePipeline)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    health_interval_s: float = 30

    def run(self) -> int:
        """Run the daemon to its end, in this thread."""
        sections = {"camera": self.camera, "health": {"interval_s": self.health_interval_s}}
        daemon = Daemon(
            Config.model_validate(sections),
            build_pipeline=lambda _: self.pipeline,
            open_source=self._open_source,
            make_publisher=self._make_publisher,
        )
        return daemon.run()

    def _open_source(self, _: object) -> Source:
        source = self.sources.pop(0) if self.sources else NO_CAMERA
        if isinstance(source, CameraError):
            raise source
        return source

    def _make_publisher(self, _config: Config, _builder: MessageBuilder) -> FakePublisher:
        return self.publisher


def terminate() -> None:
    """Send SIGTERM to this process."""
    os.kill(os.getpid(), signal.SIGTERM)


class TimedSignal:
    """Sends a signal to this process and knows how long ago."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number
        self._sent_s = 0.0

    def send(self) -> None:
        self._sent_s = time.monotonic()
        os.kill(os.getpid(), self._number)

    def elapsed_s(self) -> float:
        return time.monotonic() - self._sent_s
