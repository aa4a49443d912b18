"""What anybody with access to a broker can publish on a device's topics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_fer.protocol.message_builder import MessageBuilder
from edge_fer.protocol.topics import Topics
from tests.broker import WAIT_S
from tests.factories import face_event, health_message, on_wire, plain

TOPICS = Topics("school-7", "room-b204")
_BUILDER = MessageBuilder(TOPICS, {}, is_synced=lambda: True)
FACE = on_wire(_BUILDER.event(face_event()))
HEALTH = plain(health_message(_BUILDER))

FOREIGN: list[tuple[str, Any, str]] = [
    (TOPICS.face, b"", "not JSON"),
    (TOPICS.face, b"[" * 60_000, "not JSON"),
    (TOPICS.health, [], "does not match its schema"),
    (TOPICS.health, 7, "does not match its schema"),
    (TOPICS.health, {"latency_ms": [1]}, "unknown schema"),
    (TOPICS.face, {**FACE, "identity": None}, "does not match its schema"),
    (TOPICS.face, {**FACE, "track": 5}, "does not match its schema"),
    (TOPICS.face, {**FACE, "seq": 10**30}, "does not match its schema"),
    (TOPICS.face, {**FACE, "identity": {**FACE["identity"], "similarity": "x"}}, "does not match its schema"),
    (TOPICS.face, {**FACE, "schema": "edge_fer.face/2"}, "unknown schema"),
    (TOPICS.face, {**FACE, "device": "room-c1"}, "wrong device"),
    (TOPICS.emotion, FACE, "unknown schema"),
    (TOPICS.face, b"\xff\xfe\x00", "not UTF-8"),
    (TOPICS.health, b" " * 1_000_000, "too large"),
    (TOPICS.availability, b"asleep", "does not match its schema"),
    (TOPICS.status, b'"online"', "does not match its schema"),
]
"""Topic, payload, reason."""


@contextmanager
def anybody(port: int) -> Iterator[Client]:
    """A client that publishes what it likes: paho itself, for ours sends nothing that is wrong."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def publish(client: Client, topic: str, payload: Any, *, retain: bool = False) -> None:
    """Send bytes, or a value as JSON, and wait until the broker has it."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    client.publish(topic, data, qos=1, retain=retain).wait_for_publish(WAIT_S)
