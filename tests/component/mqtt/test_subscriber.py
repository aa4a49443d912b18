"""The subscriber against real and scripted brokers: what it gives, what it counts, and how it ends."""

from __future__ import annotations

import time

import pytest

from edge_fer.config.schema import MqttConfig
from edge_fer.errors import BrokerError
from edge_fer.mqtt.connection import Connection
from edge_fer.mqtt.subscriber import Subscriber
from edge_fer.protocol.messages import ReceivedMessage
from edge_fer.protocol.payloads import AvailabilityPayload, FacePayload
from edge_fer.protocol.topics import Topics
from tests.broker import WAIT_S, Amqtt, Mosquitto, free_port
from tests.foreign_messages import FACE, FOREIGN, HEALTH, TOPICS, anybody, publish


def next_message(subscriber: Subscriber) -> ReceivedMessage:
    """The next readable message; fails the test when none comes."""
    message = subscriber.receive(WAIT_S)
    assert message is not None
    return message


def test_what_a_device_publishes_is_received(amqtt_broker: Amqtt) -> None:
    """As payload models, in order; another device's messages and unknown topics are passed over."""
    with Subscriber(amqtt_broker.config, TOPICS) as subscriber, anybody(amqtt_broker.port) as device:
        before_s = time.monotonic()
        publish(device, TOPICS.availability, b"online")
        publish(device, Topics("school-7", "room-c1").face, {**FACE, "device": "room-c1"})
        publish(device, f"{TOPICS.root}/cmd/ping", b"{}")
        publish(device, TOPICS.face, FACE)
        online, face = next_message(subscriber), next_message(subscriber)
        assert subscriber.receive(0.1) is None
    assert isinstance(online.payload, AvailabilityPayload)
    assert online.payload.online
    assert isinstance(face.payload, FacePayload)
    assert (face.topic, face.payload.id, face.payload.identity.subject) == (TOPICS.face, FACE["id"], "ada")
    assert before_s <= online.received_s <= face.received_s <= time.monotonic()
    assert not online.retained
    assert subscriber.rejections == ""


def test_what_the_broker_retained_is_marked(amqtt_broker: Amqtt) -> None:
    """It is from before the subscription."""
    with anybody(amqtt_broker.port) as device:
        publish(device, TOPICS.availability, b"offline", retain=True)
        with Subscriber(amqtt_broker.config, TOPICS) as subscriber:
            assert next_message(subscriber).retained


def test_a_retained_event_is_refused(amqtt_broker: Amqtt) -> None:
    """Yesterday's arrival must not open a door today."""
    with anybody(amqtt_broker.port) as somebody:
        publish(somebody, TOPICS.face, FACE, retain=True)
        with Subscriber(amqtt_broker.config, TOPICS) as subscriber:
            publish(somebody, TOPICS.availability, b"online")
            assert next_message(subscriber).topic == TOPICS.availability
        assert subscriber.rejected == {"retained event": 1}


def test_no_foreign_message_ends_it(mosquitto: Mosquitto) -> None:
    """Each is counted with its reason; what comes between arrives. mosquitto, for amqtt itself breaks on some."""
    with Subscriber(mosquitto.config, TOPICS) as subscriber, anybody(mosquitto.port) as somebody:
        for count, (topic, payload, reason) in enumerate(FOREIGN, start=1):
            before = subscriber.rejected[reason]
            publish(somebody, topic, payload)
            publish(somebody, TOPICS.health, HEALTH)
            assert next_message(subscriber).topic == TOPICS.health
            assert subscriber.rejected[reason] == before + 1, (reason, subscriber.last_rejection)
            assert subscriber.rejected.total() == count
            assert subscriber.last_rejection.startswith(reason)
    assert subscriber.rejections.startswith(f"{len(FOREIGN)} messages not readable (not JSON 2, ")


def test_the_end_of_the_broker_is_an_error(mosquitto: Mosquitto) -> None:
    """Once what came before has been given, and again at each call."""
    with Subscriber(mosquitto.config, TOPICS) as subscriber:
        with anybody(mosquitto.port) as device:
            publish(device, TOPICS.availability, b"online")
        assert next_message(subscriber).topic == TOPICS.availability
        mosquitto.stop()
        for _ in range(2):
            with pytest.raises(BrokerError, match="the broker "):
                subscriber.receive(WAIT_S)


def test_a_message_in_the_last_step_is_not_lost(amqtt_broker: Amqtt, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was read in the very step in which the connection ended: the message is given first, then the error."""

    def last_step(connection: Connection, timeout_s: float) -> None:
        if unread:
            subscriber._take(TOPICS.availability, unread.pop(), False)
        raise BrokerError("the broker closed the connection", "see its log")

    unread = [b"offline"]
    with Subscriber(amqtt_broker.config, TOPICS) as subscriber:
        monkeypatch.setattr(Connection, "step", last_step)
        assert next_message(subscriber).topic == TOPICS.availability
        with pytest.raises(BrokerError):
            subscriber.receive(WAIT_S)


def test_no_broker_is_an_error_with_a_hint() -> None:
    """Nobody listens on the port."""
    config = MqttConfig(host="127.0.0.1", port=free_port(), protocol="3.1.1")
    with pytest.raises(BrokerError, match="cannot be reached"), Subscriber(config, TOPICS):
        pass


def test_two_subscribers_do_not_disturb_each_other(mosquitto: Mosquitto) -> None:
    """Each has a client id of its own, and neither has the device's."""
    with (
        Subscriber(mosquitto.config, TOPICS) as first,
        Subscriber(mosquitto.config, TOPICS) as second,
        anybody(mosquitto.port) as device,
    ):
        publish(device, TOPICS.availability, b"online")
        assert next_message(first).topic == next_message(second).topic == TOPICS.availability
