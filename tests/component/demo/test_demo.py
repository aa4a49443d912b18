"""The demo's own broker, its clip against OpenCV, and the process it starts."""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_fer.cli import main
from edge_fer.commands import demo as command
from edge_fer.config.schema import MqttConfig
from edge_fer.demo import broker
from edge_fer.demo.process import DaemonProcess
from edge_fer.errors import CameraError
from edge_fer.mqtt.connection import BrokerClient
from edge_fer.samples import clip, scene


def settings(port: int) -> MqttConfig:
    return MqttConfig(host="127.0.0.1", port=port, protocol="3.1.1")


def test_the_broker_ends_without_a_trace() -> None:
    """No thread, no open port and no warning is left, also when clients are still connected."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = threading.active_count()
        with broker.running() as port:
            connection = BrokerClient(settings(port)).connect(client_id="lingers")
        connection.close()
        assert threading.active_count() == before
        with socket.socket() as probe:
            assert probe.connect_ex((broker.HOST, port)) != 0


def test_without_amqtt_there_is_a_way_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A run-time install has no amqtt: one line, a hint, exit code 78, no traceback."""
    monkeypatch.setitem(sys.modules, "amqtt", None)
    monkeypatch.setattr(clip, "ensure", lambda folder, progress: folder / "clip.avi")
    assert main(["demo"]) == 78
    error = capsys.readouterr().err
    assert "amqtt" in error
    assert "--broker" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("text", ["localhost", "localhost:", ":1883", "localhost:0", "localhost:65536", "a:b"])
def test_a_broker_that_is_no_address_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """argparse's usage error names what was given."""
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--broker", text])
    assert stopped.value.code == 2
    assert repr(text) in capsys.readouterr().err


def test_a_broker_address_is_read() -> None:
    """Host and port; the last colon divides them."""
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    assert parser.parse_args(["demo", "--broker", "192.0.2.7:1884"]).broker == ("192.0.2.7", 1884)


def test_a_broker_on_the_network_needs_a_decision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names and emotions do not leave the machine in plaintext by accident."""
    (tmp_path / "clip.avi").touch()
    (tmp_path / "clip.sha256").write_text(clip._key())
    assert main(["demo", "--broker", "192.0.2.7:1883", "--output", str(tmp_path)]) == 78
    assert "insecure_plaintext" in capsys.readouterr().err


def test_the_clip_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All frames, at the scene's rate; a second call finds it, and a changed scene makes it again."""
    monkeypatch.setattr(scene, "FRAMES", 30)
    done: list[tuple[int, int]] = []
    path = clip.ensure(tmp_path, lambda *count: done.append(count))
    assert done == [(number, 30) for number in range(1, 31)]
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FPS) == scene.FPS
    frames = [bgr for ok, bgr in iter(video.read, (False, None)) if ok]
    video.release()
    assert len(frames) == 30
    assert cv2.PSNR(np.ascontiguousarray(frames[-1][..., ::-1]), scene.render(29)) > 30  # measured: 37 to 39 dB

    clip.ensure(tmp_path, lambda *count: done.append(count))
    assert len(done) == 30
    (tmp_path / "clip.sha256").write_text("another scene\n")
    clip.ensure(tmp_path, lambda *count: done.append(count))
    assert len(done) == 60


def test_an_interrupted_clip_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while it is made: neither a half clip nor a stamp."""

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clip.ensure(tmp_path, interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A folder that is none."""
    with pytest.raises(CameraError, match="cannot be written"):
        clip.Writer(tmp_path / "none" / "x.avi", fourcc="MJPG")


class FakeDaemon(DaemonProcess):
    """Any Python program in the daemon's place."""

    def __init__(self, program: str, folder: Path) -> None:
        super().__init__(folder / "config.yaml", folder / "daemon.log", command=(sys.executable, "-c", program))


def test_the_process_is_watched(tmp_path: Path) -> None:
    """Its peak memory (30 MB are filled and freed), its exit code and what it wrote."""
    program = "import time; x = b'1' * 30_000_000; del x; print('hello'); time.sleep(0.5); raise SystemExit(3)"
    with FakeDaemon(program, tmp_path) as process:
        while process.watch():
            threading.Event().wait(0.05)
        run = process.stop()
    assert run.exit_code == 3
    assert 30 < run.peak_rss_mb < 200
    assert not run.tensorflow
    assert (tmp_path / "daemon.log").read_text().strip() == "hello"


def test_a_process_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM after the timeout, and SIGKILL for one that ignores it."""
    monkeypatch.setattr("edge_fer.demo.process._END_TIMEOUT_S", 0.5)
    with FakeDaemon("import time; time.sleep(60)", tmp_path) as process:
        assert process.stop().exit_code == -signal.SIGTERM
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"
    with FakeDaemon(deaf, tmp_path) as process:
        while not (tmp_path / "daemon.log").read_text():
            threading.Event().wait(0.05)
        assert process.stop().exit_code == -signal.SIGKILL


def test_leaving_the_block_ends_the_process(tmp_path: Path) -> None:
    """An error in the demo leaves no daemon behind."""
    with pytest.raises(RuntimeError), FakeDaemon("import time; time.sleep(60)", tmp_path) as process:
        raise RuntimeError
    assert process.stop().exit_code == -signal.SIGTERM


def test_tensorflow_in_the_process_would_be_seen(tmp_path: Path) -> None:
    """A file below a folder named tensorflow, mapped into memory as a shared library is."""
    library = tmp_path / "tensorflow" / "lib.so"
    library.parent.mkdir()
    library.write_bytes(b"\0" * 4096)
    program = f"""
import mmap, time
with open({str(library)!r}, 'rb') as file:
    held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    time.sleep(1)
"""
    with FakeDaemon(program, tmp_path) as process:
        while process.watch():
            threading.Event().wait(0.05)
        assert process.stop().tensorflow


def test_help_comes_at_once() -> None:
    """Without loading models, broker or video libraries."""
    code = """
import sys
from edge_fer.cli import main
try:
    main(["demo", "--help"])
except SystemExit:
    print("cv2" in sys.modules)
"""
    shown = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True).stdout
    assert shown.endswith("False\n")
