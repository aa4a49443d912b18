"""One MQTT message: on its way to the broker, or as it arrived from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_fer.protocol.payloads import Payload
from edge_fer.protocol.topics import OFFLINE, ONLINE, Topics

EVENT_EXPIRY_S = 24 * 3600
"""How long an MQTT 5 broker keeps an event for a server that is away."""


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message on its way.

    Attributes:
        payload: Fields of a JSON object, or plain text. `codec.encode` checks it when it is sent, in the thread that
            sends: whoever makes a message never has to handle a refused payload.
        qos: 1 is sent until the broker has it; 0 is sent once, and only while connected.
        retain: The broker keeps the last one for those who subscribe later.
        expiry_s: MQTT 5 message expiry, or None for never.
    """

    topic: str
    payload: Mapping[str, Any] | str
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One message as it arrived.

    Attributes:
        retained: The broker kept it from before the subscription.
        received_s: Monotonic seconds of its arrival.
    """

    topic: str
    payload: Payload
    retained: bool
    received_s: float


def availability_message(topics: Topics, *, online: bool) -> Message:
    """Whether the device is connected; offline is also the will."""
    return Message(topics.availability, ONLINE if online else OFFLINE, retain=True)
