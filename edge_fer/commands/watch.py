"""edge-fer watch: what a device sends to its server, as a live table."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge_fer.arguments import above_zero

if TYPE_CHECKING:
    from edge_fer.mqtt.subscriber import Subscriber
    from edge_fer.protocol.messages import ReceivedMessage
    from edge_fer.protocol.topics import Topics

_CONFIG = Path("config.yaml")
_REFRESH_S = 0.25
"""Between two updates of the screen."""

_FLAGS = {"host": "mqtt.host", "port": "mqtt.port", "site": "device.site", "device": "device.name"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "watch",
        help="show live what a device sends to its MQTT server",
        description=(
            "Subscribe to a device's topics and show who is there, how they feel, and how the device is. "
            "Messages that are not readable are counted. "
            "Runs until Ctrl-C. Account and TLS come from the configuration, as for 'edge-fer run'."
        ),
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="configuration (default: config.yaml where there is one)"
    )
    parser.add_argument("--host", help="broker, instead of mqtt.host")
    parser.add_argument("--port", type=int, help="its port, instead of mqtt.port")
    parser.add_argument("--site", help="site of the device, instead of device.site")
    parser.add_argument("--device", help="name of the device, instead of device.name")
    parser.add_argument("--seconds", type=above_zero, metavar="N", default=math.inf, help="stop after N seconds")
    parser.add_argument(
        "--json", action="store_true", help="print each payload as one line of JSON; availability is a string"
    )


def run(args: argparse.Namespace) -> int:
    """Watch until Ctrl-C or the time is up.

    Raises:
        BrokerError: The broker cannot be reached, refuses the connection, or closes it.
        ConfigError: The configuration or a flag is wrong.
    """
    from edge_fer.config import loading  # noqa: PLC0415
    from edge_fer.mqtt.subscriber import Subscriber  # noqa: PLC0415
    from edge_fer.protocol.topics import Topics  # noqa: PLC0415

    flags = {key: getattr(args, name) for name, key in _FLAGS.items() if getattr(args, name) is not None}
    settings = loading.load(args.config or (_CONFIG if _CONFIG.exists() else None), flags)
    topics = Topics(settings.device.site, settings.device.name)
    until_s = time.monotonic() + args.seconds
    try:
        with Subscriber(settings.mqtt, topics) as subscriber:
            if args.json:
                _print_lines(subscriber, until_s)
            else:
                _show_table(subscriber, topics, until_s)
    except KeyboardInterrupt:
        return 0
    return 0


def _print_lines(subscriber: Subscriber, until_s: float) -> None:
    from edge_fer.protocol.codec import to_json  # noqa: PLC0415

    try:
        for message in _messages(subscriber, until_s):
            sys.stdout.write(f"{to_json(message.payload)}\n")
            sys.stdout.flush()
    finally:
        if subscriber.rejections:
            sys.stderr.write(f"{subscriber.rejections}\n")


def _show_table(subscriber: Subscriber, topics: Topics, until_s: float) -> None:
    from rich.live import Live  # noqa: PLC0415

    from edge_fer.diagnostics.live_table import LiveTable  # noqa: PLC0415

    table = LiveTable(topics)
    with Live(table.render(), auto_refresh=False) as live:
        while (now_s := time.monotonic()) < until_s:
            for message in _messages(subscriber, min(now_s + _REFRESH_S, until_s)):
                table.update(message)
            live.update(table.render(subscriber.rejections), refresh=True)


def _messages(subscriber: Subscriber, until_s: float) -> Iterator[ReceivedMessage]:
    while (left_s := until_s - time.monotonic()) > 0:
        if message := subscriber.receive(left_s):
            yield message
