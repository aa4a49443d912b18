"""The camera's thread with scripted sources: loss, return, retries, order of notices, files."""

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
from edge_fer.service import camera_thread as capture_module
from edge_fer.service.camera_thread import CameraBack, CameraLost, CameraThread, Delivery, SourceEnded
from edge_fer.service.latest_frame import LatestSlot
from edge_fer.sources.base import Source

LOST = CameraError("/dev/video0: the camera gives no more frames", "check its cable")
CONFIG = CameraConfig(source="/dev/video0", retry_s=1)


def frame(seq: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), seq, seq / 10, datetime(2026, 1, 1, tzinfo=timezone.utc))


class Script:
    """A source that plays a list: frames are given, errors are raised; at its end it waits for close, or ends."""

    def __init__(self, *steps: Frame | Exception, live: bool = True) -> None:
        self.steps = list(steps)
        self.live = live
        self.closed = threading.Event()

    def read(self) -> Frame | None:
        if not self.steps:
            if self.live:
                self.closed.wait(10)
            return None
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        self.closed.set()


class Opener:
    """Opens scripted sources in turn, and notes how many handles are open at once."""

    def __init__(self, *sources: Script | CameraError) -> None:
        self.sources = list(sources)
        self.opened: list[Script] = []
        self.times_s: list[float] = []

    def __call__(self, config: CameraConfig) -> Source:
        self.times_s.append(time.monotonic())
        assert all(source.closed.is_set() for source in self.opened), "the lost camera must be closed before"
        if not self.sources:
            raise CameraError("/dev/video0: no such camera", "plug it in")
        source = self.sources.pop(0)
        if isinstance(source, CameraError):
            raise source
        self.opened.append(source)
        return source


class Rig:
    """A capture thread, its slot, and what its end said."""

    def __init__(self, opener: Opener, config: CameraConfig = CONFIG, file: Script | None = None) -> None:
        self.slot = LatestSlot[Delivery]()
        self.ends: list[Exception | None] = []
        self.opener = opener
        self.thread = CameraThread(config, self.slot, self.ends.append, open_camera=opener, file=file)
        self.thread.start()

    def take(self, count: int) -> list[str]:
        """The next deliveries as words: frame numbers and names of notices."""
        words = []
        for _ in range(count):
            item = self.slot.take(10)
            words.append(str(item.seq) if isinstance(item, Frame) else type(item).__name__)
        return words

    def stop(self) -> None:
        self.thread.stop()
        for source in self.opener.opened:
            source.close()
        self.thread.join(5)
        assert not self.thread.is_alive()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Rig]]:
    monkeypatch.setattr(capture_module, "_FIRST_RETRY_S", 0.01)
    rigs: list[Rig] = []

    def make(*sources: Script | CameraError, **options: object) -> Rig:
        rigs.append(Rig(Opener(*sources), **options))  # type: ignore[arg-type]
        return rigs[-1]

    yield make
    for each in rigs:
        each.stop()


def test_frames_go_to_the_slot(rig: Callable[..., Rig]) -> None:
    """A camera that works gives frames and no notice."""
    assert rig(Script(frame(0))).take(1) == ["0"]


def test_a_lost_camera_is_told_closed_and_opened_again(rig: Callable[..., Rig]) -> None:
    """Lost once, missing twice, then back: one notice each, in order, before the frames that follow."""
    gone = CameraError("/dev/video0: no such camera", "plug it in")
    running = rig(Script(frame(0), LOST), gone, gone, Script(frame(0)))
    # the frame before the loss may be gone from the slot only if it was taken: notices wait for it
    assert running.take(4) == ["0", "CameraLost", "CameraBack", "0"]
    assert len(running.opener.times_s) == 4


def test_a_camera_missing_at_the_start_is_a_state(rig: Callable[..., Rig], caplog: pytest.LogCaptureFixture) -> None:
    """The thread lives on, tells it with the hint, and finds the camera that is plugged in later."""
    gone = CameraError("/dev/video0: no such camera", "no USB camera is plugged in")
    running = rig(gone, Script(frame(0)))
    assert running.take(3) == ["CameraLost", "CameraBack", "0"]
    assert "no such camera (no USB camera is plugged in)" in caplog.text
    assert running.ends == []


def test_a_new_reason_is_logged_and_the_same_one_is_not(
    rig: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    """Retrying for hours must not fill the journal; that the reason changed must be seen."""
    gone = CameraError("/dev/video0: no such camera", "plug it in")
    denied = CameraError("/dev/video0: permission denied", "join group video")
    running = rig(gone, gone, gone, denied, denied, Script(frame(0)))
    assert running.take(3) == ["CameraLost", "CameraBack", "0"]
    told = [record.getMessage() for record in caplog.records]
    assert [line.split(" (")[0] for line in told] == [
        "no picture: /dev/video0: no such camera",
        "no picture: /dev/video0: permission denied",
        "the camera is back after 5 attempts",
    ]


def test_a_camera_that_opens_but_gives_nothing_is_not_back(rig: Callable[..., Rig]) -> None:
    """Only a frame proves that it is back, so that a broken one does not flap."""
    running = rig(Script(frame(0), LOST), Script(LOST), Script(LOST), Script(frame(0)))
    assert running.take(4) == ["0", "CameraLost", "CameraBack", "0"]


def test_notices_survive_a_slow_reader(rig: Callable[..., Rig]) -> None:
    """Frames overwrite frames, but neither the notice nor the frame that carries the visit's end is lost."""
    running = rig(Script(frame(0), frame(1), frame(2), LOST), Script(frame(0), frame(1)))
    time.sleep(0.1)
    words = running.take(4)
    assert words[:3] == ["2", "CameraLost", "CameraBack"]
    assert words[3] in ("0", "1")


def test_retries_back_off_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doubling pauses, none longer than camera.retry_s."""
    pauses: list[float] = []
    slot = LatestSlot[Delivery]()
    thread = CameraThread(CameraConfig(source="/dev/video0", retry_s=4), slot, lambda _: None, open_camera=Opener())
    monkeypatch.setattr(thread._stopping, "wait", pauses.append)
    monkeypatch.setattr(thread._stopping, "is_set", lambda: len(pauses) >= 6)
    thread.work()
    assert pauses == [0.5, 1, 2, 4, 4, 4]


def test_waiting_for_a_camera_is_progress(rig: Callable[..., Rig]) -> None:
    """The watchdog is fed while the absence is reported, and between the retries."""
    running = rig()
    assert running.take(1) == ["CameraLost"]
    assert not running.thread.is_stuck(time.monotonic())


def test_a_read_that_never_returns_is_no_progress(rig: Callable[..., Rig]) -> None:
    """A driver that hangs is seen as stuck after the patience is over, not before."""
    running = rig(Script())
    time.sleep(0.05)
    now_s = time.monotonic()
    assert not running.thread.is_stuck(now_s)
    assert running.thread.is_stuck(now_s + 11)


def test_a_slow_camera_is_not_stuck(rig: Callable[..., Rig]) -> None:
    """At one frame in 20 s the next may take three times that."""
    running = rig(Script(frame(0)), config=CameraConfig(source="/dev/video0", fps=0.05))
    assert running.take(1) == ["0"]
    assert not running.thread.is_stuck(time.monotonic() + 50)


def test_a_file_ends_with_a_notice(rig: Callable[..., Rig]) -> None:
    """The last frame is delivered, then the end; the file is closed and the thread is over."""
    file = Script(frame(0), live=False)
    running = rig(file=file)
    assert running.take(2) == ["0", "SourceEnded"]
    running.thread.join(5)
    assert running.ends == [None]
    assert file.closed.is_set()


def test_fast_files_lose_no_frame(rig: Callable[..., Rig]) -> None:
    """However slow the reader is."""
    frames = [frame(seq) for seq in range(20)]
    running = rig(file=Script(*frames, live=False), config=CameraConfig(source="clip.avi", pace="fast"))
    time.sleep(0.05)
    assert running.take(21) == [*map(str, range(20)), "SourceEnded"]
    assert running.slot.dropped == 0


def test_realtime_files_skip_what_comes_too_fast(rig: Callable[..., Rig]) -> None:
    """As a camera would."""
    running = rig(file=Script(*[frame(seq) for seq in range(20)], live=False))
    time.sleep(0.1)
    assert running.take(2) == ["19", "SourceEnded"]
    assert running.slot.dropped == 19


def test_a_file_that_breaks_is_a_failure(rig: Callable[..., Rig]) -> None:
    """No retry: a file does not come back."""
    broken = CameraError("clip.avi: none of its images can be read", "check the files")
    running = rig(file=Script(broken, live=False))
    running.thread.join(5)
    assert running.ends == [broken]


def test_an_unexpected_error_ends_the_thread_and_is_kept(rig: Callable[..., Rig]) -> None:
    """Whatever it is, main hears of it."""
    running = rig(file=Script(ZeroDivisionError(), live=False))
    running.thread.join(5)
    assert [type(end) for end in running.ends] == [ZeroDivisionError]


@pytest.mark.parametrize("state", ["waiting for a frame", "waiting for a camera", "waiting for the reader"])
def test_stop_ends_the_thread_wherever_it_is(rig: Callable[..., Rig], state: str) -> None:
    """At once, and without a failure."""
    sources = {"waiting for a frame": [Script()], "waiting for a camera": [], "waiting for the reader": [Script(LOST)]}
    running = rig(*sources[state])
    time.sleep(0.05)
    running.stop()
    assert running.ends == [None]


def test_notices_say_when_and_why(rig: Callable[..., Rig]) -> None:
    """The time is the wall clock's, the reason is the camera's."""
    running = rig(Script(LOST), Script(frame(0)))
    lost, back = running.slot.take(5), running.slot.take(5)
    assert isinstance(lost, CameraLost)
    assert isinstance(back, CameraBack)
    assert lost.detail == LOST.message
    assert 0 <= (datetime.now(timezone.utc) - lost.at).total_seconds() < 5
    assert back.at >= lost.at
    assert not isinstance(back, SourceEnded)
