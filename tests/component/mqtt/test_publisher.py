"""The publisher against real brokers: what arrives, what is kept, and what an absent or hostile broker does to it."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_fer.config import loading
from edge_fer.config.schema import MqttConfig
from edge_fer.domain.events import FaceEventType
from edge_fer.mqtt.publisher import Publisher
from edge_fer.protocol.payloads import Payloads
from edge_fer.protocol.topics import Topics
from tests.broker import WAIT_S, Amqtt, Mosquitto, free_port, needs_mosquitto, wait_until
from tests.factories import emotion_event, face_event, health_message
from tests.subscriber import Subscriber

TOPICS = Topics("school-7", "room-b204")
PAYLOADS = Payloads(TOPICS, {}, is_synced=lambda: True)
ENTER = face_event(FaceEventType.ENTER)
LEAVE = face_event(FaceEventType.LEAVE)

PUBLISH_FOREVER = """
import sys, time
from edge_fer.config.schema import MqttConfig
from edge_fer.mqtt.publisher import Publisher
from edge_fer.protocol.payloads import Payloads
from edge_fer.protocol.topics import Topics
topics = Topics("school-7", "room-b204")
Publisher(MqttConfig(port=int(sys.argv[1])), topics, gap_message=Payloads(topics, {}).gap).start()
time.sleep(60)
"""


def publisher(settings: MqttConfig) -> Publisher:
    """One that retries fast."""
    return Publisher(settings, TOPICS, gap_message=PAYLOADS.gap, backoff_s=(0.02, 0.1))


@contextmanager
def running(settings: MqttConfig) -> Iterator[Publisher]:
    """A started publisher, stopped at the end."""
    one = publisher(settings)
    one.start()
    try:
        yield one
    finally:
        one.stop(2.0)
        assert one.failure is None


def connected(one: Publisher) -> Publisher:
    """The publisher, once it is connected."""
    wait_until(lambda: one.state.connected)
    return one


def problem(one: Publisher) -> str:
    """What keeps the publisher from being connected, once it knows."""
    wait_until(lambda: one.state.problem is not None)
    return str(one.state.problem)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Warnings of the publisher so far."""
    return [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING]


def test_a_visit_arrives_at_an_old_broker(amqtt_broker: Amqtt) -> None:
    """amqtt knows MQTT 3.1.1 only: online, status, enter, emotion, leave, offline, in order and valid."""
    with Subscriber(amqtt_broker.port) as server:
        with running(amqtt_broker.config) as one:
            one.publish(PAYLOADS.status(loading.load(None), camera_state="ok"))
            connected(one)
            for event in (ENTER, emotion_event(), LEAVE):
                one.publish(PAYLOADS.event(event, latency_ms=12.0))
            faces = server.wait_for("event/face", 2)
            assert one.state.protocol == "3.1.1"
        assert server.wait_for("availability", 2) == ["online", "offline"]
        assert [face["type"] for face in faces] == ["enter", "leave"]
        assert [face["seq"] for face in faces] == [1, 3]
        assert len(server.of("status")) == 1
        assert one.readings() == {"queued": 0, "acked": 3, "refused": 0, "dropped": 0}


def test_a_visit_arrives_at_a_new_broker(mosquitto: Mosquitto) -> None:
    """MQTT 5 with content type and expiry; status and availability are retained, events are not."""
    with Subscriber(mosquitto.port, mqtt5=True) as server:
        with running(mosquitto.config) as one:
            one.publish(PAYLOADS.status(loading.load(None), camera_state="ok"))
            assert connected(one).state.protocol == "5"
            one.publish(PAYLOADS.event(ENTER))
            server.wait_for("event/face")
        server.wait_for("availability", 2)
        arrived = {arrival.topic.removeprefix(f"{TOPICS.root}/"): arrival for arrival in server.arrivals}
        assert arrived["event/face"].content_type == "application/json"
        assert arrived["event/face"].expiry_s == pytest.approx(86_400, abs=60)
        assert arrived["availability"].content_type == "text/plain"
    with Subscriber(mosquitto.port) as late:
        late.wait_for("availability")
        late.wait_for("status")
        time.sleep(0.1)
        kept = {arrival.topic.removeprefix(f"{TOPICS.root}/"): arrival.payload for arrival in late.arrivals}
        assert sorted(kept) == ["availability", "status"]
        assert kept["availability"] == "offline"


def test_auto_falls_back_to_the_old_protocol(amqtt_broker: Amqtt) -> None:
    """amqtt 0.12 misreads a will in MQTT 5 and falls silent; 3.1.1 is tried after 2 s."""
    with running(amqtt_broker.config.model_copy(update={"protocol": "auto"})) as one:
        assert connected(one).state.protocol == "3.1.1"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_protocol_can_be_fixed(mosquitto: Mosquitto, protocol: str) -> None:
    """With `protocol` set, nothing else is tried."""
    settings = MqttConfig.model_validate({**mosquitto.config.model_dump(), "protocol": protocol})
    with running(settings) as one:
        assert connected(one).state.protocol == protocol


def test_a_connection_is_a_successful_connack() -> None:
    """A port that accepts and says nothing is no broker."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        settings = MqttConfig(host="127.0.0.1", port=listener.getsockname()[1], protocol="3.1.1")
        with running(settings) as one:
            listener.accept()[0].close()
            assert "did not answer our CONNECT" in problem(one)
            assert not one.state.connected


def test_an_absent_broker_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One warning for many attempts; once there is a broker, what was queued is delivered."""
    broker = Amqtt()
    with running(broker.config) as one:
        one.publish(PAYLOADS.event(ENTER))
        assert "cannot be reached: connection refused (start the broker" in problem(one)
        time.sleep(0.3)
        assert len(warnings(caplog)) == 1
        with broker, Subscriber(broker.port) as server:
            wait_until(lambda: one.readings()["acked"] == 1)
            one.publish(PAYLOADS.event(LEAVE))
            wait_until(lambda: "leave" in [face["type"] for face in server.of("event/face")])
            leave = server.of("event/face")[-1]
            assert (leave["seq"], leave["replayed"]) == (2, False)
            one.stop(2.0)


def test_no_such_host_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A typing error in mqtt.host is one line that names the key."""
    settings = MqttConfig(host="no-such-host.invalid", insecure_plaintext=True)
    with running(settings) as one:
        assert "no such host (check mqtt.host" in problem(one)


def test_publish_never_waits_and_drops_the_oldest(amqtt_broker: Amqtt) -> None:
    """Without a broker: a thousand calls at once, ten kept, and one gap event that says what went."""
    settings = amqtt_broker.config.model_copy(update={"queue_limit": 10})
    one = publisher(settings)
    began_s = time.monotonic()
    for _ in range(1000):
        one.publish(PAYLOADS.event(ENTER))
    assert time.monotonic() - began_s < WAIT_S
    assert one.readings() == {"queued": 10, "acked": 0, "refused": 0, "dropped": 990}
    with Subscriber(amqtt_broker.port) as server:
        one.start()
        (gap,) = server.wait_for("event/system")
        faces = server.wait_for("event/face", 10)
        assert [face["seq"] for face in faces] == list(range(991, 1001))
        assert all(face["replayed"] for face in faces)
        assert gap["gap"] == {"dropped": 990, "first_seq": 1, "last_seq": 990}
        assert gap["seq"] == 1001
        one.stop(2.0)
        assert len(server.of("event/system")) == 1


def test_health_is_sent_only_while_connected(amqtt_broker: Amqtt) -> None:
    """QoS 0 from before the connection is old news."""
    one = publisher(amqtt_broker.config)
    one.publish(health_message(PAYLOADS))
    with Subscriber(amqtt_broker.port) as server:
        one.start()
        connected(one)
        one.publish(health_message(PAYLOADS))
        server.wait_for("health")
        one.stop(2.0)
        assert len(server.of("health")) == 1


def test_stop_without_a_broker_is_quick(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing can be flushed; the loss is said."""
    one = publisher(MqttConfig(host="127.0.0.1", port=free_port()))
    one.publish(PAYLOADS.event(ENTER))
    one.start()
    problem(one)
    began_s = time.monotonic()
    one.stop(5.0)
    assert time.monotonic() - began_s < 2.0
    assert warnings(caplog)[-1] == "1 events could not be delivered before the stop"


def test_stop_flushes_what_waits(amqtt_broker: Amqtt) -> None:
    """More than one window of events, stopped at once: all arrive, and offline comes last."""
    with Subscriber(amqtt_broker.port) as server:
        one = publisher(amqtt_broker.config)
        one.start()
        connected(one)
        for _ in range(100):
            one.publish(PAYLOADS.event(ENTER))
        one.stop(5.0)
        assert [face["seq"] for face in server.wait_for("event/face", 100)] == list(range(1, 101))
        assert server.wait_for("availability", 2)[-1] == "offline"
        assert server.arrivals[-1].payload == "offline"
        assert not one.state.connected


def test_publish_after_stop_does_no_harm(amqtt_broker: Amqtt) -> None:
    """Threads that end later than the publisher may still speak."""
    with running(amqtt_broker.config) as one:
        connected(one)
        one.stop(2.0)
        one.publish(PAYLOADS.event(ENTER))


@needs_mosquitto
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture, protocol: str) -> None:
    """Refused, retried, one warning that names the keys and never the password."""
    with Mosquitto(tmp_path, "allow_anonymous false") as broker:
        secret = tmp_path / "password"
        secret.write_text("hunter2-secret\n")
        settings = MqttConfig.model_validate(
            {**broker.config.model_dump(), "protocol": protocol, "username": "cam", "password_file": secret}
        )
        with running(settings) as one:
            assert "refused us: Not authorized (check mqtt.username, mqtt.password_file" in problem(one)
            time.sleep(0.3)
            assert len(warnings(caplog)) == 1
    assert "hunter2" not in caplog.text


@needs_mosquitto
def test_the_right_password_lets_us_in(tmp_path: Path) -> None:
    """The first line of the file, without its newline."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "cam", "secret"], check=True)
    with Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}") as broker:
        secret = tmp_path / "password"
        secret.write_text("secret\n")
        settings = broker.config.model_copy(update={"username": "cam", "password_file": secret})
        with running(settings) as one:
            connected(one)


@needs_mosquitto
def test_denied_messages_are_counted_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """MQTT 5 acknowledges what the access list denies; only the reason code tells."""
    rules = tmp_path / "acl"
    rules.write_text("topic write edge_fer/+/+/availability\n")
    rules.chmod(0o600)
    with Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {rules}") as broker, running(broker.config) as one:
        connected(one)
        for _ in range(3):
            one.publish(PAYLOADS.event(ENTER))
        wait_until(lambda: one.readings()["refused"] == 3)
        assert one.readings() == {"queued": 0, "acked": 0, "refused": 3, "dropped": 0}
    (told,) = warnings(caplog)
    assert "refuses messages: Not authorized (allow this device to write edge_fer/school-7/room-b204/#" in told


@needs_mosquitto
def test_a_broker_that_restarts_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Events of the outage arrive afterwards as replays; online and status are told anew."""
    broker = Mosquitto(tmp_path)
    with broker, running(broker.config) as one:
        one.publish(PAYLOADS.status(loading.load(None), camera_state="ok"))
        connected(one)
        broker.stop()
        wait_until(lambda: not one.state.connected)
        for _ in range(30):
            one.publish(PAYLOADS.event(ENTER))
        broker.start()
        with Subscriber(broker.port) as server:
            wait_until(lambda: one.readings()["acked"] == 30)
            server.wait_for("status")
            server.wait_for("availability")
            one.publish(PAYLOADS.event(LEAVE))
            wait_until(lambda: "leave" in [face["type"] for face in server.of("event/face")])
            assert server.of("event/face")[-1]["replayed"] is False
    lost = [text for text in warnings(caplog) if "closed the connection" in text or "ended the connection" in text]
    assert len(lost) == 1


@needs_mosquitto
def test_events_of_an_outage_arrive_in_order_for_a_server_that_stays(tmp_path: Path) -> None:
    """A server with a persistent session sees every seq from 1; what was made during the outage is marked."""
    store = tmp_path / "store"
    store.mkdir(mode=0o777)
    broker = Mosquitto(tmp_path, f"allow_anonymous true\npersistence true\npersistence_location {store}/")
    with broker, running(broker.config) as one, Subscriber(broker.port, session="server-1") as server:
        connected(one)
        for _ in range(10):
            one.publish(PAYLOADS.event(ENTER))
        wait_until(lambda: one.readings()["acked"] == 10)
        broker.stop()
        for _ in range(10):
            one.publish(PAYLOADS.event(LEAVE))
        broker.start()
        wait_until(lambda: len({face["id"] for face in server.of("event/face")}) == 20)
        fresh = list({face["id"]: face for face in server.of("event/face")}.values())
        assert [face["seq"] for face in fresh] == list(range(1, 21))
        assert all(face["replayed"] for face in fresh[10:])


@needs_mosquitto
def test_the_will_says_offline_when_we_are_killed(mosquitto: Mosquitto) -> None:
    """No goodbye, no DISCONNECT: the broker speaks for us."""
    with Subscriber(mosquitto.port) as server:
        with subprocess.Popen([sys.executable, "-c", PUBLISH_FOREVER, str(mosquitto.port)]) as child:
            try:
                assert server.wait_for("availability") == ["online"]
            finally:
                child.kill()
        assert server.wait_for("availability", 2) == ["online", "offline"]


@needs_mosquitto
def test_two_devices_of_one_name_are_told_apart_by_a_warning(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """The second takes over; what the first says of it points to the cause."""
    with running(mosquitto.config) as first:
        connected(first)
        with running(mosquitto.config):
            wait_until(lambda: any("two devices of one site and name" in text for text in warnings(caplog)))
