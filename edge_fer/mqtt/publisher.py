"""The publisher: events from the outbox to the broker, in a thread of its own, whatever the broker does.

It owns the connection and all of its retries. A broker that is absent, refuses us or goes away is a state that is
logged once and reported, never an error of the daemon.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt.reasoncodes import ReasonCode

from edge_fer.config.schema import MqttConfig
from edge_fer.domain.events import Gap
from edge_fer.domain.health import OutboxReadings
from edge_fer.errors import BrokerError
from edge_fer.mqtt.connection import BrokerClient, Callbacks, Connection, Protocol
from edge_fer.mqtt.outbox import Outbox
from edge_fer.protocol.messages import Message
from edge_fer.protocol.topics import Topics
from edge_fer.waker import Waker

_LOG = logging.getLogger(__name__)

_UNQUEUED_LIMIT = 10
"""QoS 0 messages that may wait for the publisher's thread."""

_BACKOFF_FIRST_S = 1.0
_BACKOFF_LONGEST_S = 60.0
_STABLE_S = 10.0
"""A connection that held this long starts the back-off anew; one that is thrown out at once does not."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """How it stands with the broker.

    Attributes:
        protocol: "5" or "3.1.1" while connected.
        problem: What keeps us from being connected, with what to do; None while connected and before the first attempt.
    """

    connected: bool
    protocol: Protocol | None = None
    problem: str | None = None


class Publisher:
    """Sends messages to the broker; `publish` may be called from any thread and never waits for the network.

    Args:
        config: The broker.
        topics: Of this device; its availability is the publisher's own business.
        gap_message: Makes the event that tells of dropped events: `Payloads.gap`.
        backoff_s: First and longest bound of the pause between two attempts.

    Raises:
        ConfigError: The password file or the CA file cannot be read.
    """

    def __init__(
        self,
        config: MqttConfig,
        topics: Topics,
        *,
        gap_message: Callable[[Gap], Message],
        backoff_s: tuple[float, float] = (_BACKOFF_FIRST_S, _BACKOFF_LONGEST_S),
    ) -> None:
        self._broker = BrokerClient(config)
        self._topics = topics
        self._gap_message = gap_message
        self._backoff_s = backoff_s
        self._outbox = Outbox(config.queue_limit)
        self._retained: dict[str, Message] = {}
        self._unsent_retained: deque[str] = deque()
        self._unqueued: deque[Message] = deque(maxlen=_UNQUEUED_LIMIT)
        self._in_flight: dict[int, int | None] = {}
        self._acked = 0
        self._refused = 0
        self._refusals_told: set[str] = set()
        self._state = LinkState(connected=False)
        self._failure: Exception | None = None
        self._waker = Waker()
        self._stopping = threading.Event()
        self._flush_until_s = 0.0
        self._stop_by_s = 0.0
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def state(self) -> LinkState:
        """How it stands with the broker now."""
        return self._state

    @property
    def failure(self) -> Exception | None:
        """A fault of ours that ended the thread, or None; never the broker's doing."""
        return self._failure

    def readings(self) -> OutboxReadings:
        """Counters of events for the health message."""
        return {
            "queued": len(self._outbox),
            "acked": self._acked,
            "refused": self._refused,
            "dropped": self._outbox.dropped,
        }

    def start(self) -> None:
        """Begin to connect; returns at once, and never raises for an absent broker."""
        self._thread.start()

    def publish(self, message: Message) -> None:
        """Hand over a message; returns at once.

        A retained one replaces what was told on its topic and is sent again after every reconnect. QoS 0 is sent if we
        are connected. All else is an event: it waits in the outbox until the broker has it.
        """
        if message.retain:
            self._retained[message.topic] = message
            if message.topic not in self._unsent_retained:
                self._unsent_retained.append(message.topic)
        elif message.qos == 0:
            self._unqueued.append(message)
        else:
            self._outbox.put(message)
        self._waker.wake()

    def stop(self, timeout_s: float) -> None:
        """Flush what can be flushed, say offline, disconnect.

        Args:
            timeout_s: Longest time that this may take. What the broker has not taken by then is lost.
        """
        now_s = time.monotonic()
        self._stop_by_s = now_s + timeout_s
        self._flush_until_s = now_s + 0.7 * timeout_s  # the rest is for saying goodbye
        self._stopping.set()
        self._waker.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s + 0.5)
        if lost := len(self._outbox):
            _LOG.warning("%d events could not be delivered before the stop", lost)
        if self._thread.ident is None:  # never started; else the thread closes it, however late it ends
            self._waker.close()

    def _run(self) -> None:
        try:
            self._keep_connected()
        except Exception as error:  # noqa: BLE001 - the top of a thread; the daemon views at `failure`
            self._failure = error
            _LOG.exception("the MQTT thread failed")
        finally:
            self._waker.close()

    def _keep_connected(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            accepted_s = None
            try:
                connection = self._broker.connect(
                    client_id=self._topics.client_id,
                    will=self._topics.availability_message(online=False),
                    callbacks=Callbacks(on_ack=self._answered),
                )
                accepted_s = time.monotonic()
                self._serve(connection)
            except BrokerError as error:
                self._set_state(LinkState(connected=False, problem=str(error)))
                held = accepted_s is not None and time.monotonic() - accepted_s > _STABLE_S
                attempt = 0 if held else attempt + 1
                self._stopping.wait(self._pause_s(attempt))

    def _pause_s(self, attempt: int) -> float:
        """Full jitter. Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015."""
        first_s, longest_s = self._backoff_s
        return random.uniform(0, min(longest_s, first_s * 2 ** min(attempt, 16)))

    def _serve(self, connection: Connection) -> None:
        try:
            self._announce(connection)
            while not (self._stopping.is_set() and self._is_flushed()):
                self._send_waiting(connection)
                connection.step(0.1 if self._stopping.is_set() else 1.0, self._waker)
            self._say_goodbye(connection)
        finally:
            connection.close()

    def _announce(self, connection: Connection) -> None:
        self._in_flight.clear()
        self._unqueued.clear()
        self._outbox.restart()
        self._send(connection, self._topics.availability_message(online=True))
        self._unsent_retained = deque(list(self._retained))
        self._set_state(LinkState(connected=True, protocol=connection.protocol))

    def _is_flushed(self) -> bool:
        waiting = len(self._outbox) or self._unqueued
        return not waiting or time.monotonic() >= self._flush_until_s

    def _send_waiting(self, connection: Connection) -> None:
        while self._unsent_retained and len(self._in_flight) < connection.window:
            self._send(connection, self._retained[self._unsent_retained.popleft()])
        while self._unqueued:
            connection.publish(self._unqueued.popleft())
        if gap := self._outbox.take_gap():
            self._outbox.put(self._gap_message(gap))
        while len(self._in_flight) < connection.window and (entry := self._outbox.take()):
            message = entry.message
            sent = Message(message.topic, entry.payload(), message.qos, message.retain, message.expiry_s)
            self._send(connection, sent, entry.seq)

    def _send(self, connection: Connection, message: Message, seq: int | None = None) -> None:
        self._in_flight[connection.publish(message)] = seq

    def _say_goodbye(self, connection: Connection) -> None:
        self._send(connection, self._topics.availability_message(online=False))
        while self._in_flight and time.monotonic() < self._stop_by_s:
            connection.step(0.1)
        self._set_state(LinkState(connected=False))
        if not self._in_flight:  # else the will says offline for us
            connection.disconnect()

    def _answered(self, number: int, reason: ReasonCode) -> None:
        """PUBACK: a broker that denies a message with MQTT 5 acknowledges it, too; only the reason code tells."""
        if number not in self._in_flight:
            return
        seq = self._in_flight.pop(number)
        if reason.is_failure:
            self._tell_refusal(str(reason))
        if seq is not None:
            self._outbox.done(seq)
            self._refused += reason.is_failure
            self._acked += not reason.is_failure

    def _tell_refusal(self, reason: str) -> None:
        if reason not in self._refusals_told:
            self._refusals_told.add(reason)
            _LOG.warning(
                "MQTT broker %s refuses messages: %s (allow this device to write %s in the broker's access list)",
                self._broker.address,
                reason,
                self._topics.wildcard,
            )

    def _set_state(self, state: LinkState) -> None:
        """Note how it stands, and log it once per change."""
        if state == self._state:
            return
        self._state = state
        if state.connected:
            _LOG.info("connected to MQTT broker %s with MQTT %s", self._broker.address, state.protocol)
        elif state.problem:
            _LOG.warning("%s; retrying, events are kept", state.problem)
