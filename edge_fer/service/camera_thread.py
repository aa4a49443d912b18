"""The camera thread: reads a source into the slot, and reopens a lost camera. The only place that retries a camera.

A camera that is missing, at the start or later, is a state that is reported. A file that cannot be read is an error.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TypeAlias

from edge_fer.config.schema import CameraConfig
from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError
from edge_fer.service.latest_frame import LatestSlot
from edge_fer.service.thread import HEARTBEAT_S, DaemonThread
from edge_fer.sources.base import Source

LOG = logging.getLogger(__name__)

_FIRST_RETRY_S = 0.5
"""Also the time that udev needs after hot-plug to give the new device to group video."""


@dataclass(frozen=True, slots=True)
class CameraLost:
    """The camera is gone, or was not there at the start; `detail` says why, in one line."""

    at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class CameraBack:
    """A lost camera delivers frames again."""

    at: datetime


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """The last frame of the file has been delivered."""


Delivery: TypeAlias = Frame | CameraLost | CameraBack | SourceEnded


class CameraThread(DaemonThread):
    """Delivers frames, the newest replacing older ones; notices are never replaced and arrive before later frames.

    Args:
        config: How long to wait between retries, and whether every frame of a file counts.
        slot: Where frames and notices are put. It is closed when the thread is stopped.
        on_end: As for DaemonThread.
        open_camera: Opens the camera.
        file: An open file to read instead of a camera.
    """

    def __init__(
        self,
        config: CameraConfig,
        slot: LatestSlot[Delivery],
        on_end: Callable[[Exception | None], None],
        *,
        open_camera: Callable[[CameraConfig], Source],
        file: Source | None = None,
    ) -> None:
        super().__init__("camera", on_end)
        self._config = config
        self._slot = slot
        self._open_camera = open_camera
        self._file = file
        self._stopping = threading.Event()
        self._problem: str | None = None
        self._failed_attempts = 0
        self._notice_in_slot = False

    def stop(self) -> None:
        """End the thread: at once for a file, after the read in progress for a camera."""
        self._stopping.set()
        self._slot.close()
        if self._file:
            self._file.close()

    def work(self) -> None:
        if self._file:
            self._read_file(self._file)
            return
        while not self._stopping.is_set():
            try:
                self._read_camera()
            except CameraError as error:
                self._report_lost(error)
                self._wait_before_retry()

    def _read_file(self, file: Source) -> None:
        keep_all = self._config.pace == "fast"
        try:
            for frame in iter(file.read, None):
                if not self._deliver(frame, keep=keep_all):
                    return
        finally:
            file.close()
        self._deliver(SourceEnded(), keep=True)

    def _read_camera(self) -> None:
        self.expect_heartbeat_within(HEARTBEAT_S)
        source = self._open_camera(self._config)
        try:
            while not self._stopping.is_set():
                frame = source.read()
                if frame is None:
                    return
                self.expect_heartbeat_within(max(HEARTBEAT_S, 3 / self._config.fps))
                self._report_back()
                self._deliver(frame, keep=False)
        finally:
            source.close()  # before any retry: an open handle makes the camera come back under another number

    def _report_lost(self, error: CameraError) -> None:
        self._failed_attempts += 1
        if error.message != self._problem:
            LOG.warning("no picture: %s", error)
        if self._problem is None:
            self._deliver(CameraLost(datetime.now(timezone.utc), error.message), keep=True)
        self._problem = error.message

    def _report_back(self) -> None:
        if self._problem is not None:
            LOG.warning("camera reconnected after %d attempts", self._failed_attempts)
            self._deliver(CameraBack(datetime.now(timezone.utc)), keep=True)
        self._problem = None
        self._failed_attempts = 0

    def _wait_before_retry(self) -> None:
        pause_s = min(self._config.retry_s, _FIRST_RETRY_S * 2 ** min(self._failed_attempts - 1, 16))
        self.expect_heartbeat_within(pause_s + HEARTBEAT_S)
        self._stopping.wait(pause_s)

    def _deliver(self, delivery: Delivery, *, keep: bool) -> bool:
        """Put something into the slot; False when the slot is closed.

        Args:
            delivery: A frame or a notice.
            keep: It must arrive. So must a notice that is still in the slot: what follows it waits, too.
        """
        wait = keep or self._notice_in_slot
        self._notice_in_slot = not isinstance(delivery, Frame)
        return self._slot.put_when_free(delivery) if wait else self._slot.put(delivery)
