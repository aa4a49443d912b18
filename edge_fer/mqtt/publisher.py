"""The publisher: sends messages to the broker in a thread of its own, and reconnects for as long as it takes.

It owns the connection and all of its retries. A broker that is absent, refuses the connection or goes away is a state
that is logged once and reported, never an error of the daemon; a message that cannot be encoded is dropped.
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
from edge_fer.errors import BrokerError, PayloadError
from edge_fer.mqtt.connection import BrokerClient, Callbacks, Connection, Protocol
from edge_fer.mqtt.outbox import Outbox
from edge_fer.protocol.messages import Message, availability_message
from edge_fer.protocol.topics import Topics
from edge_fer.waker import Waker

_LOG = logging.getLogger(__name__)

_UNQUEUED_LIMIT = 10
"""QoS 0 messages that wait for the publisher's thread; the oldest go first."""

_LOGGED_LIMIT = 20
"""Different warnings about messages in one run; more would fill the log."""

_BACKOFF_FIRST_S = 1.0
_BACKOFF_LONGEST_S = 60.0
_STABLE_S = 10.0
"""A connection that lasted this long resets the back-off; one that the broker ends at once does not."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """Whether there is a connection to the broker.

    Attributes:
        protocol: "5" or "3.1.1" while connected.
        problem: Why there is none, with what to do; None while connected and before the first attempt.
    """

    connected: bool
    protocol: Protocol | None = None
    problem: str | None = None


class Publisher:
    """Sends messages to the broker; `publish` may be called from any thread and never waits for the network.

    Args:
        config: The broker.
        topics: Of this device; the publisher itself sends its availability.
        gap_message: Builds the event that reports dropped events: `MessageBuilder.gap`.
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
        self._unsendable = 0
        self._logged: set[str] = set()
        self._state = LinkState(connected=False)
        self._failure: Exception | None = None
        self._waker = Waker()
        self._stopping = threading.Event()
        self._flush_until_s = 0.0
        self._stop_by_s = 0.0
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def state(self) -> LinkState:
        """Whether there is a connection now."""
        return self._state

    @property
    def failure(self) -> Exception | None:
        """The error that ended the thread, or None; nothing that a broker does ends it."""
        return self._failure

    def readings(self) -> OutboxReadings:
        """Counters of events for the health message."""
        return {
            "queued": len(self._outbox),
            "acked": self._acked,
            "refused": self._refused,
            "dropped": self._outbox.dropped + self._unsendable,
        }

    def start(self) -> None:
        """Start connecting; returns at once, and never raises for an absent broker."""
        self._thread.start()

    def publish(self, message: Message) -> None:
        """Queue a message; returns at once.

        A retained message replaces the earlier one of its topic and is sent again after every reconnect. A QoS 0
        message is sent if there is a connection. Any other is an event: it waits in the outbox until the broker has
        acknowledged it.
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
        """Send what waits, publish offline, disconnect.

        Args:
            timeout_s: Longest time that this may take. What the broker has not acknowledged by then is lost.
        """
        now_s = time.monotonic()
        self._stop_by_s = now_s + timeout_s
        self._flush_until_s = now_s + 0.7 * timeout_s  # the rest is for offline and DISCONNECT
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
        except Exception as error:  # noqa: BLE001 - the top of a thread; the daemon looks at `failure`
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
                    will=availability_message(self._topics, online=False),
                    callbacks=Callbacks(on_ack=self._acknowledged),
                )
                accepted_s = time.monotonic()
                self._serve(connection)
            except BrokerError as error:
                self._set_state(LinkState(connected=False, problem=str(error)))
                was_stable = accepted_s is not None and time.monotonic() - accepted_s > _STABLE_S
                attempt = 0 if was_stable else attempt + 1
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
            self._go_offline(connection)
        finally:
            connection.close()

    def _announce(self, connection: Connection) -> None:
        self._in_flight.clear()
        self._unqueued.clear()
        self._outbox.restart()
        self._send(connection, availability_message(self._topics, online=True))
        self._unsent_retained = deque(list(self._retained))
        self._set_state(LinkState(connected=True, protocol=connection.protocol))

    def _is_flushed(self) -> bool:
        waiting = len(self._outbox) or self._unqueued
        return not waiting or time.monotonic() >= self._flush_until_s

    def _send_waiting(self, connection: Connection) -> None:
        while self._unsent_retained and len(self._in_flight) < connection.window:
            self._send(connection, self._retained[self._unsent_retained.popleft()])
        while self._unqueued:
            self._send(connection, self._unqueued.popleft())
        if gap := self._outbox.take_gap():
            self._outbox.put(self._gap_message(gap))
        while len(self._in_flight) < connection.window and (entry := self._outbox.take()):
            self._send(connection, entry.numbered(), entry.seq)

    def _send(self, connection: Connection, message: Message, seq: int | None = None) -> None:
        """Send a message, or drop it if it cannot be encoded; an event has its `seq`."""
        try:
            number = connection.publish(message)
        except PayloadError as error:
            self._log_once(f"dropped a message that cannot be encoded: {error.message} (more like it are only counted)")
            if seq is not None:
                self._outbox.done(seq)
                self._unsendable += 1
        else:
            if message.qos:
                self._in_flight[number] = seq

    def _go_offline(self, connection: Connection) -> None:
        self._send(connection, availability_message(self._topics, online=False))
        while self._in_flight and time.monotonic() < self._stop_by_s:
            connection.step(0.1)
        self._set_state(LinkState(connected=False))
        if not self._in_flight:  # else the broker publishes the will
            connection.disconnect()

    def _acknowledged(self, number: int, reason: ReasonCode) -> None:
        """PUBACK: with MQTT 5 a broker acknowledges what it denies, too; only the reason code shows it."""
        if number not in self._in_flight:
            return
        seq = self._in_flight.pop(number)
        if reason.is_failure:
            self._log_once(
                f"MQTT broker {self._broker.address} refuses messages: {reason} "
                f"(allow this device to write {self._topics.wildcard} in the broker's access list)"
            )
        if seq is not None:
            self._outbox.done(seq)
            self._refused += reason.is_failure
            self._acked += not reason.is_failure

    def _log_once(self, warning: str) -> None:
        """One line for each kind of trouble, not for each message."""
        if warning not in self._logged and len(self._logged) < _LOGGED_LIMIT:
            self._logged.add(warning)
            _LOG.warning("%s", warning)

    def _set_state(self, state: LinkState) -> None:
        """Keep the state, and log each change once."""
        if state == self._state:
            return
        self._state = state
        if state.connected:
            _LOG.info("connected to MQTT broker %s with MQTT %s", self._broker.address, state.protocol)
        elif state.problem:
            _LOG.warning("%s; retrying, events are kept", state.problem)
