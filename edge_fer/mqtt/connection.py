"""One connection to the MQTT broker, from CONNECT to its end; the only file that knows paho.

Publisher and subscriber both use it. A connection belongs to one thread, which calls `step` in a loop; it does not
reconnect. It exists once the broker has accepted it (CONNACK), not earlier.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_fer.config.schema import MqttConfig
from edge_fer.errors import BrokerError
from edge_fer.mqtt.credentials import read_password, tls_context
from edge_fer.protocol.codec import encode
from edge_fer.protocol.messages import Message
from edge_fer.waker import Waker

Protocol: TypeAlias = Literal["5", "3.1.1"]
OnAck: TypeAlias = Callable[[int, ReasonCode], None]
OnMessage: TypeAlias = Callable[[str, bytes, bool], None]

_PAHO_PROTOCOLS: dict[Protocol, MQTTProtocolVersion] = {
    "5": MQTTProtocolVersion.MQTTv5,
    "3.1.1": MQTTProtocolVersion.MQTTv311,
}
_CONNECT_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 5.0
_PROBE_TIMEOUT_S = 2.0
"""How long `auto` waits for an answer to MQTT 5: amqtt 0.12 misreads a will in MQTT 5 and then does not answer."""

_WINDOW = 20
"""paho itself queues what goes beyond; it is also mosquitto's default of max_inflight_messages."""

_REFUSED_LOGIN = ("Bad user name or password", "Not authorized")
_UNSUPPORTED = "Unsupported protocol version"
_TAKEN_OVER = "Session taken over"
_KEEPALIVE_TIMEOUT = "Keep alive timeout"


class _UnsupportedProtocolError(BrokerError):
    """The broker does not accept this protocol version; it may accept another."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What a connection calls, from within `step`.

    Attributes:
        on_ack: A QoS 1 message, by the number that `publish` returned, was acknowledged with this reason code.
        on_message: Topic, payload and whether it was retained.
    """

    on_ack: OnAck | None = None
    on_message: OnMessage | None = None


class BrokerClient:
    """Connects to the broker that the configuration names.

    Raises:
        ConfigError: The password file or the CA file cannot be read.
    """

    def __init__(self, config: MqttConfig) -> None:
        self.address = f"{config.host}:{config.port}"
        self._config = config
        self._password = read_password(config)
        self._tls = tls_context(config) if config.tls else None

    def connect(self, *, client_id: str, will: Message | None = None, callbacks: Callbacks | None = None) -> Connection:
        """Connect and wait until the broker accepts.

        With `protocol: auto`, MQTT 5 is tried first, and 3.1.1 if the broker answers "unsupported protocol version",
        closes the connection or sends no CONNACK.

        Raises:
            BrokerError: It cannot be reached, or refuses the connection.
        """
        chosen = self._config.protocol
        if chosen != "auto":
            return self._connect(chosen, _ANSWER_TIMEOUT_S, client_id, will, callbacks)
        try:
            return self._connect("5", _PROBE_TIMEOUT_S, client_id, will, callbacks)
        except _UnsupportedProtocolError:
            return self._connect("3.1.1", _ANSWER_TIMEOUT_S, client_id, will, callbacks)

    def _connect(
        self, protocol: Protocol, timeout_s: float, client_id: str, will: Message | None, callbacks: Callbacks | None
    ) -> Connection:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=_PAHO_PROTOCOLS[protocol],
            clean_session=None if protocol == "5" else True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        if self._config.username is not None:
            client.username_pw_set(self._config.username, self._password)
        if self._tls:
            client.tls_set_context(self._tls)
        if will:
            client.will_set(will.topic, encode(will), will.qos, will.retain)
        connection = Connection(client, protocol, self.address, callbacks or Callbacks())
        try:
            connection.open(self._config, timeout_s)
        except BaseException:  # whatever it was, even an interrupt: the socket is closed and the error goes on
            connection.close()
            raise
        return connection


class Connection:
    """An accepted connection; made by `BrokerClient.connect`. One thread owns it.

    Attributes:
        protocol: The version that the broker accepted.
        window: QoS 1 messages that may be unacknowledged at once: our limit, or the broker's Receive Maximum if lower.
    """

    def __init__(self, client: paho.Client, protocol: Protocol, address: str, callbacks: Callbacks) -> None:
        self.protocol = protocol
        self.window = _WINDOW
        self._client = client
        self._address = address
        self._callbacks = callbacks
        self._answer: ReasonCode | None = None
        self._granted: bool | None = None
        self._end_reason = "the broker closed the connection"
        self._end_hint = "if this repeats, another client may be using the same client id"
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        client.on_message = self._received
        client.on_subscribe = self._subscribed

    def open(self, config: MqttConfig, timeout_s: float) -> None:
        """Send CONNECT and wait for CONNACK.

        Raises:
            BrokerError: Unreachable, refused, no answer, or another protocol.
        """
        clean_start = True if self.protocol == "5" else paho.MQTT_CLEAN_START_FIRST_ONLY
        try:
            self._client.connect(config.host, config.port, config.keepalive_s, clean_start=clean_start)
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name that IDNA cannot encode
            raise self._unreachable(error, tls=config.tls) from error
        self._wait(lambda: self._answer is not None, timeout_s)
        self._check_connack(self._answer)

    def step(self, timeout_s: float, waker: Waker | None = None) -> None:
        """Read and write what is due, waiting at most `timeout_s` or until the waker is woken.

        Raises:
            BrokerError: The connection is lost.
        """
        if not self._turn(min(timeout_s, 1.0), waker):  # 1 s: paho checks the keepalive in each turn
            raise BrokerError(f"MQTT broker {self._address}: {self._end_reason}", self._end_hint)

    def publish(self, message: Message) -> int:
        """Send a message; its number comes back in `on_ack` when the broker has acknowledged it (QoS 1).

        Raises:
            PayloadError: The payload cannot be encoded; nothing was sent.
        """
        info = self._client.publish(
            message.topic, encode(message), message.qos, message.retain, properties=self._properties(message)
        )
        return info.mid

    def subscribe(self, topic_filter: str) -> None:
        """Subscribe with QoS 1 and wait until the broker has granted it.

        Raises:
            BrokerError: Denied, no answer, or the connection is lost.
        """
        self._granted = None
        self._client.subscribe(topic_filter, qos=1)
        self._wait(lambda: self._granted is not None, _ANSWER_TIMEOUT_S)
        if not self._granted:
            raise BrokerError(
                f"MQTT broker {self._address}: subscription to {topic_filter} was denied",
                "allow this account to read it in the broker's access list",
            )

    def disconnect(self) -> None:
        """Send DISCONNECT, so that the broker does not publish the will; then close."""
        self._client.disconnect()
        self.close()

    def close(self) -> None:
        """Close the socket; without a DISCONNECT before, the broker publishes the will."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        self._client.on_disconnect = None

    def _wait(self, is_over: Callable[[], bool], timeout_s: float) -> None:
        """Run the network loop until `is_over`, the time is up, or the connection has ended."""
        deadline_s = time.monotonic() + timeout_s
        while not is_over():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not self._turn(left_s, None):
                return

    def _turn(self, timeout_s: float, waker: Waker | None) -> bool:
        """One round of the network loop; False when the connection has ended."""
        sock: Any = self._client.socket()
        if sock is None:
            return False
        decrypted = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        readers = [sock] if waker is None else [sock, waker]
        writers = [sock] if self._client.want_write() else []
        readable, writable, _ = select.select(readers, writers, [], 0 if decrypted else timeout_s)
        if waker is not None and waker in readable:
            waker.clear()
        if decrypted or sock in readable:
            self._client.loop_read()
        if sock in writable:
            self._client.loop_write()
        self._client.loop_misc()
        return self._client.socket() is not None

    def _properties(self, message: Message) -> Properties | None:
        if self.protocol != "5":
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = "text/plain" if isinstance(message.payload, str) else "application/json"
        properties.PayloadFormatIndicator = 1  # UTF-8
        if message.expiry_s is not None:
            properties.MessageExpiryInterval = message.expiry_s
        return properties

    def _check_connack(self, answer: ReasonCode | None) -> None:
        if answer is None:
            raise _UnsupportedProtocolError(
                f"MQTT broker {self._address} did not answer CONNECT",
                "check that mqtt.port is an MQTT port, and that mqtt.tls fits it",
            )
        if not answer.is_failure:
            return
        name = str(answer)
        if name == _UNSUPPORTED:
            raise _UnsupportedProtocolError(
                f"MQTT broker {self._address} does not support MQTT {self.protocol}", "set mqtt.protocol: auto"
            )
        hint = "check mqtt.username, mqtt.password_file and the broker's access list"
        raise BrokerError(
            f"MQTT broker {self._address} refused the connection: {name}",
            hint if name in _REFUSED_LOGIN else "see the broker's log",
        )

    def _unreachable(self, error: OSError | UnicodeError, *, tls: bool) -> BrokerError:
        if isinstance(error, ssl.SSLCertVerificationError):
            why, hint = error.verify_message, "check mqtt.ca_file, and that the certificate names mqtt.host"
        elif isinstance(error, ssl.SSLError) or (tls and isinstance(error, ConnectionResetError)):
            why, hint = "this port does not use TLS", "check that mqtt.port is the broker's TLS port"
        elif isinstance(error, (socket.gaierror, UnicodeError)):
            why, hint = "no such host", "check mqtt.host and the name server"
        else:
            why = (error.strerror or str(error)).lower()
            hint = "start the broker, or check mqtt.host and mqtt.port"
        return BrokerError(f"MQTT broker {self._address} cannot be reached: {why}", hint)

    def _connected(self, _client: paho.Client, _data: Any, _flags: Any, answer: ReasonCode, properties: Any) -> None:
        self._answer = answer
        self.window = min(_WINDOW, getattr(properties, "ReceiveMaximum", _WINDOW))

    def _disconnected(self, _client: paho.Client, _data: Any, flags: Any, reason: ReasonCode, _more: Any) -> None:
        if str(reason) == _TAKEN_OVER:
            self._end_reason = "another client is using the same client id"
            self._end_hint = "give each device of a site its own device.name"
        elif flags.is_disconnect_packet_from_server:
            self._end_reason = f"the broker ended the connection: {reason}"
        elif str(reason) == _KEEPALIVE_TIMEOUT:
            self._end_reason, self._end_hint = "keepalive timeout", "check the network and the broker"

    def _published(self, _client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _more: Any) -> None:
        if self._callbacks.on_ack:
            self._callbacks.on_ack(mid, reason)

    def _subscribed(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self._granted = not any(reason.is_failure for reason in reasons)

    def _received(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # a topic that MQTT forbids, and none of ours
            return
        if self._callbacks.on_message:
            self._callbacks.on_message(topic, bytes(message.payload), message.retain)
