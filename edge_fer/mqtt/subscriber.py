"""The reading end of MQTT: what one device publishes, each message checked by its model before anybody sees it."""

from __future__ import annotations

import secrets
import time
from collections import Counter, deque
from types import TracebackType

from edge_fer.config.schema import MqttConfig
from edge_fer.errors import BrokerError, PayloadError
from edge_fer.mqtt.connection import BrokerClient, Callbacks
from edge_fer.protocol.codec import decode
from edge_fer.protocol.messages import ReceivedMessage
from edge_fer.protocol.payload_parts import EventPayload
from edge_fer.protocol.payloads import MODELS
from edge_fer.protocol.topics import Topics, kind_of


class Subscriber:
    """Subscribes to one device; a context manager that one thread owns. It does not reconnect.

    A message that is not what docs/mqtt.md describes is counted and skipped, whatever it holds. Topics that are not on
    that page are ignored.

    Args:
        config: Where the broker is, and how to log in.
        topics: Of the device.

    Attributes:
        rejected: Messages that were not readable, by reason.
        last_rejection: What was wrong with the last of them, in one line without its values.

    Raises:
        ConfigError: The password or CA file cannot be read.
        BrokerError: On entering: the broker cannot be reached, refuses the connection, or denies the subscription.
    """

    def __init__(self, config: MqttConfig, topics: Topics) -> None:
        self._broker = BrokerClient(config)
        self._topics = topics
        self._messages: deque[ReceivedMessage] = deque()
        self.rejected: Counter[str] = Counter()
        self.last_rejection = ""

    def __enter__(self) -> Subscriber:
        self._connection = self._broker.connect(
            client_id=f"{self._topics.client_id}_reader-{secrets.token_hex(4)}",
            callbacks=Callbacks(on_message=self._take),
        )
        try:
            self._connection.subscribe(self._topics.wildcard)
        except BaseException:  # whatever it was, even an interrupt: the socket is closed and the error goes on
            self._connection.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._connection.disconnect()

    @property
    def rejections(self) -> str:
        """How many messages were not readable, and why, in one line; empty without any."""
        if not self.rejected:
            return ""
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.rejected.items())
        return f"{self.rejected.total()} messages not readable ({reasons})"

    def receive(self, timeout_s: float) -> ReceivedMessage | None:
        """The next readable message; None when none came for `timeout_s`.

        Raises:
            BrokerError: The connection is lost, and all that was read before has been given.
        """
        deadline_s = time.monotonic() + timeout_s
        while not self._messages:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return None
            try:
                self._connection.step(left_s)
            except BrokerError:
                if not self._messages:
                    raise
        return self._messages.popleft()

    def _take(self, topic: str, data: bytes, retained: bool) -> None:
        if kind_of(topic) not in MODELS:
            return
        try:
            message = _read(topic, data, retained)
        except PayloadError as error:
            self.rejected[error.reason] += 1
            self.last_rejection = error.message
        else:
            self._messages.append(message)


def _read(topic: str, data: bytes, retained: bool) -> ReceivedMessage:
    payload = decode(topic, data)
    if retained and isinstance(payload, EventPayload):
        raise PayloadError("retained event", f"{kind_of(topic)}: an event must not be retained")
    return ReceivedMessage(topic, payload, retained, time.monotonic())
