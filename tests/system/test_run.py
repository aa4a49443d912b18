"""The daemon as a process with real models, a real broker and a clip of a person."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_fer.config import loading
from edge_fer.identity import enrollment
from tests.broker import Mosquitto, free_port, wait_until
from tests.edge_fer_process import ENVIRONMENT, edge_fer, spawn, write_clip, write_config
from tests.portraits import ASTRONAUT
from tests.subscriber import Subscriber


@dataclass(frozen=True)
class Daemon:
    """A running daemon and the file of its log."""

    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def cpu_s(self) -> float:
        """Processor seconds so far: what the clock would show on a core of its own, whoever else computes here."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime; proc(5)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Exit code, and seconds from the signal to the end."""
        sent_s = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(20), time.monotonic() - sent_s


Start = Callable[..., Daemon]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.avi", seconds=4)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Longer than any test waits: stands in for a camera that works."""
    return write_clip(tmp_path_factory.mktemp("clip") / "long.avi", seconds=40, fps=5)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start daemons in the test's folder; those that still run at its end are killed."""
    daemons: list[Daemon] = []

    def begin() -> Daemon:
        log = tmp_path / f"daemon-{len(daemons)}.log"
        daemons.append(Daemon(spawn("run", folder=tmp_path, log=log), log))
        return daemons[-1]

    yield begin
    for daemon in daemons:
        if daemon.process.poll() is None:
            daemon.process.kill()
        daemon.process.wait(20)


def configure(folder: Path, port: int, source: Path | str, **camera: object) -> Path:
    return write_config(
        folder,
        camera={"source": str(source), **camera},
        mqtt={"host": "127.0.0.1", "port": port},
        health={"interval_s": 1},
    )


def faces(subscriber: Subscriber) -> list[str]:
    return [event["type"] for event in subscriber.of("event/face")]


def test_a_person_is_recognized_and_the_file_ends_in_order(
    tmp_path: Path, mosquitto: Mosquitto, clip: Path, start: Start
) -> None:
    """Enrolled from a photo, reported by name; enter first, leave last, offline at the end; all messages are valid."""
    configure(tmp_path, mosquitto.port, clip)
    assert edge_fer("enroll", "ada", ASTRONAUT, folder=tmp_path).returncode == 0
    with Subscriber(mosquitto.port) as server:
        daemon = start()
        assert daemon.process.wait(30) == 0
        server.wait_for("availability", 2)
        kinds = faces(server)
        assert (kinds[0], kinds[-1]) == ("enter", "leave")
        assert kinds.count("enter") == kinds.count("leave") == 1
        assert {event["identity"]["subject"] for event in server.of("event/face")} - {None} == {"ada"}
        assert server.of("availability") == ["online", "offline"]
        assert [status["camera"]["state"] for status in server.of("status")][-1] == "ended"
        numbers = [event["seq"] for event in server.of("event/face")]
        assert numbers == sorted(numbers)


def test_it_starts_quickly_and_is_small(tmp_path: Path, mosquitto: Mosquitto, clip: Path, start: Start) -> None:
    """First event after at most 2 s of processor time, at most 350 MB resident."""
    configure(tmp_path, mosquitto.port, clip)
    with Subscriber(mosquitto.port) as server:
        daemon = start()
        server.wait_for("event/face")
        assert daemon.cpu_s < 2
        health = server.wait_for("health", 2)[-1]
        assert 50 < health["rss_mb"] < 350
        assert health["fps"] > 1


def test_tensorflow_is_never_imported(tmp_path: Path, clip: Path) -> None:
    """Nor anything of the converters."""
    configure(tmp_path, free_port(), clip, pace="fast")
    code = (
        "import json, sys; from edge_fer.cli import main; code = main(['run', '--log-level', 'error']);"
        "print(json.dumps([code, [name for name in ('tensorflow', 'keras', 'converters') if name in sys.modules]]))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == [0, []]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_order(
    tmp_path: Path, mosquitto: Mosquitto, long_clip: Path, start: Start, number: signal.Signals
) -> None:
    """Leave, offline, exit code 0, within 5 s."""
    configure(tmp_path, mosquitto.port, long_clip)
    with Subscriber(mosquitto.port) as server:
        daemon = start()
        server.wait_for("event/face")
        code, seconds = daemon.stop(number)
        assert code == 0
        assert seconds < 5
        assert "Traceback" not in daemon.log
        server.wait_for("availability", 2)
        assert faces(server)[-1] == "leave"
        assert server.of("availability") == ["online", "offline"]


def test_a_camera_that_is_not_there_is_reported_and_waited_for(
    tmp_path: Path, mosquitto: Mosquitto, start: Start
) -> None:
    """The daemon keeps running: system event, status and log say what is missing and what to do."""
    configure(tmp_path, mosquitto.port, "/dev/video-of-nobody")
    with Subscriber(mosquitto.port) as server:
        daemon = start()
        (event,) = server.wait_for("event/system")
        assert (event["type"], event["detail"]) == ("camera_lost", "/dev/video-of-nobody: no such camera")
        wait_until(lambda: bool(server.of("status")) and server.of("status")[-1]["camera"]["state"] == "lost")
        assert server.wait_for("health")[-1]["camera"] == "lost"
        code, _ = daemon.stop()
    assert code == 0
    assert daemon.log.count("no such camera") == 1
    assert "USB camera" in daemon.log
    assert "Traceback" not in daemon.log


def test_an_absent_broker_is_waited_for(tmp_path: Path, long_clip: Path, start: Start) -> None:
    """It keeps running and says so; when the broker starts, the queued events arrive."""
    store = tmp_path / "broker"
    store.mkdir()
    broker = Mosquitto(store, f"allow_anonymous true\npersistence true\npersistence_location {store}/")
    # The server's session outlives the broker's absence, so that it misses nothing of what comes first.
    with broker, Subscriber(broker.port, session="server-1") as server:
        broker.stop()
        configure(tmp_path, broker.port, long_clip)
        daemon = start()
        wait_until(lambda: f"127.0.0.1:{broker.port} cannot be reached: connection refused" in daemon.log)
        time.sleep(0.5)
        assert daemon.process.poll() is None
        broker.start()
        server.wait_for("event/face")
        assert faces(server)[0] == "enter"
        code, _ = daemon.stop()
    assert code == 0
    assert "Traceback" not in daemon.log


def test_a_broker_that_refuses_is_told(tmp_path: Path, long_clip: Path, start: Start) -> None:
    """It keeps running and retries; the log names the reason and what to check. Stopping works all the same."""
    folder = tmp_path / "broker"
    folder.mkdir()
    with Mosquitto(folder, "allow_anonymous false") as broker:
        configure(tmp_path, broker.port, long_clip)
        daemon = start()
        wait_until(lambda: "refused the connection: Not authorized" in daemon.log)
        code, seconds = daemon.stop()
    assert code == 0
    assert seconds < 5
    assert "mqtt.username" in daemon.log
    assert "Traceback" not in daemon.log


def test_somebody_enrolled_while_it_runs_is_known(
    tmp_path: Path, mosquitto: Mosquitto, long_clip: Path, start: Start
) -> None:
    """Without a restart: they are recognized from then on."""
    path = configure(tmp_path, mosquitto.port, long_clip)
    with Subscriber(mosquitto.port) as server:
        daemon = start()
        server.wait_for("event/face")
        assert server.of("event/face")[-1]["identity"]["state"] == "unknown"
        enrollment.enroll(loading.load(path), "Ada", [ASTRONAUT])
        wait_until(lambda: server.of("event/face")[-1]["identity"]["subject"] == "Ada")
        code, _ = daemon.stop()
    assert code == 0
