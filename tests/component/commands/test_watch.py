"""edge-fer watch against a real broker: the table, the lines, foreign messages, and the ways to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_fer import cli
from edge_fer.config import loading
from edge_fer.mqtt import subscriber
from edge_fer.mqtt.publisher import Publisher
from edge_fer.protocol.message_builder import MessageBuilder
from tests.broker import WAIT_S, Amqtt, Mosquitto, free_port, wait_until
from tests.factories import face_event, health_message
from tests.foreign_messages import FACE, FOREIGN, TOPICS, anybody, publish
from tests.subscriber import validate

ROOT = Path(cli.__file__).parents[1]
BUILDER = MessageBuilder(TOPICS, {}, is_synced=lambda: True)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a config.yaml, and the protocol that amqtt knows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGE_FER__MQTT__PROTOCOL", "'3.1.1'")


@contextmanager
def publishing_device(broker: Amqtt) -> Iterator[None]:
    """A device that publishes the same again and again."""
    one = Publisher(broker.config, TOPICS, gap_message=BUILDER.gap)
    one.publish(BUILDER.status(loading.load(None), camera_state="ok"))
    one.start()
    stopping = threading.Event()

    def publish_all() -> None:
        while not stopping.wait(0.1):
            one.publish(BUILDER.event(face_event()))
            one.publish(health_message(BUILDER))

    thread = threading.Thread(target=publish_all)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        one.stop(2.0)


def arguments(broker: Amqtt | Mosquitto, *more: str) -> list[str]:
    """A command line for this broker and our device."""
    where = ("--host", "127.0.0.1", "--port", str(broker.port), "--site", TOPICS.site, "--device", TOPICS.device)
    return ["watch", *where, *more]


def test_the_table_shows_who_is_there(amqtt_broker: Amqtt, capsys: pytest.CaptureFixture[str]) -> None:
    """For three seconds, then exit 0."""
    with publishing_device(amqtt_broker):
        assert cli.main(arguments(amqtt_broker, "--seconds", "3")) == 0
    shown = capsys.readouterr().out
    assert "edge_fer/school-7/room-b204: online" in shown
    assert "health: camera ok" in shown
    assert "ada" in shown


def test_an_absent_broker_is_one_line_and_69(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong, and what to do; no traceback."""
    assert cli.main(["watch", "--host", "127.0.0.1", "--port", str(free_port())]) == 69
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[0].endswith("cannot be reached: connection refused")
    assert printed.err.splitlines()[1] == "  start the broker, or check mqtt.host and mqtt.port"


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
        publishing_device(amqtt_broker),
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


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_no_foreign_message_ends_it(
    mosquitto: Mosquitto, form: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever anybody publishes: it is counted, the table goes on, each line is one valid payload, and exit is 0."""
    subscribers: list[subscriber.Subscriber] = []

    class ObservedSubscriber(subscriber.Subscriber):
        def __enter__(self) -> subscriber.Subscriber:
            super().__enter__()
            subscribers.append(self)
            return self

    def publish_all_and_end() -> None:
        with anybody(mosquitto.port) as somebody:
            wait_until(lambda: bool(subscribers))
            for topic, payload, _ in FOREIGN:
                publish(somebody, topic, payload)
            publish(somebody, TOPICS.face, FACE)
        wait_until(lambda: subscribers[0].rejected.total() == len(FOREIGN))
        time.sleep(1.0)  # the table is drawn four times a second
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(subscriber, "Subscriber", ObservedSubscriber)
    thread = threading.Thread(target=publish_all_and_end)
    thread.start()
    assert cli.main(arguments(mosquitto, *form, "--seconds", "60")) == 0
    thread.join()
    printed = capsys.readouterr()
    counted = f"{len(FOREIGN)} messages not readable (not JSON 2, "
    if form:
        assert [json.loads(line) for line in printed.out.splitlines()] == [FACE]
        assert printed.err.startswith(counted)
        assert len(printed.err.splitlines()) == 1
    else:
        assert counted in printed.out
        assert "ada" in printed.out
