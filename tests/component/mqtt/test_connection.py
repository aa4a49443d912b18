"""The connection against scripted brokers, byte by byte: what real ones do too rarely to wait for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_fer.config.schema import MqttConfig
from edge_fer.errors import BrokerError, ConfigError, PayloadError
from edge_fer.mqtt import connection as mqtt_connection
from edge_fer.mqtt.connection import BrokerClient, Callbacks, Connection
from edge_fer.protocol.messages import Message
from tests.broker import WAIT_S, Amqtt

# MQTT 5.0 and 3.1.1, sections 3.2 (CONNACK), 3.9 (SUBACK) and 3.14 (DISCONNECT)
ACCEPTED_5 = bytes.fromhex("2003 0000 00")
ACCEPTED_5_RECEIVE_MAXIMUM_3 = bytes.fromhex("2006 0000 03 210003")
ACCEPTED_311 = bytes.fromhex("2002 0000")
UNSUPPORTED_5 = bytes.fromhex("2003 0084 00")
UNSUPPORTED_311 = bytes.fromhex("2002 0001")
BANNED_5 = bytes.fromhex("2003 008a 00")
TAKEN_OVER_5 = bytes.fromhex("e002 8e00")
SHUTTING_DOWN_5 = bytes.fromhex("e002 8b00")
DENIED_311 = bytes.fromhex("9003 0001 80")
CLOSE = b""
NO_ANSWER = None

ONLINE = Message("edge_fer/a/b/availability", "online")


@contextmanager
def scripted(*answers: bytes | None, then: bytes = b"") -> Iterator[tuple[MqttConfig, list[bytes]]]:
    """A broker that answers the CONNECT of each connection in turn; gives its address and the CONNECTs it got.

    Args:
        answers: Bytes to send, CLOSE, or NO_ANSWER.
        then: Sent after the next packet that comes.
    """
    got: list[bytes] = []

    def serve(listener: socket.socket, answers: Sequence[bytes | None]) -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(WAIT_S)
                got.append(connection.recv(4096))
                if answer:
                    connection.sendall(answer)
                    if then:
                        connection.recv(4096)
                        connection.sendall(then)
                while answer != CLOSE and connection.recv(4096):
                    pass  # until the client closes

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT_S)
        thread = threading.Thread(target=serve, args=(listener, answers))
        thread.start()
        try:
            yield MqttConfig(host="127.0.0.1", port=listener.getsockname()[1]), got
        finally:
            thread.join()


@contextmanager
def connection_to(config: MqttConfig, callbacks: Callbacks | None = None) -> Iterator[Connection]:
    """An accepted connection, closed at the end."""
    connection = BrokerClient(config).connect(client_id="tester", callbacks=callbacks)
    try:
        yield connection
    finally:
        connection.close()


def turn_until(connection: Connection, is_over: Callable[[], bool]) -> None:
    """Keep the connection going until it is over."""
    deadline_s = time.monotonic() + WAIT_S
    while not is_over() and time.monotonic() < deadline_s:
        connection.step(0.1)


def protocol_level(connect: bytes) -> int:
    """Byte 9 of a short CONNECT: 5, or 4 for 3.1.1."""
    return connect[8]


def test_mqtt_5_is_tried_first() -> None:
    """One CONNECT, level 5."""
    with scripted(ACCEPTED_5) as (config, got), connection_to(config) as connection:
        assert connection.protocol == "5"
        assert [protocol_level(connect) for connect in got] == [5]


@pytest.mark.parametrize("answer", [UNSUPPORTED_5, UNSUPPORTED_311, CLOSE])
def test_mqtt_3_1_1_is_tried_where_mqtt_5_is_not_supported(answer: bytes) -> None:
    """Unsupported, by the code of either version, or a closed connection: level 4 at once."""
    with scripted(answer, ACCEPTED_311) as (config, got), connection_to(config) as connection:
        assert connection.protocol == "3.1.1"
        assert [protocol_level(connect) for connect in got] == [5, 4]


def test_mqtt_3_1_1_is_tried_where_mqtt_5_gets_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time for a probe."""
    monkeypatch.setattr(mqtt_connection, "_PROBE_TIMEOUT_S", 0.1)
    with scripted(NO_ANSWER, ACCEPTED_311) as (config, got), connection_to(config) as connection:
        assert connection.protocol == "3.1.1"
        assert [protocol_level(connect) for connect in got] == [5, 4]


def test_a_refusal_is_no_reason_to_try_mqtt_3_1_1() -> None:
    """One CONNECT, and the broker's own reason in the message."""
    with scripted(BANNED_5) as (config, got):
        with pytest.raises(BrokerError, match=r"refused the connection: Banned \(see the broker's log\)"):
            BrokerClient(config).connect(client_id="tester")
        assert len(got) == 1


def test_a_fixed_protocol_is_not_changed() -> None:
    """The message says what to set."""
    with scripted(UNSUPPORTED_5) as (config, got):
        fixed = config.model_copy(update={"protocol": "5"})
        with pytest.raises(BrokerError, match=r"does not support MQTT 5 \(set mqtt\.protocol: auto\)"):
            BrokerClient(fixed).connect(client_id="tester")
        assert len(got) == 1


def test_the_brokers_receive_maximum_bounds_the_window() -> None:
    """With more on the way at once, an MQTT 5 broker would end the connection."""
    with scripted(ACCEPTED_5_RECEIVE_MAXIMUM_3) as (config, _), connection_to(config) as connection:
        assert connection.window == 3
    with scripted(ACCEPTED_5) as (config, _), connection_to(config) as connection:
        assert connection.window == 20


def test_the_broker_says_why_it_ends_the_connection() -> None:
    """MQTT 5: the reason of its DISCONNECT."""
    with scripted(ACCEPTED_5, then=SHUTTING_DOWN_5) as (config, _), connection_to(config) as connection:
        connection.publish(ONLINE)
        with pytest.raises(BrokerError, match="the broker ended the connection: Server shutting down"):
            turn_until(connection, lambda: False)


def test_another_client_of_the_same_id_is_named() -> None:
    """MQTT 5 knows the cause; the hint says what to change."""
    with scripted(ACCEPTED_5, then=TAKEN_OVER_5) as (config, _), connection_to(config) as connection:
        connection.publish(ONLINE)
        with pytest.raises(BrokerError, match=r"another client is using the same client id \(give each device"):
            turn_until(connection, lambda: False)


def test_a_pulled_cable_is_noticed() -> None:
    """No FIN, no RST: after two keepalive intervals without an answer the connection is over."""
    with scripted(ACCEPTED_5) as (config, _):
        impatient = config.model_copy(update={"keepalive_s": 1})  # less than config.yaml may say, for a quick test
        with connection_to(impatient) as connection, pytest.raises(BrokerError, match="keepalive timeout"):
            turn_until(connection, lambda: False)


def test_a_denied_subscription_is_an_error() -> None:
    """SUBACK with 0x80."""
    with scripted(ACCEPTED_311, then=DENIED_311) as (config, _):
        old = config.model_copy(update={"protocol": "3.1.1"})
        with (
            connection_to(old) as connection,
            pytest.raises(BrokerError, match="subscription to edge_fer/# was denied"),
        ):
            connection.subscribe("edge_fer/#")


def test_a_topic_that_is_not_text_is_passed_over() -> None:
    """PUBLISH with a topic that is not UTF-8, then one of ours: only the second is given."""
    received: list[str] = []
    callbacks = Callbacks(on_message=lambda topic, payload, retained: received.append(topic))
    foreign, ours = bytes.fromhex("3005 0002 fffe 78"), bytes.fromhex("3004 0001 61 78")
    with scripted(ACCEPTED_311, then=foreign + ours) as (config, _):
        old = config.model_copy(update={"protocol": "3.1.1"})
        with connection_to(old, callbacks) as connection:
            connection.publish(ONLINE)
            turn_until(connection, lambda: bool(received))
    assert received == ["a"]


def test_a_payload_that_cannot_be_encoded_is_not_sent() -> None:
    """The error comes before anything is on its way; the connection goes on."""
    with scripted(ACCEPTED_5) as (config, _), connection_to(config) as connection:
        with pytest.raises(PayloadError):
            connection.publish(Message("edge_fer/a/b/status", {"schema": "edge_fer.status/1"}))
        assert connection.publish(ONLINE) == 1


def test_what_is_subscribed_arrives(amqtt_broker: Amqtt) -> None:
    """Topic, payload, retained or not; and the number of a publish comes back with its acknowledgment."""
    received: list[tuple[str, bytes, bool]] = []
    acknowledged: list[int] = []
    callbacks = Callbacks(
        on_ack=lambda number, reason: acknowledged.append(number),
        on_message=lambda *message: received.append(message),
    )
    with connection_to(amqtt_broker.config, callbacks) as connection:
        connection.subscribe("edge_fer/#")
        number = connection.publish(ONLINE)
        turn_until(connection, lambda: bool(received and acknowledged))
        assert received == [("edge_fer/a/b/availability", b"online", False)]
        assert acknowledged == [number]


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "not UTF-8")]
)
def test_a_password_file_that_cannot_be_used_is_a_config_error(tmp_path: Path, content: bytes | None, why: str) -> None:
    """Reported at the start, with the key and the file."""
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"mqtt\.password_file: .*{why}"):
        BrokerClient(MqttConfig(username="cam", password_file=path))
