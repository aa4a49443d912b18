"""The publisher against real brokers: what arrives, what is kept, and what bad brokers and bad payloads do to it."""

from __future__ import annotations

import logging
import math
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
from edge_fer.domain.faces import Identity, IdentityState
from edge_fer.mqtt.publisher import Publisher
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.messages import Message
from edge_fer.protocol.topics import Topics
from tests.broker import WAIT_S, Amqtt, Mosquitto, free_port, needs_mosquitto, wait_until
from tests.factories import emotion_event, face_event, health_message
from tests.subscriber import Subscriber

TOPICS = Topics("school-7", "room-b204")
BUILDER = MessageBuilder(TOPICS, {}, is_synced=lambda: True)
ENTER = face_event(FaceEventType.ENTER)
LEAVE = face_event(FaceEventType.LEAVE)

PUBLISH_FOREVER = """
import sys, time
from edge_fer.config.schema import MqttConfig
from edge_fer.mqtt.publisher import Publisher
from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.topics import Topics
topics = Topics("school-7", "room-b204")
Publisher(MqttConfig(port=int(sys.argv[1])), topics, gap_message=MessageBuilder(topics, {}).gap).start()
time.sleep(60)
"""


def publisher(settings: MqttConfig) -> Publisher:
    """One that retries fast."""
    return Publisher(settings, TOPICS, gap_message=BUILDER.gap, backoff_s=(0.02, 0.1))


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


def test_a_visit_arrives_with_mqtt_3_1_1(amqtt_broker: Amqtt) -> None:
    """amqtt knows MQTT 3.1.1 only: online, status, enter, emotion, leave, offline, in order and valid."""
    with Subscriber(amqtt_broker.port) as server:
        with running(amqtt_broker.config) as one:
            one.publish(BUILDER.status(loading.load(None), camera_state="ok"))
            connected(one)
            for event in (ENTER, emotion_event(), LEAVE):
                one.publish(BUILDER.event(event, latency_ms=12.0))
            faces = server.wait_for("event/face", 2)
            assert one.state.protocol == "3.1.1"
        assert server.wait_for("availability", 2) == ["online", "offline"]
        assert [face["type"] for face in faces] == ["enter", "leave"]
        assert [face["seq"] for face in faces] == [1, 3]
        assert len(server.of("status")) == 1
        assert one.readings() == {"queued": 0, "acked": 3, "refused": 0, "dropped": 0}


def test_a_visit_arrives_with_mqtt_5(mosquitto: Mosquitto) -> None:
    """MQTT 5 with content type and expiry; status and availability are retained, events are not."""
    with Subscriber(mosquitto.port, mqtt5=True) as server:
        with running(mosquitto.config) as one:
            one.publish(BUILDER.status(loading.load(None), camera_state="ok"))
            assert connected(one).state.protocol == "5"
            one.publish(BUILDER.event(ENTER))
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


def test_auto_falls_back_to_mqtt_3_1_1(amqtt_broker: Amqtt) -> None:
    """amqtt 0.12 misreads a will in MQTT 5 and does not answer; 3.1.1 is tried after 2 s."""
    with running(amqtt_broker.config.model_copy(update={"protocol": "auto"})) as one:
        assert connected(one).state.protocol == "3.1.1"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_protocol_can_be_fixed(mosquitto: Mosquitto, protocol: str) -> None:
    """With `protocol` set, nothing else is tried."""
    settings = MqttConfig.model_validate({**mosquitto.config.model_dump(), "protocol": protocol})
    with running(settings) as one:
        assert connected(one).state.protocol == protocol


def test_a_connection_is_a_successful_connack() -> None:
    """A port that accepts the connection and does not answer is not a broker."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        settings = MqttConfig(host="127.0.0.1", port=listener.getsockname()[1], protocol="3.1.1")
        with running(settings) as one:
            listener.accept()[0].close()
            assert "did not answer CONNECT" in problem(one)
            assert not one.state.connected


def test_an_absent_broker_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One warning for many attempts; once there is a broker, what was queued is delivered."""
    broker = Amqtt()
    with running(broker.config) as one:
        one.publish(BUILDER.event(ENTER))
        assert "cannot be reached: connection refused (start the broker" in problem(one)
        time.sleep(0.3)
        assert len(warnings(caplog)) == 1
        with broker, Subscriber(broker.port) as server:
            wait_until(lambda: one.readings()["acked"] == 1)
            one.publish(BUILDER.event(LEAVE))
            wait_until(lambda: "leave" in [face["type"] for face in server.of("event/face")])
            leave = server.of("event/face")[-1]
            assert (leave["seq"], leave["replayed"]) == (2, False)
            one.stop(2.0)


def test_an_unknown_host_is_named(caplog: pytest.LogCaptureFixture) -> None:
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
        one.publish(BUILDER.event(ENTER))
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
    """A health message from before the connection is out of date."""
    one = publisher(amqtt_broker.config)
    one.publish(health_message(BUILDER))
    with Subscriber(amqtt_broker.port) as server:
        one.start()
        connected(one)
        one.publish(health_message(BUILDER))
        server.wait_for("health")
        one.stop(2.0)
        assert len(server.of("health")) == 1


def bad_event() -> Message:
    """An event with a number that is none, as a broken sensor could give it."""
    return BUILDER.event(face_event(identity=Identity(IdentityState.KNOWN, "ada", math.nan)))


def test_a_payload_that_cannot_be_encoded_is_dropped(amqtt_broker: Amqtt, caplog: pytest.LogCaptureFixture) -> None:
    """A hundred of them: counted, one line without a name, and the events around them arrive."""
    with Subscriber(amqtt_broker.port) as server:
        with running(amqtt_broker.config) as one:
            connected(one)
            one.publish(BUILDER.event(ENTER))
            for _ in range(100):
                one.publish(bad_event())
            one.publish(BUILDER.event(LEAVE))
            wait_until(lambda: one.readings()["acked"] == 2)
            assert one.readings() == {"queued": 0, "acked": 2, "refused": 0, "dropped": 100}
        assert [face["seq"] for face in server.wait_for("event/face", 2)] == [1, 102]
        assert server.wait_for("availability", 2)[-1] == "offline"
    (warning,) = warnings(caplog)
    assert (
        "dropped a message that cannot be encoded: does not match its schema: event/face: identity.similarity"
        in warning
    )
    assert "ada" not in warning


@pytest.mark.parametrize(
    "message",
    [
        Message(TOPICS.status, {"schema": "edge_fer.status/1"}, retain=True),
        Message(TOPICS.health, {"fps": math.inf}, qos=0),
        Message(TOPICS.face, "text"),
        Message(TOPICS.face, {"seq": object()}),
        Message("edge_fer/somewhere/else", {}),
        BUILDER.status(loading.load(None, {"camera.source": "\udce9.mp4"}), camera_state="ok"),
    ],
    ids=["retained", "QoS 0", "text", "an object", "another topic", "half of a surrogate pair"],
)
def test_a_bad_message_of_any_kind_ends_nothing(
    amqtt_broker: Amqtt, caplog: pytest.LogCaptureFixture, message: Message
) -> None:
    """Before and after a connection; what comes behind it arrives, and it is logged once."""
    with Subscriber(amqtt_broker.port) as server, running(amqtt_broker.config) as one:
        one.publish(message)
        connected(one)
        one.publish(message)
        one.publish(BUILDER.event(ENTER))
        server.wait_for("event/face")
    (warning,) = warnings(caplog)
    assert "dropped a message" in warning


def test_warnings_about_messages_are_bounded(amqtt_broker: Amqtt, caplog: pytest.LogCaptureFixture) -> None:
    """However many kinds of bad messages there are."""
    with running(amqtt_broker.config) as one:
        connected(one)
        for number in range(100):
            one.publish(Message(f"edge_fer/a/b/cmd/{number}", {}))
        wait_until(lambda: one.readings()["dropped"] == 100)
    assert len(warnings(caplog)) == 20


def test_stop_without_a_broker_is_quick(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing can be sent; the loss is logged."""
    one = publisher(MqttConfig(host="127.0.0.1", port=free_port()))
    one.publish(BUILDER.event(ENTER))
    one.start()
    problem(one)
    began_s = time.monotonic()
    one.stop(5.0)
    assert time.monotonic() - began_s < 2.0
    assert warnings(caplog)[-1] == "1 events could not be delivered before the stop"


def test_stop_sends_what_waits(amqtt_broker: Amqtt) -> None:
    """More than one window of events, stopped at once: all arrive, and offline comes last."""
    with Subscriber(amqtt_broker.port) as server:
        one = publisher(amqtt_broker.config)
        one.start()
        connected(one)
        for _ in range(100):
            one.publish(BUILDER.event(ENTER))
        one.stop(5.0)
        assert [face["seq"] for face in server.wait_for("event/face", 100)] == list(range(1, 101))
        assert server.wait_for("availability", 2)[-1] == "offline"
        assert server.arrivals[-1].payload == "offline"
        assert not one.state.connected


def test_publish_after_stop_does_no_harm(amqtt_broker: Amqtt) -> None:
    """Threads that end later than the publisher may still publish."""
    with running(amqtt_broker.config) as one:
        connected(one)
        one.stop(2.0)
        one.publish(BUILDER.event(ENTER))


@needs_mosquitto
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture, protocol: str) -> None:
    """Refused, retried, one warning that names the keys and never the password."""
    with Mosquitto(tmp_path, "allow_anonymous false") as broker:
        secret = tmp_path / "password"
        secret.write_text("hunter2-secret\n")
        settings = MqttConfig.model_validate(
            {**broker.config.model_dump(), "protocol": protocol, "username": "cam", "password_file": secret}
        )
        with running(settings) as one:
            assert "refused the connection: Not authorized (check mqtt.username, mqtt.password_file" in problem(one)
            time.sleep(0.3)
            assert len(warnings(caplog)) == 1
    assert "hunter2" not in caplog.text


@needs_mosquitto
def test_the_right_password_is_accepted(tmp_path: Path) -> None:
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
def test_denied_messages_are_counted_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """MQTT 5 acknowledges what the access list denies; only the reason code shows it."""
    rules = tmp_path / "acl"
    rules.write_text("topic write edge_fer/+/+/availability\n")
    rules.chmod(0o600)
    with Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {rules}") as broker, running(broker.config) as one:
        connected(one)
        for _ in range(3):
            one.publish(BUILDER.event(ENTER))
        wait_until(lambda: one.readings()["refused"] == 3)
        assert one.readings() == {"queued": 0, "acked": 0, "refused": 3, "dropped": 0}
    (warning,) = warnings(caplog)
    assert "refuses messages: Not authorized (allow this device to write edge_fer/school-7/room-b204/#" in warning


@needs_mosquitto
def test_a_broker_that_restarts_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Events of the outage arrive afterwards as replays; online and status are sent again."""
    broker = Mosquitto(tmp_path)
    with broker, running(broker.config) as one:
        one.publish(BUILDER.status(loading.load(None), camera_state="ok"))
        connected(one)
        broker.stop()
        wait_until(lambda: not one.state.connected)
        for _ in range(30):
            one.publish(BUILDER.event(ENTER))
        broker.start()
        with Subscriber(broker.port) as server:
            wait_until(lambda: one.readings()["acked"] == 30)
            server.wait_for("status")
            server.wait_for("availability")
            one.publish(BUILDER.event(LEAVE))
            wait_until(lambda: "leave" in [face["type"] for face in server.of("event/face")])
            assert server.of("event/face")[-1]["replayed"] is False
    lost = [text for text in warnings(caplog) if "closed the connection" in text or "ended the connection" in text]
    assert len(lost) == 1


@needs_mosquitto
def test_events_of_an_outage_arrive_in_order(tmp_path: Path) -> None:
    """A server with a persistent session sees every seq from 1; what was made during the outage is marked."""
    store = tmp_path / "store"
    store.mkdir(mode=0o777)
    broker = Mosquitto(tmp_path, f"allow_anonymous true\npersistence true\npersistence_location {store}/")
    with broker, running(broker.config) as one, Subscriber(broker.port, session="server-1") as server:
        connected(one)
        for _ in range(10):
            one.publish(BUILDER.event(ENTER))
        wait_until(lambda: one.readings()["acked"] == 10)
        broker.stop()
        for _ in range(10):
            one.publish(BUILDER.event(LEAVE))
        broker.start()
        wait_until(lambda: len({face["id"] for face in server.of("event/face")}) == 20)
        fresh = list({face["id"]: face for face in server.of("event/face")}.values())
        assert [face["seq"] for face in fresh] == list(range(1, 21))
        assert all(face["replayed"] for face in fresh[10:])


@needs_mosquitto
def test_the_will_says_offline_when_we_are_killed(mosquitto: Mosquitto) -> None:
    """No DISCONNECT: the broker publishes the will."""
    with Subscriber(mosquitto.port) as server:
        with subprocess.Popen([sys.executable, "-c", PUBLISH_FOREVER, str(mosquitto.port)]) as child:
            try:
                assert server.wait_for("availability") == ["online"]
            finally:
                child.kill()
        assert server.wait_for("availability", 2) == ["online", "offline"]


@needs_mosquitto
def test_two_devices_of_one_name_cause_a_warning(mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    """The second takes the connection over; the warning of the first names the cause."""
    with running(mosquitto.config) as first:
        connected(first)
        with running(mosquitto.config):
            wait_until(lambda: any("using the same client id" in text for text in warnings(caplog)))
