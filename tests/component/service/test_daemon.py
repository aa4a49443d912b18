"""The daemon with its real threads, signals and notify socket; pipeline, source and publisher are scripted."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edge_fer.config.schema import Config
from edge_fer.domain.faces import Frame, Observation
from edge_fer.domain.health import OutboxReadings
from edge_fer.errors import CameraError, EdgeFerError, InferenceError
from edge_fer.identity.gallery import Gallery
from edge_fer.mqtt.publisher import LinkState
from edge_fer.pipeline.pipeline import LoadReport
from edge_fer.protocol.messages import Message
from edge_fer.protocol.payloads import Payloads
from edge_fer.service import camera_thread, health, inference_thread
from edge_fer.service import daemon as daemon_module
from edge_fer.service.daemon import Daemon
from edge_fer.sources.base import Source
from edge_fer.tflite.model import Model
from tests.broker import wait_until
from tests.factories import EPOCH, observation
from tests.subscriber import validate

needs_systemd_python = pytest.mark.skipif(find_spec("systemd") is None, reason="systemd-python is not installed")
CAMERA: dict[str, object] = {"source": "/dev/video99", "retry_s": 1}
FILE: dict[str, object] = {"source": "clip.avi", "pace": "fast"}
NO_CAMERA = CameraError("/dev/video99: no such camera", "no USB camera is plugged in")


class Eyes:
    """A pipeline that sees one face in every frame; `trouble` is called first with each frame."""

    models: Sequence[Model] = ()
    load = LoadReport()

    def __init__(self, trouble: Callable[[Frame], None] | None = None) -> None:
        self.trouble = trouble
        self.share = 1.0
        self.track_id = 1

    def process(self, frame: Frame) -> Sequence[Observation]:
        if self.trouble:
            self.trouble(frame)
        return (observation(self.track_id),)

    def forget(self) -> None:
        self.track_id += 1

    def use_share(self, share: float) -> None:
        self.share = share

    def use_gallery(self, gallery: Gallery) -> None:
        pass


class Reel:
    """A source of `count` frames, 20 ms apart; then it ends, breaks, or, as a camera, goes on without end."""

    def __init__(self, count: int, *, live: bool = False, breaks: CameraError | None = None) -> None:
        self.count = count
        self.live = live
        self.breaks = breaks
        self.seq = 0
        self.closing = threading.Event()

    def read(self) -> Frame | None:
        if self.closing.wait(0.02) or (self.seq >= self.count and not self.live):
            return None
        if self.breaks and self.seq >= self.count:
            raise self.breaks
        self.seq += 1
        return Frame(np.zeros((100, 200, 3), np.uint8), self.seq - 1, time.monotonic(), EPOCH)

    def close(self) -> None:
        self.closing.set()


class Postbox:
    """A publisher that keeps messages, validates them, and notes its start and stop."""

    def __init__(self) -> None:
        self.state = LinkState(connected=True, protocol="5")
        self.failure: Exception | None = None
        self.queued = 0
        self.messages: list[Message] = []
        self.words: list[str] = []

    def start(self) -> None:
        self.words.append("start")

    def publish(self, message: Message) -> None:
        assert not isinstance(message.payload, str)
        self.messages.append(message)
        if "event" in message.topic:
            validate({**message.payload, "seq": 1, "replayed": False})
            self.words.append(str(message.payload["type"]))
        elif message.topic.endswith("status"):
            validate(message.payload)
            self.words.append(f"[{message.payload['camera']['state']}]")
        else:
            validate(message.payload)
            self.words.append("health")

    def readings(self) -> OutboxReadings:
        return {"queued": self.queued, "acked": 0, "refused": 0, "dropped": 0}

    def stop(self, timeout_s: float) -> None:
        self.words.append("stop")


@dataclass
class Rig:
    """A daemon whose parts are scripted; sources are opened in turn, then there is no camera."""

    camera: dict[str, object]
    sources: list[Reel | CameraError]
    eyes: Eyes = field(default_factory=Eyes)
    postbox: Postbox = field(default_factory=Postbox)
    health_s: float = 30

    def open_source(self, _: object) -> Source:
        source = self.sources.pop(0) if self.sources else NO_CAMERA
        if isinstance(source, CameraError):
            raise source
        return source

    def make_outlet(self, _: Config, payloads: Payloads) -> Postbox:
        return self.postbox

    def run(self) -> int:
        config = Config.model_validate({"camera": self.camera, "health": {"interval_s": self.health_s}})
        daemon = Daemon(
            config,
            build_pipeline=lambda _: self.eyes,
            open_source=self.open_source,
            make_outlet=self.make_outlet,
        )
        return daemon.run()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry quickly, lose patience quickly, and know of no systemd."""
    monkeypatch.setattr(camera_thread, "_FIRST_RETRY_S", 0.02)
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def later() -> Iterator[Callable[[float, Callable[[], object]], None]]:
    """Do something in another thread after some seconds."""
    timers: list[threading.Timer] = []

    def schedule(delay_s: float, action: Callable[[], object]) -> None:
        timers.append(threading.Timer(delay_s, action))
        timers[-1].start()

    yield schedule
    for timer in timers:
        timer.join()


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def wait_for(release: threading.Event) -> None:
    release.wait(20)


class Stopwatch:
    """Sends a signal to this process and knows how long ago."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number
        self.sent_s = 0.0

    def send(self) -> None:
        self.sent_s = time.monotonic()
        os.kill(os.getpid(), self.number)

    def elapsed_s(self) -> float:
        return time.monotonic() - self.sent_s


Later = Callable[[float, Callable[[], object]], None]


def test_a_file_from_start_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, one visit, leave at the end of the file, then the publisher stops; exit code 0."""
    monkeypatch.setattr(daemon_module, "_TURN_S", 60.0)  # main is woken; it does not find out at its next turn
    rig = Rig(FILE, [Reel(5)])
    started = time.monotonic()
    assert rig.run() == 0
    assert time.monotonic() - started < 30
    assert rig.postbox.words == ["[opening]", "start", "[ok]", "enter", "[ended]", "leave", "health", "stop"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_order(later: Later, number: signal.Signals) -> None:
    """Everybody leaves, then offline; exit code 0, well within the 5 s that are promised."""
    rig = Rig(CAMERA, [Reel(0, live=True)])
    watch = Stopwatch(number)
    later(0.3, watch.send)
    assert rig.run() == 0
    assert watch.elapsed_s() < 2
    assert rig.postbox.words[-3:] == ["leave", "health", "stop"]


def test_a_lost_camera_comes_back(later: Later) -> None:
    """Leave, camera_lost, retries, camera_back, and the same person enters anew."""
    lost = CameraError("/dev/video99: the camera gives no more frames", "check its cable")
    rig = Rig(CAMERA, [Reel(3, live=True, breaks=lost), NO_CAMERA, NO_CAMERA, Reel(0, live=True)])
    later(0.8, terminate)
    assert rig.run() == 0
    assert rig.postbox.words == [
        *("[opening]", "start", "[ok]", "enter"),
        *("leave", "camera_lost", "[lost]"),
        *("camera_back", "[ok]", "enter"),
        *("leave", "health", "stop"),
    ]


def test_a_camera_that_is_not_there_is_waited_for(later: Later, caplog: pytest.LogCaptureFixture) -> None:
    """The daemon runs and reports; the log line has the hint."""
    rig = Rig(CAMERA, [])
    later(0.3, terminate)
    with caplog.at_level(logging.WARNING):
        assert rig.run() == 0
    assert rig.postbox.words == ["[opening]", "start", "camera_lost", "[lost]", "health", "stop"]
    assert "no such camera (no USB camera is plugged in)" in caplog.text


def test_a_file_that_is_not_there_is_an_error() -> None:
    """Before anything is published."""
    missing = CameraError("clip.avi: no such file or folder", "check camera.source")
    rig = Rig(FILE, [missing])
    with pytest.raises(CameraError) as caught:
        rig.run()
    assert caught.value is missing
    assert rig.postbox.words == []


def fail_with(error: Exception) -> Callable[[Frame], None]:
    def trouble(frame: Frame) -> None:
        if frame.seq == 2:
            raise error

    return trouble


def test_the_first_failure_ends_the_daemon_in_order() -> None:
    """Leave and offline come before the error does."""
    error = InferenceError("identity.tflite: inference failed", "report it")
    rig = Rig(FILE, [Reel(9)], Eyes(fail_with(error)))
    with pytest.raises(InferenceError) as caught:
        rig.run()
    assert caught.value is error
    assert rig.postbox.words == ["[opening]", "start", "[ok]", "enter", "leave", "health", "stop"]


def test_a_fault_of_ours_ends_in_one_line_and_a_logged_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Exit code 70; nothing is swallowed."""
    rig = Rig(FILE, [Reel(9)], Eyes(fail_with(KeyError("boxes"))))
    with pytest.raises(EdgeFerError, match="unexpected KeyError: 'boxes'") as caught:
        rig.run()
    assert caught.value.exit_code == 70
    assert "Traceback" in caplog.text


def test_a_failed_publisher_ends_the_daemon(later: Later) -> None:
    """An absent broker is a state, but a dead MQTT thread would mean silence for ever."""
    rig = Rig(CAMERA, [Reel(0, live=True)])
    later(0.2, lambda: setattr(rig.postbox, "failure", TypeError("paho")))
    with pytest.raises(EdgeFerError, match="unexpected TypeError: paho"):
        rig.run()
    assert rig.postbox.words[-3:] == ["leave", "health", "stop"]


def test_a_stuck_inference_cannot_hold_the_stop() -> None:
    """Within the promised 5 s, with an error that says so."""
    release = threading.Event()
    watch = Stopwatch(signal.SIGTERM)

    def stick(_: Frame) -> None:
        watch.send()  # from here, so that it is stuck for certain when the signal comes
        wait_for(release)

    rig = Rig(CAMERA, [Reel(0, live=True)], Eyes(stick))
    with pytest.raises(InferenceError, match="does not stop"):
        rig.run()
    assert watch.elapsed_s() < 5
    assert rig.postbox.words[-1] == "stop"
    release.set()


def test_health_comes_at_its_interval(later: Later) -> None:
    """Every second here, with the counters of this run."""
    rig = Rig(CAMERA, [Reel(0, live=True)], health_s=1)

    def told() -> list[Message]:
        return [message for message in rig.postbox.messages if message.topic.endswith("/health")]

    def stop_after_two() -> None:
        wait_until(lambda: len(told()) >= 2)
        terminate()

    started_s = time.monotonic()
    later(0.0, stop_after_two)
    assert rig.run() == 0
    assert time.monotonic() - started_s >= 2
    healths = told()
    payload = healths[-1].payload
    assert not isinstance(payload, str)
    assert payload["camera"] == "ok"
    assert payload["frames"] > 5
    assert payload["fps"] > 1


def test_the_end_of_a_file_waits_for_a_slow_broker(later: Later) -> None:
    """Events that are still queued get their chance before the publisher is stopped."""
    rig = Rig(FILE, [Reel(2)])
    rig.postbox.queued = 3
    rig.postbox.state = LinkState(connected=False)
    later(0.5, lambda: setattr(rig.postbox, "queued", 0))
    started = time.monotonic()
    assert rig.run() == 0
    assert 0.45 <= time.monotonic() - started < 3


def test_the_end_of_a_file_does_not_wait_for_an_absent_broker() -> None:
    """Who cannot be reached is not waited for."""
    rig = Rig(FILE, [Reel(2)])
    rig.postbox.queued = 3
    rig.postbox.state = LinkState(connected=False, problem="connection refused")
    started = time.monotonic()
    assert rig.run() == 0
    assert time.monotonic() - started < 2


class Systemd:
    """The receiving end of a real notify socket; it reads all the time, as systemd does, for the queue is short."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.messages: list[str] = []
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self) -> None:
        while message := self.socket.recv(4096).decode():
            self.messages.append(message)

    def received(self) -> list[str]:
        """What came since the last call."""
        messages, self.messages = self.messages, []
        return messages

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", self.socket.getsockname())
        self.thread.join(5)
        self.socket.close()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    """systemd with WatchdogSec=200ms, so that we feed it every 100 ms."""
    path = tmp_path / "notify"
    listener = Systemd(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    monkeypatch.setattr(inference_thread, "PATIENCE_S", 0.4)
    monkeypatch.setattr(camera_thread, "PATIENCE_S", 0.4)
    monkeypatch.setattr(inference_thread, "_TURN_S", 0.1)
    yield listener
    listener.close()


@needs_systemd_python
def test_systemd_hears_ready_status_watchdog_and_stopping(systemd: Systemd, later: Later) -> None:
    """READY first, a status with rate and faces, food for the watchdog, STOPPING last."""
    rig = Rig(CAMERA, [Reel(0, live=True)])
    later(1.05, terminate)
    assert rig.run() == 0
    messages = systemd.received()
    assert messages[0] == "READY=1\nSTATUS=started, reading /dev/video99"
    assert any(message.startswith("STATUS=") and "frames/s" in message for message in messages)
    assert 5 <= messages.count("WATCHDOG=1") <= 14
    assert messages[-1] == "STOPPING=1"


@needs_systemd_python
def test_ready_is_not_said_when_the_models_do_not_load(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd must see a failed start, not a service that was up for a moment."""
    rig = Rig(FILE, [NO_CAMERA])
    with pytest.raises(CameraError):
        rig.run()
    assert systemd.received() == []


@needs_systemd_python
def test_a_missing_camera_is_no_reason_to_be_restarted(systemd: Systemd, later: Later) -> None:
    """The watchdog is fed all the time, and the status line says what is missing."""
    rig = Rig(CAMERA, [])
    later(1.05, terminate)
    assert rig.run() == 0
    messages = systemd.received()
    assert messages.count("WATCHDOG=1") >= 5


@needs_systemd_python
def test_a_stuck_inference_starves_the_watchdog(
    systemd: Systemd, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    """Main still runs, but does not pretend."""
    release = threading.Event()
    rig = Rig(CAMERA, [Reel(0, live=True)], Eyes(lambda _: wait_for(release)))
    fed_late: list[str] = []
    later(0.8, systemd.received)
    later(1.6, lambda: fed_late.extend(systemd.received()))
    later(1.7, release.set)
    later(2.0, terminate)
    assert rig.run() == 0
    assert "WATCHDOG=1" not in fed_late
    assert "the inference thread is stuck" in caplog.text
    assert "WATCHDOG=1" in systemd.received()  # it goes on by itself: feeding resumes


@needs_systemd_python
def test_a_hung_camera_driver_starves_the_watchdog(systemd: Systemd, later: Later) -> None:
    """No frame, no report of a loss: that is not progress either."""

    class Hung(Reel):
        def read(self) -> Frame | None:
            self.closing.wait(1.5)
            return None

    rig = Rig({**CAMERA, "fps": 30}, [Hung(0, live=True)])
    fed_late: list[str] = []
    later(0.8, systemd.received)
    later(1.3, lambda: fed_late.extend(systemd.received()))
    later(1.4, terminate)
    assert rig.run() == 0
    assert "WATCHDOG=1" not in fed_late


def test_a_board_that_throttles_itself_is_given_less(monkeypatch: pytest.MonkeyPatch, later: Later) -> None:
    """Main sees it at its next status, the pipeline from its next frame on."""
    monkeypatch.setattr(health, "throttled", lambda _: True)
    eyes = Eyes()
    rig = Rig(CAMERA, [Reel(0, live=True)], eyes)

    def stop_when_halved() -> None:
        wait_until(lambda: eyes.share == 0.5)
        terminate()

    later(0.0, stop_when_halved)
    assert rig.run() == 0
