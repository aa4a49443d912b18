"""One MQTT message, and its bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVENT_EXPIRY_S = 24 * 3600
"""How long an MQTT 5 broker keeps an event for a server that is away."""


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message on its way.

    Attributes:
        payload: Fields of a JSON object, or plain text.
        qos: 1 is sent until the broker has it; 0 is sent once, and only while connected.
        retain: The broker keeps the last one for those who subscribe later.
        expiry_s: MQTT 5 message expiry, or None for never.
    """

    topic: str
    payload: Mapping[str, Any] | str
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None


def encode(payload: Mapping[str, Any] | str) -> bytes:
    """UTF-8 as it goes over the wire; NaN, which is no JSON, raises ValueError."""
    if isinstance(payload, str):
        return payload.encode()
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
