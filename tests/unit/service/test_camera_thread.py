"""The camera thread with scripted sources: loss, reconnection, retries, order of notices, files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import numpy as np
import pytest

from edge_fer.config.schema import CameraConfig
from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError
from edge_fer.service import camera_thread as camera_module
from edge_fer.service.camera_thread import CameraBack, CameraLost, CameraThread, Delivery, SourceEnded
from edge_fer.service.latest_frame import LatestSlot
from edge_fer.sources.base import Source

LOST = CameraError("/dev/video0: the camera delivers no more frames", "check its cable")
CONFIG = CameraConfig(source="/dev/video0", retry_s=1)


def frame(seq: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), seq, seq / 10, datetime(2026, 1, 1, tzinfo=timezone.utc))


class ScriptedSource:
    """A source that follows a script: frames are delivered, errors are raised; then it waits for close(), or ends.

    Args:
        steps: The script.
        ends: It ends, as a file does.
    """

    def __init__(self, *steps: Frame | Exception, ends: bool = False) -> None:
        self.steps = list(steps)
        self.ends = ends
        self.closed = threading.Event()

    def read(self) -> Frame | None:
        if not self.steps:
            if not self.ends:
                self.closed.wait(10)
            return None
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        self.closed.set()


class ScriptedOpener:
    """Opens scripted sources in turn, each only after the one before was closed."""

    def __init__(self, *sources: ScriptedSource | CameraError) -> None:
        self.sources = list(sources)
        self.opened: list[ScriptedSource] = []
        self.times_s: list[float] = []

    def __call__(self, config: CameraConfig) -> Source:
        self.times_s.append(time.monotonic())
        assert all(source.closed.is_set() for source in self.opened), "the lost camera must be closed before"
        if not self.sources:
            raise CameraError("/dev/video0: no such camera", "connect it")
        source = self.sources.pop(0)
        if isinstance(source, CameraError):
            raise source
        self.opened.append(source)
        return source


class Harness:
    """A camera thread that has started, its slot, and what it reported at its end."""

    def __init__(
        self, opener: ScriptedOpener, config: CameraConfig = CONFIG, file: ScriptedSource | None = None
    ) -> None:
        self.slot = LatestSlot[Delivery]()
        self.ends: list[Exception | None] = []
        self.opener = opener
        self.thread = CameraThread(config, self.slot, self.ends.append, open_camera=opener, file=file)
        self.thread.start()

    def take(self, count: int) -> list[str]:
        """The next deliveries: numbers of frames and names of notices."""
        deliveries = []
        for _ in range(count):
            item = self.slot.take(10)
            deliveries.append(str(item.seq) if isinstance(item, Frame) else type(item).__name__)
        return deliveries

    def stop(self) -> None:
        self.thread.stop()
        for source in self.opener.opened:
            source.close()
        self.thread.join(5)
        assert not self.thread.is_alive()


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Harness]]:
    monkeypatch.setattr(camera_module, "_FIRST_RETRY_S", 0.01)
    harnesses: list[Harness] = []

    def make(*sources: ScriptedSource | CameraError, **options: object) -> Harness:
        harnesses.append(Harness(ScriptedOpener(*sources), **options))  # type: ignore[arg-type]
        return harnesses[-1]

    yield make
    for each in harnesses:
        each.stop()


def test_frames_go_to_the_slot(harness: Callable[..., Harness]) -> None:
    """A camera that works gives frames and no notice."""
    assert harness(ScriptedSource(frame(0))).take(1) == ["0"]


def test_a_lost_camera_is_reported_closed_and_reopened(harness: Callable[..., Harness]) -> None:
    """Lost once, missing twice, then back: one notice each, in order, before the frames that follow."""
    gone = CameraError("/dev/video0: no such camera", "connect it")
    running = harness(ScriptedSource(frame(0), LOST), gone, gone, ScriptedSource(frame(0)))
    # the frame before the loss may be gone from the slot only if it was taken: notices wait for it
    assert running.take(4) == ["0", "CameraLost", "CameraBack", "0"]
    assert len(running.opener.times_s) == 4


def test_a_camera_missing_at_the_start_is_a_state(
    harness: Callable[..., Harness], caplog: pytest.LogCaptureFixture
) -> None:
    """The thread goes on, logs it with the hint, and opens the camera that is connected later."""
    gone = CameraError("/dev/video0: no such camera", "no USB camera is connected")
    running = harness(gone, ScriptedSource(frame(0)))
    assert running.take(3) == ["CameraLost", "CameraBack", "0"]
    assert "no such camera (no USB camera is connected)" in caplog.text
    assert running.ends == []


def test_a_new_reason_is_logged_and_the_same_one_is_not(
    harness: Callable[..., Harness], caplog: pytest.LogCaptureFixture
) -> None:
    """Retrying for hours must not fill the journal; a change of the reason must be visible."""
    gone = CameraError("/dev/video0: no such camera", "connect it")
    denied = CameraError("/dev/video0: permission denied", "join group video")
    running = harness(gone, gone, gone, denied, denied, ScriptedSource(frame(0)))
    assert running.take(3) == ["CameraLost", "CameraBack", "0"]
    logged = [record.getMessage() for record in caplog.records]
    assert [line.split(" (")[0] for line in logged] == [
        "no picture: /dev/video0: no such camera",
        "no picture: /dev/video0: permission denied",
        "camera reconnected after 5 attempts",
    ]


def test_a_camera_that_opens_but_delivers_nothing_is_not_back(harness: Callable[..., Harness]) -> None:
    """Only a frame proves that it is back, so that a broken camera is not reported again and again."""
    running = harness(
        ScriptedSource(frame(0), LOST), ScriptedSource(LOST), ScriptedSource(LOST), ScriptedSource(frame(0))
    )
    assert running.take(4) == ["0", "CameraLost", "CameraBack", "0"]


def test_notices_survive_a_slow_reader(harness: Callable[..., Harness]) -> None:
    """Frames replace frames, but no notice is lost."""
    running = harness(ScriptedSource(frame(0), frame(1), frame(2), LOST), ScriptedSource(frame(0), frame(1)))
    time.sleep(0.1)
    deliveries = running.take(4)
    assert deliveries[:3] == ["2", "CameraLost", "CameraBack"]
    assert deliveries[3] in ("0", "1")


def test_retries_back_off_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doubling pauses, none longer than camera.retry_s."""
    pauses: list[float] = []
    slot = LatestSlot[Delivery]()
    thread = CameraThread(
        CameraConfig(source="/dev/video0", retry_s=4), slot, lambda _: None, open_camera=ScriptedOpener()
    )
    monkeypatch.setattr(thread._stopping, "wait", pauses.append)
    monkeypatch.setattr(thread._stopping, "is_set", lambda: len(pauses) >= 6)
    thread.work()
    assert pauses == [0.5, 1, 2, 4, 4, 4]


def test_waiting_for_a_camera_is_progress(harness: Callable[..., Harness]) -> None:
    """The watchdog is notified while the loss is reported, and between retries."""
    running = harness()
    assert running.take(1) == ["CameraLost"]
    assert not running.thread.is_stuck(time.monotonic())


def test_a_read_that_never_returns_is_no_progress(harness: Callable[..., Harness]) -> None:
    """A driver that hangs is stuck when the heartbeat is overdue, not before."""
    running = harness(ScriptedSource())
    time.sleep(0.05)
    now_s = time.monotonic()
    assert not running.thread.is_stuck(now_s)
    assert running.thread.is_stuck(now_s + 11)


def test_a_slow_camera_is_not_stuck(harness: Callable[..., Harness]) -> None:
    """At one frame in 20 s the next may take three times that."""
    running = harness(ScriptedSource(frame(0)), config=CameraConfig(source="/dev/video0", fps=0.05))
    assert running.take(1) == ["0"]
    assert not running.thread.is_stuck(time.monotonic() + 50)


def test_a_file_ends_with_a_notice(harness: Callable[..., Harness]) -> None:
    """The last frame is delivered, then the end; the file is closed and the thread is over."""
    file = ScriptedSource(frame(0), ends=True)
    running = harness(file=file)
    assert running.take(2) == ["0", "SourceEnded"]
    running.thread.join(5)
    assert running.ends == [None]
    assert file.closed.is_set()


def test_fast_files_lose_no_frame(harness: Callable[..., Harness]) -> None:
    """However slow the reader is."""
    frames = [frame(seq) for seq in range(20)]
    running = harness(file=ScriptedSource(*frames, ends=True), config=CameraConfig(source="clip.avi", pace="fast"))
    time.sleep(0.05)
    assert running.take(21) == [*map(str, range(20)), "SourceEnded"]
    assert running.slot.dropped == 0


def test_realtime_files_skip_frames_for_a_slow_reader(harness: Callable[..., Harness]) -> None:
    """As a camera would."""
    running = harness(file=ScriptedSource(*[frame(seq) for seq in range(20)], ends=True))
    time.sleep(0.1)
    assert running.take(2) == ["19", "SourceEnded"]
    assert running.slot.dropped == 19


def test_a_file_that_breaks_is_a_failure(harness: Callable[..., Harness]) -> None:
    """Without retries."""
    broken = CameraError("clip.avi: none of its images can be read", "check the files")
    running = harness(file=ScriptedSource(broken, ends=True))
    running.thread.join(5)
    assert running.ends == [broken]


def test_an_unexpected_error_ends_the_thread_and_is_reported(harness: Callable[..., Harness]) -> None:
    """Whatever it is."""
    running = harness(file=ScriptedSource(ZeroDivisionError(), ends=True))
    running.thread.join(5)
    assert [type(end) for end in running.ends] == [ZeroDivisionError]


@pytest.mark.parametrize("state", ["waiting for a frame", "waiting for a camera", "waiting for the reader"])
def test_stop_ends_the_thread_in_any_state(harness: Callable[..., Harness], state: str) -> None:
    """At once, and without a failure."""
    sources = {
        "waiting for a frame": [ScriptedSource()],
        "waiting for a camera": [],
        "waiting for the reader": [ScriptedSource(LOST)],
    }
    running = harness(*sources[state])
    time.sleep(0.05)
    running.stop()
    assert running.ends == [None]


def test_notices_say_when_and_why(harness: Callable[..., Harness]) -> None:
    """The time is the wall clock's, the reason is the camera's."""
    running = harness(ScriptedSource(LOST), ScriptedSource(frame(0)))
    lost, back = running.slot.take(5), running.slot.take(5)
    assert isinstance(lost, CameraLost)
    assert isinstance(back, CameraBack)
    assert lost.detail == LOST.message
    assert 0 <= (datetime.now(timezone.utc) - lost.at).total_seconds() < 5
    assert back.at >= lost.at
    assert not isinstance(back, SourceEnded)
