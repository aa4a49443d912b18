"""edge-fer watch: what a device tells its server, as a live table."""

from __future__ import annotations

import argparse
import math
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge_fer.arguments import above_zero

if TYPE_CHECKING:
    from edge_fer.config.schema import MqttConfig
    from edge_fer.mqtt.connection import Connection, OnMessage
    from edge_fer.protocol.topics import Topics

_CONFIG = Path("config.yaml")
_TURN_S = 0.25
"""Longest pause between two views of the table."""

_FLAGS = {"host": "mqtt.host", "port": "mqtt.port", "site": "device.site", "device": "device.name"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "watch",
        help="show live what a device sends to its MQTT server",
        description=(
            "Subscribe to a device's topics and show who is there, how they feel, and how the device is. "
            "Runs until Ctrl-C. Account and TLS come from the configuration, as for 'edge-fer run'."
        ),
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="configuration (default: config.yaml where there is one)"
    )
    parser.add_argument("--host", help="broker, instead of mqtt.host")
    parser.add_argument("--port", type=int, help="its port, instead of mqtt.port")
    parser.add_argument("--site", help="whose device, instead of device.site")
    parser.add_argument("--device", help="which device, instead of device.name")
    parser.add_argument("--seconds", type=above_zero, metavar="N", default=math.inf, help="stop after N seconds")
    parser.add_argument(
        "--json", action="store_true", help="print each payload as one line of JSON; availability is a string"
    )


def run(args: argparse.Namespace) -> int:
    """Watch until Ctrl-C or the time is up.

    Raises:
        BrokerError: The broker cannot be reached, refuses us, or goes away.
        ConfigError: The configuration or a flag is wrong.
    """
    from edge_fer.config import loading  # noqa: PLC0415 - a verb's imports wait until it runs
    from edge_fer.protocol.topics import Topics  # noqa: PLC0415

    flags = {key: getattr(args, name) for name, key in _FLAGS.items() if getattr(args, name) is not None}
    settings = loading.load(args.config or (_CONFIG if _CONFIG.exists() else None), flags)
    topics = Topics(settings.device.site, settings.device.name)
    until_s = time.monotonic() + args.seconds
    try:
        if args.json:
            _print_lines(settings.mqtt, topics, until_s)
        else:
            _show_table(settings.mqtt, topics, until_s)
    except KeyboardInterrupt:
        return 0
    return 0


def _print_lines(mqtt: MqttConfig, topics: Topics, until_s: float) -> None:
    def on_message(topic: str, payload: bytes, _retained: bool) -> None:
        text = payload.decode("utf-8", "replace")
        sys.stdout.write(f'"{text}"\n' if topic == topics.availability else f"{text}\n")
        sys.stdout.flush()

    with _subscribed(mqtt, topics, on_message) as connection:
        for _ in _turns(connection, until_s):
            pass


def _show_table(mqtt: MqttConfig, topics: Topics, until_s: float) -> None:
    from rich.live import Live  # noqa: PLC0415

    from edge_fer.diagnostics.live_table import LiveTable  # noqa: PLC0415

    table = LiveTable(topics)

    def on_message(topic: str, payload: bytes, _retained: bool) -> None:
        table.take(topic, payload)

    with _subscribed(mqtt, topics, on_message) as connection, Live(table.render(), auto_refresh=False) as live:
        for _ in _turns(connection, until_s):
            live.update(table.render(), refresh=True)


@contextmanager
def _subscribed(mqtt: MqttConfig, topics: Topics, on_message: OnMessage) -> Iterator[Connection]:
    from edge_fer.mqtt.connection import BrokerClient, Callbacks  # noqa: PLC0415

    connection = BrokerClient(mqtt).connect(
        client_id=f"{topics.client_id}.watch-{secrets.token_hex(4)}", callbacks=Callbacks(on_message=on_message)
    )
    try:
        connection.subscribe(topics.wildcard)
        yield connection
    finally:
        connection.disconnect()


def _turns(connection: Connection, until_s: float) -> Iterator[None]:
    """Keep the connection going; yields some times a second."""
    while (now_s := time.monotonic()) < until_s:
        turn_until_s = min(now_s + _TURN_S, until_s)
        while (left_s := turn_until_s - time.monotonic()) > 0:
            connection.step(left_s)
        yield
