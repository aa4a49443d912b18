"""The reading end of MQTT in tests: keeps every message, and checks each against the JSON Schema that ships.

It uses paho and jsonschema directly, and nothing of `edge_fer.mqtt` or the payload models: it stands for a server that
somebody else wrote from docs/mqtt.md, so that a mistake in our connection or our models cannot hide itself.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import jsonschema
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

import edge_fer
from tests.broker import WAIT_S, wait_until

SCHEMAS = Path(edge_fer.__file__).parent / "protocol" / "schemas"


@cache
def schema(name: str) -> jsonschema.Draft202012Validator:
    """The validator of one of edge_fer/protocol/schemas, formats included."""
    document = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def validate(payload: Any) -> None:
    """Check a JSON payload against the schema that it names."""
    schema(payload["schema"].removeprefix("edge_fer.").removesuffix("/1")).validate(payload)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as it came."""

    topic: str
    payload: Any
    retain: bool
    content_type: str | None = None
    expiry_s: int | None = None


class Subscriber:
    """Subscribes to everything of a broker; a context manager.

    Args:
        port: On loopback.
        mqtt5: Use MQTT 5, and so get content types and expiry.
        session: Client id of a session that the broker keeps while we are away; by default it keeps none.
    """

    def __init__(self, port: int, *, mqtt5: bool = False, session: str | None = None) -> None:
        self._port = port
        self._ready = threading.Event()
        self._invalid: list[Exception] = []
        self.arrivals: list[Arrival] = []
        protocol = MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311
        forget = None if mqtt5 else session is None
        self._client = Client(CallbackAPIVersion.VERSION2, session or "", clean_session=forget, protocol=protocol)
        self._client.on_message = self._received
        self._client.on_connect = lambda client, *_: client.subscribe("edge_fer/#", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.reconnect_delay_set(1, 1)

    def __enter__(self) -> Subscriber:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._ready.wait(WAIT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        if kind is None and self._invalid:
            raise self._invalid[0]

    def of(self, kind: str) -> list[Any]:
        """Payloads of all topics that end so, in order."""
        return [arrival.payload for arrival in list(self.arrivals) if arrival.topic.endswith(f"/{kind}")]

    def wait_for(self, kind: str, count: int = 1) -> list[Any]:
        """Payloads as `of` gives them, once there are so many."""
        wait_until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)

    def _received(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        text = message.payload.decode()
        try:
            if message.topic.endswith("/availability"):
                payload = text
                schema("availability").validate(text)
            else:
                payload = json.loads(text)
                validate(payload)
        except (ValueError, KeyError, jsonschema.ValidationError) as error:
            self._invalid.append(error)
            return
        properties = message.properties
        self.arrivals.append(
            Arrival(
                message.topic,
                payload,
                message.retain,
                getattr(properties, "ContentType", None),
                getattr(properties, "MessageExpiryInterval", None),
            )
        )
