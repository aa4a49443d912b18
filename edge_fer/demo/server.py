"""The far end of MQTT: subscribes as a server would, and keeps what it gets."""

from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from edge_fer.config.schema import MqttConfig
from edge_fer.errors import BrokerError
from edge_fer.mqtt.connection import BrokerClient, Callbacks
from edge_fer.protocol.topics import Topics


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it arrived.

    Attributes:
        kind: The topic below the device's own: "availability", "status", "health", "event/face", …
        payload: The JSON object, or the text where it is none.
        at_s: Monotonic seconds of its arrival.
    """

    kind: str
    payload: dict[str, Any] | str
    at_s: float


class Server:
    """A subscriber to one device, in a thread of its own; a context manager. Retained leftovers are not kept.

    Args:
        config: Where the broker is; the same account as the device's.
        topics: Of the device.

    Raises:
        BrokerError: On entering: the broker cannot be reached, or refuses us.
        ConfigError: The password or CA file cannot be read.
    """

    def __init__(self, config: MqttConfig, topics: Topics) -> None:
        self._broker = BrokerClient(config)
        self._topics = topics
        self._messages: queue.Queue[Received] = queue.Queue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="demo-server", daemon=True)

    def __enter__(self) -> Server:
        self._connection = self._broker.connect(
            client_id=f"{self._topics.client_id}.demo-server", callbacks=Callbacks(on_message=self._take)
        )
        self._connection.subscribe(self._topics.wildcard)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()

    def next(self, timeout_s: float) -> Received | None:
        """The next message; None when nothing came for `timeout_s`.

        Raises:
            BrokerError: The broker is gone, and all that came has been given.
        """
        try:
            return self._messages.get(timeout=timeout_s)
        except queue.Empty:
            if not self._thread.is_alive():
                raise BrokerError("the demo's connection to the broker is lost", "see the broker's log") from None
            return None

    def _listen(self) -> None:
        try:
            while not self._stopping.is_set():
                self._connection.step(0.1)
            self._connection.disconnect()
        except BrokerError:  # `next` tells of it, in the thread that can act on it
            self._connection.close()

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        if retained:
            return
        self._messages.put(Received(topic.removeprefix(f"{self._topics.root}/"), _decoded(payload), time.monotonic()))


def _decoded(payload: bytes) -> dict[str, Any] | str:
    text = payload.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return value if isinstance(value, dict) else text
