"""edge-fer watch against a real broker: the table, the lines, and the ways to end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_fer import cli
from edge_fer.config import loading
from edge_fer.mqtt.publisher import Publisher
from edge_fer.protocol.payloads import Payloads
from edge_fer.protocol.topics import Topics
from tests.broker import WAIT_S, Amqtt, free_port
from tests.factories import face_event, health_message
from tests.subscriber import validate

TOPICS = Topics("school-7", "room-b204")
ROOT = Path(cli.__file__).parents[1]
PAYLOADS = Payloads(TOPICS, {}, is_synced=lambda: True)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a config.yaml, and the protocol that amqtt knows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGE_FER__MQTT__PROTOCOL", "'3.1.1'")


@contextmanager
def talking_device(broker: Amqtt) -> Iterator[None]:
    """A device that says the same again and again."""
    one = Publisher(broker.config, TOPICS, gap_message=PAYLOADS.gap)
    one.publish(PAYLOADS.status(loading.load(None), camera_state="ok"))
    one.start()
    silent = threading.Event()

    def talk() -> None:
        while not silent.wait(0.1):
            one.publish(PAYLOADS.event(face_event()))
            one.publish(health_message(PAYLOADS))

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        silent.set()
        thread.join()
        one.stop(2.0)


def arguments(broker: Amqtt, *more: str) -> list[str]:
    """A command line for this broker and our device."""
    return [
        "watch",
        "--host",
        "127.0.0.1",
        "--port",
        str(broker.port),
        "--site",
        "school-7",
        "--device",
        "room-b204",
        *more,
    ]


def test_the_table_shows_who_is_there(amqtt_broker: Amqtt, capsys: pytest.CaptureFixture[str]) -> None:
    """For three seconds, then exit 0."""
    with talking_device(amqtt_broker):
        assert cli.main(arguments(amqtt_broker, "--seconds", "3")) == 0
    shown = capsys.readouterr().out
    assert "edge_fer/school-7/room-b204: online" in shown
    assert "health: camera ok" in shown
    assert "ada" in shown


def test_an_absent_broker_is_one_line_and_69(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong, and what to do; no traceback."""
    assert cli.main(["watch", "--host", "127.0.0.1", "--port", str(free_port())]) == 69
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[0].endswith("cannot be reached: connection refused")
    assert told.err.splitlines()[1] == "  start the broker, or check mqtt.host and mqtt.port"


@pytest.mark.parametrize(
    "wrong", [["--host", "broker.example"], ["--port", "0"], ["--site", "Not An Id"], ["--config", "absent.yaml"]]
)
def test_wrong_settings_are_a_config_error(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Plaintext beyond this machine, a port or id out of range, no such file: 78."""
    assert cli.main(["watch", *wrong]) == 78
    assert "Traceback" not in capsys.readouterr().err


def test_the_configuration_in_the_folder_is_used(amqtt_broker: Amqtt, tmp_path: Path) -> None:
    """On the device itself, `edge-fer watch` needs no arguments."""
    (tmp_path / "config.yaml").write_text(f"mqtt: {{host: 127.0.0.1, port: {amqtt_broker.port}}}\n")
    assert cli.main(["watch", "--seconds", "0.1"]) == 0


def test_json_gives_one_valid_payload_per_line_until_ctrl_c(amqtt_broker: Amqtt) -> None:
    """What scripts read, availability as a JSON string; the way everybody ends it is no error."""
    command = [sys.executable, "-m", "edge_fer", *arguments(amqtt_broker, "--json")]
    wanted = {"online", "edge_fer.status/1", "edge_fer.face/1", "edge_fer.health/1"}
    with (
        talking_device(amqtt_broker),
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        while wanted:
            payload = json.loads(process.stdout.readline())
            if payload == "online":
                wanted.discard(payload)
            else:
                validate(payload)
                wanted.discard(payload["schema"])
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0
        assert process.stderr.read() == b""
